import { afterEach, expect, it, vi } from 'vitest'
import type { ScrubEvent } from '../../../../src/shared/api/schemas.ts'
import type { NetworkService } from '../../../../src/main/core/network/network-service.ts'
import type { Upkeep } from '../../../../src/main/core/vault/upkeep.ts'
import { type OpenVault, PIN, startVault } from '../../../faults/support/clinic.ts'
import { damage } from '../../../faults/support/scrubbing.ts'
import { clinicOf, holder, weigh, weightsIn, type World } from '../../../support/consent-world.ts'
import { isAllFinal, joinedTo, networkedClinic, until } from '../../../support/two-clinics.ts'
import { insideOf } from '../../../support/inside.ts'

const LIMIT = { timeout: 120_000 }
const partsOf = ({ vault }: OpenVault) => insideOf<{ network: NetworkService; upkeep: Upkeep }>(vault)

afterEach(() => {
  vi.restoreAllMocks()
})

/** A clinic with two weights, closed, and another clinic that holds all of it. */
async function keptByAnother({ isCustodian = true } = {}) {
  const a = await networkedClinic()
  const b = await joinedTo(a)
  const { settings } = await a.vault.networkStatus()
  if (isCustodian) await a.vault.configureNetwork({ ...settings, custodians: [clinicOf(b).identity.site] })
  const patient = await holder(a, 1)
  await weigh(a, patient, '70.1')
  const [row] = await weigh(a, patient, '70.2')
  const index = row?.status === 'verified' ? row.position.index : -1
  const { origin } = a.clinic().identity
  await until('everything of it is there', async () => {
    const bound = a.clinic().store.payloadPlaces(origin, 0, a.clinic().replica.head.size).length
    const held = clinicOf(b).store.payloadPlaces(origin, 0, clinicOf(b).store.entries(origin, 0, 5000).length).length
    return (await isAllFinal(b, 2)) && (!isCustodian || held === bound)
  })
  await a.vault.close()
  return { a, b, patient, origin, index }
}

/** Opens the clinic again after `sql`, with IT signed in and the other clinic connected, and holding its log. */
async function again({ folder, team }: World, sql: string): Promise<OpenVault> {
  damage(folder, (db) => db.exec(sql))
  const open = await startVault(folder)
  await open.vault.signIn(team.it, PIN)
  await until('the other is there', () => partsOf(open).network.holders(new AbortController().signal).length > 0)
  return open
}

async function scrub(open: OpenVault): Promise<ScrubEvent | undefined> {
  const from = open.events.length
  await open.vault.scrub(1, null)
  return open.events
    .slice(from)
    .flatMap((event) => (event.kind === 'scrub' ? [event.event] : []))
    .at(-1)
}

/** Rows of a table that belong to a log, from `index` on when that is given. */
const where = (origin: string, index: number) =>
  `WHERE pos = (SELECT id FROM log WHERE origin = '${origin}') * 1099511627776 + ${index}`

it(
  'gets a changed entry and its payload, key and salt back from a custodian, and says whose they were',
  LIMIT,
  async () => {
    const { a, b, patient, origin, index } = await keptByAnother()
    const open = await again(
      a,
      `UPDATE entry SET bytes = x'a0' ${where(origin, index)};
     DELETE FROM payload ${where(origin, index)};
     DELETE FROM epoch_key WHERE subject = x'${patient.handle}'`,
    )
    const done = await scrub(open)
    expect(done).toMatchObject({ kind: 'done', open: 0, isWhole: true })
    const [incident] = await open.vault.incidents()
    expect(incident).toMatchObject({ kind: 'rows.repaired', nodes: [clinicOf(b).identity.log] })
    expect(new Set(incident?.rows.map(({ kind }) => kind))).toEqual(
      new Set(['entry', 'payload', 'epoch-key', 'recovery-copy']),
    )
    await open.vault.signOut()
    await open.vault.signIn(a.team.nurse, PIN)
    expect(weightsIn(await open.vault.chart(patient.handle, 1))).toEqual(['70.1', '70.2'])
  },
)

it('takes nothing that a node makes up, and names what nobody has as lost, once', LIMIT, async () => {
  const { a, b, patient, origin, index } = await keptByAnother()
  const { store } = clinicOf(b)
  const { payload } = store
  vi.spyOn(store, 'payload').mockImplementation((...of) => {
    const row = payload.apply(store, of)
    return row === null ? null : { ...row, salt: row.salt.map((byte) => byte ^ 1) }
  })
  const mirror = partsOf(b).network.logs.mirror(origin)
  if (mirror === null) throw new Error('the log is mirrored')
  const whole = mirror.package.bind(mirror)
  const asked = vi.spyOn(mirror, 'package').mockImplementation((size, at) => {
    const found = whole(size, at)
    return found === null ? null : { ...found, entries: found.entries.map((bytes) => bytes.map((byte) => byte ^ 1)) }
  })
  const open = await again(
    a,
    `UPDATE payload SET ciphertext = zeroblob(512) ${where(origin, index)};
     UPDATE entry SET bytes = x'a0' ${where(origin, index - 2)}`,
  )
  for (const _ of [1, 2]) expect(await scrub(open)).toMatchObject({ kind: 'done', open: 2, repaired: 0 })
  expect(asked).toHaveBeenCalled()
  const incidents = await open.vault.incidents()
  expect(incidents.map(({ kind, nodes }) => ({ kind, nodes }))).toEqual([{ kind: 'rows.lost', nodes: [] }])
  expect(incidents[0]?.rows.map(({ kind, outcome }) => `${kind} ${outcome}`)).toEqual(['entry open', 'payload open'])
  // Asked again, and honest now: it comes back.
  vi.restoreAllMocks()
  expect(await scrub(open)).toMatchObject({ kind: 'done', open: 0, repaired: 2 })
  await open.vault.signOut()
  await open.vault.signIn(a.team.nurse, PIN)
  expect(weightsIn(await open.vault.chart(patient.handle, 1))).toEqual(['70.1', '70.2'])
})

it('is mended by itself when a node comes that has it, after nobody was there', LIMIT, async () => {
  const { a, b, origin, index } = await keptByAnother()
  await b.vault.close()
  damage(a.folder, (db) =>
    db.exec(`DELETE FROM payload ${where(origin, index)};
             DELETE FROM tile WHERE level = 0 AND log = (SELECT id FROM log WHERE origin = '${origin}')`),
  )
  const open = await startVault(a.folder)
  await open.vault.signIn(a.team.it, PIN)
  expect(await scrub(open)).toMatchObject({ kind: 'done', open: 1, repaired: 1 })
  expect((await open.vault.incidents())[0]).toMatchObject({ kind: 'rows.damaged' })
  const other = await startVault(b.folder)
  await until('it is back', () => clinicOf(open).store.payload(origin, index) !== null, 90_000)
  await until('that is recorded', async () => {
    const [incident] = await open.vault.incidents()
    return incident?.kind === 'rows.repaired' && incident.nodes.join() === clinicOf(other).identity.log
  })
})
