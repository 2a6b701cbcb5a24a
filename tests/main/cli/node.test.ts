import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { openStore } from '../../../src/main/store/open.ts'
import { PIN, temporaryFolder } from '../../faults/support/clinic.ts'
import { holder, weigh } from '../../support/consent-world.ts'
import { healthAt, PASSPHRASE, startNode } from '../../support/node-process.ts'
import { freePort } from '../../support/free-port.ts'
import { networkedClinic, until } from '../../support/two-clinics.ts'

describe('chartseal node', () => {
  it(
    'joins with an invitation, mirrors, cosigns, says how it is, and goes on after a restart',
    { timeout: 180_000 },
    async () => {
      const a = await networkedClinic()
      const folder = temporaryFolder()
      const [data, invitation, passphrase] = ['data', 'invitation', 'passphrase'].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ]
      const { text } = await a.vault.invite({ days: 1, pin: PIN })
      writeFileSync(invitation, text)
      writeFileSync(passphrase, `${PASSPHRASE}\n`, { mode: 0o600 })
      const health = await freePort()
      const usual = ['--data', data, '--passphrase-file', passphrase, '--no-listen', '--no-discovery']
      const node = startNode([...usual, '--health', String(health), '--join', invitation])
      await until('the node is taken in', async () => (await healthAt(health))?.status === 200, 60_000)
      expect(statSync(join(data, 'recovery-key.txt')).mode & 0o777).toBe(0o600)
      const patient = await holder(a, 1)
      await weigh(a, patient, '70.1')
      const isFinal = async () => {
        const { logs } = await a.vault.networkStatus()
        return logs.length === 2 && logs.every(({ final, known }) => known > 0 && final >= known)
      }
      await until('what is written becomes final with its vote', isFinal)
      expect((await healthAt(health))?.body).toMatchObject({
        ...{ ok: true, state: 'ready' },
        network: { sites: 2, connected: 1, isQuorumThere: true, stopped: [] },
      })
      node.child.kill('SIGTERM')
      expect(await node.exit).toBe(0)
      await weigh(a, patient, '70.2')
      expect(await isFinal()).toBe(false)
      const again = startNode(usual)
      await until('it catches up', isFinal, 60_000)
      again.child.kill('SIGTERM')
      expect(await again.exit).toBe(0)
      // Logs name nobody and hold no secret.
      const said = `${node.said.err}${node.said.out}${again.said.err}`
      expect(said).not.toMatch(/Family1|Nora|70\.[12]|staple/)
      expect(said).not.toContain(readFileSync(join(data, 'recovery-key.txt'), 'utf8').trim())
      expect(
        again.said.err
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as object),
      ).toContainEqual(expect.objectContaining({ event: 'state', state: 'ready' }))
    },
  )

  it('joins its own clinic under a code, and holds what the other disk holds', { timeout: 180_000 }, async () => {
    const a = await networkedClinic()
    const patient = await holder(a, 1)
    await weigh(a, patient, '70.1')
    await a.vault.signIn(a.team.it, PIN)
    const folder = temporaryFolder()
    const [data, invitation, passphrase] = ['data', 'invitation', 'passphrase'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    const { id, text } = await a.vault.invite({ days: 1, kind: 'workstation', pin: PIN })
    writeFileSync(invitation, text)
    writeFileSync(passphrase, `${PASSPHRASE}\n`, { mode: 0o600 })
    const health = await freePort()
    const usual = ['--data', data, '--passphrase-file', passphrase, '--no-listen', '--no-discovery']
    const node = startNode([...usual, '--health', String(health), '--join', invitation])
    const code = () => /"state":"voting".*"code":"([A-Z2-7-]+)"/.exec(node.said.err)?.[1] ?? null
    await until('it says its code', () => code() !== null, 60_000)
    await a.vault.letIn({ id, code: code() ?? '', pin: PIN })
    const isOk = async () => (await healthAt(health))?.body.ok === true
    await until('it is in', isOk, 60_000)
    // The clinic has a recovery key already.
    expect(existsSync(join(data, 'recovery-key.txt'))).toBe(false)
    const held = async () => {
      const { copies, logs } = await a.vault.networkStatus()
      return copies.logs === 1 && logs.length === 2 && logs.every(({ final, known }) => known > 0 && final >= known)
    }
    await until('every entry is there, and final', held, 60_000)
    const { origin } = a.clinic().identity
    const payloads = a.clinic().store.payloadPlaces(origin, 0, a.clinic().replica.live.head.size).length
    const copied = () => {
      const store = openStore(join(data, 'clinic', 'ledger.db'), { mode: 'existing' })
      try {
        return store.payloadPlaces(origin, 0, 1_000_000).length
      } finally {
        store.close()
      }
    }
    await until('every sealed record is there', () => copied() === payloads, 60_000)
    node.child.kill('SIGTERM')
    expect(await node.exit).toBe(0)
    expect(`${node.said.err}${node.said.out}`).not.toMatch(/Family1|Nora|70\.1|staple/)
  })

  it.each([
    ['no data folder', [], 2],
    ['a passphrase among the arguments', ['--data', 'x', '--passphrase', 'y'], 2],
    ['a port that is none', ['--data', 'x', '--port', '70000'], 2],
  ])('refuses %s', async (_what, args, code) => {
    const folder = temporaryFolder()
    const { exit } = startNode(args.map((arg) => (arg === 'x' ? folder : arg)))
    expect(await exit).toBe(code)
  })

  it('does nothing in an empty folder without an invitation', async () => {
    const folder = temporaryFolder()
    const passphrase = join(folder, 'passphrase')
    writeFileSync(passphrase, `${PASSPHRASE}\n`, { mode: 0o600 })
    const { exit, said } = startNode(['--data', join(folder, 'data'), '--passphrase-file', passphrase])
    expect(await exit).toBe(2)
    expect(said.err).toContain('WRONG_STATE')
    expect(existsSync(join(folder, 'data', 'clinic'))).toBe(false)
  })
})
