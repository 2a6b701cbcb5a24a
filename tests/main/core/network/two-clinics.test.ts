import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { Vault } from '../../../../src/main/core/vault/vault.ts'
import type { VaultEvent } from '../../../../src/main/core/vault-service.ts'
import { cleanUp, NODE_SECRET, PIN, temporaryFolder } from '../../../faults/support/clinic.ts'

/** A port that is free now. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const address = server.address()
  await new Promise((done) => server.close(done))
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

/** A vault on a folder of its own, with real sockets. */
async function site() {
  const folder = temporaryFolder()
  const events: VaultEvent[] = []
  const vault = new Vault((event) => events.push(event), Date.now)
  await vault.start({ dataFolder: folder, demo: false, nodeSecret: NODE_SECRET, scryptLogN: 10 })
  cleanUp(() => vault.close())
  return { vault, folder, events }
}

/** Waits for something that comes by itself. */
async function until(what: string, condition: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> {
  const end = Date.now() + ms
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`did not happen: ${what}`)
    await new Promise((done) => setTimeout(done, 50))
  }
}

const stateOf = ({ events }: { events: VaultEvent[] }) =>
  events.flatMap((event) => (event.kind === 'state' ? [event.state] : [])).at(-1)

async function twoClinics() {
  const [a, b] = [await site(), await site()]
  await a.vault.createClinic({ clinicName: 'Harbour', passphrase: null, administrator: { name: 'Ida IT', pin: PIN } })
  const [ida] = await a.vault.practitioners()
  await a.vault.signIn(ida?.handle ?? '', PIN)
  const quiet = { discovery: false, relay: false, peers: [], custodians: [] }
  const port = await freePort()
  await a.vault.configureNetwork({ ...quiet, port, announce: [`127.0.0.1:${port}`] })
  const { text } = await a.vault.invite({ days: 1, pin: PIN })
  await b.vault.joinNetwork({
    clinicName: 'Hill',
    passphrase: null,
    administrator: { name: 'Ivo IT', pin: PIN },
    invitation: text,
  })
  await until('the second clinic is taken in', () => stateOf(b)?.state === 'ready')
  const [ivo] = await b.vault.practitioners()
  await b.vault.signIn(ivo?.handle ?? '', PIN)
  return { a, b }
}

describe('two clinics', () => {
  it('share one ledger: logs are mirrored, cosigned and final on both sides', async () => {
    const { a, b } = await twoClinics()
    const final = async (where: typeof a) =>
      (await where.vault.networkStatus()).logs.map((log) => log.final >= log.known && log.known > 0)
    await until('everything is final on both sides', async () => {
      const all = [...(await final(a)), ...(await final(b))]
      return all.length === 4 && all.every(Boolean)
    })
    expect((await a.vault.networkStatus()).quorum).toMatchObject({ sites: 2, needed: 2, reachable: 2, isThere: true })
    expect((await a.vault.networkStatus()).invitations).toMatchObject([{ state: 'used' }])
  })
})
