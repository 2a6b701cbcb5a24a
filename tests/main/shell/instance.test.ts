import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { announceInstance, callInstance, INSTANCE_FILE } from '../../../src/main/shell/instance.ts'

let folder: string
const cleanups: (() => unknown)[] = []
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chartseal-instance-'))
})
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
  rmSync(folder, { recursive: true, force: true })
})

const file = () => join(folder, INSTANCE_FILE)
const record = () => JSON.parse(readFileSync(file(), 'utf8')) as { port: number; secret: string; pid: number }
const reply = { windows: 1, url: `http://127.0.0.1:8123/launch/${'a'.repeat(43)}` }

async function announce(focus = vi.fn(() => reply)) {
  const stop = await announceInstance(folder, focus)
  cleanups.push(stop)
  return { focus, stop }
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

describe('a running instance', () => {
  it('comes to the front for who can read its file', async () => {
    const { focus } = await announce()
    await expect(callInstance(folder)).resolves.toEqual({ kind: 'running', pid: process.pid, reply })
    expect(focus).toHaveBeenCalledOnce()
  })

  it('keeps its file to itself', async () => {
    await announce()
    expect(statSync(file()).mode & 0o777).toBe(0o600)
  })

  it.each([
    ['no secret', 'POST', '/focus', ''],
    ['a wrong secret', 'POST', '/focus', `Bearer ${'0'.repeat(64)}`],
    ['another method', 'GET', '/focus', 'right'],
    ['another path', 'POST', '/', 'right'],
  ])('refuses %s', async (_what, method, path, authorization) => {
    const { focus } = await announce()
    const { port, secret } = record()
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { authorization: authorization === 'right' ? `Bearer ${secret}` : authorization },
    })
    expect(response.status).toBe(403)
    expect(focus).not.toHaveBeenCalled()
  })

  it('runs without its file where none can be written', async () => {
    const stop = await announceInstance(join(folder, 'missing'), () => reply)
    await stop()
    await expect(callInstance(join(folder, 'missing'))).resolves.toEqual({ kind: 'none' })
  })

  it('leaves no file behind, but leaves the file of a later one', async () => {
    const { stop } = await announce()
    const later = JSON.stringify({ ...record(), secret: 'f'.repeat(64) })
    writeFileSync(file(), later)
    await stop()
    expect(readFileSync(file(), 'utf8')).toBe(later)
    const own = await announceInstance(folder, () => reply)
    await own()
    await expect(callInstance(folder)).resolves.toEqual({ kind: 'none' })
    expect(() => statSync(file())).toThrow('ENOENT')
  })
})

describe('callInstance', () => {
  it.each([
    ['nothing', null],
    ['no JSON', '{'],
    ['no record', '[]'],
    ['a bad port', JSON.stringify({ port: 99999, secret: 'a'.repeat(64), pid: 1 })],
    ['a bad secret', JSON.stringify({ port: 1, secret: 'a\r\nx: y', pid: 1 })],
  ])('finds nobody behind %s', async (_what, text) => {
    if (text !== null) writeFileSync(file(), text)
    await expect(callInstance(folder)).resolves.toEqual({ kind: 'none' })
  })

  it('finds nobody behind the file of a crashed instance', async () => {
    const server = createServer()
    const port = await listen(server)
    await new Promise((resolve) => server.close(resolve))
    writeFileSync(file(), JSON.stringify({ port, secret: 'a'.repeat(64), pid: 1 }))
    await expect(callInstance(folder)).resolves.toEqual({ kind: 'none' })
  })

  it('finds nobody when another program has the port now', async () => {
    const port = await listen(createServer((_request, response) => response.writeHead(404).end()))
    writeFileSync(file(), JSON.stringify({ port, secret: 'a'.repeat(64), pid: 1 }))
    await expect(callInstance(folder)).resolves.toEqual({ kind: 'none' })
  })

  it('says when the listener does not answer', async () => {
    const port = await listen(createServer(() => undefined))
    writeFileSync(file(), JSON.stringify({ port, secret: 'a'.repeat(64), pid: 77 }))
    await expect(callInstance(folder, 50)).resolves.toEqual({ kind: 'silent', pid: 77 })
  })

  it('opens no address but one of ours', async () => {
    await announce(vi.fn(() => ({ windows: 0, url: 'https://example.org/launch/x' })))
    await expect(callInstance(folder)).resolves.toMatchObject({ kind: 'running', reply: { windows: 0, url: null } })
  })
})
