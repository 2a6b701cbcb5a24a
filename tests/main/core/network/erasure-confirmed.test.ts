import { expect, it } from 'vitest'
import { erasureConfirmed, type ErasureLeaf } from '../../../../src/ledger/erasure-confirmation.ts'
import { encodeIncident } from '../../../../src/ledger/fields.ts'
import { ApiFailure } from '../../../../src/main/core/failure.ts'
import { ErasureConfirmations } from '../../../../src/main/core/vault/erasure-confirmations.ts'
import { fromHex } from '../../../../src/shared/bytes.ts'
import { codeOf, type OpenVault, PIN, startVault } from '../../../faults/support/clinic.ts'
import { clinicOf, holder, type World } from '../../../support/consent-world.ts'
import { joinedTo, networkedClinic, third, until, workstationOf } from '../../../support/two-clinics.ts'

/** Erases everything about a new patient. Leaves IT signed in. */
async function erased(a: World, n: number): Promise<void> {
  const { handle } = await holder(a, n)
  await a.vault.signIn(a.team.physician, PIN)
  const why = { reason: 'patient-request', authority: 'gdpr-17' } as const
  const { id } = await a.vault.requestErasure({ handle, records: null, ...why, pin: PIN })
  await a.vault.signIn(a.team.it, PIN)
  await a.vault.approveErasure({ id, pin: PIN })
}

async function newestOf({ vault }: Pick<OpenVault, 'vault'>) {
  const [newest] = await vault.erasures()
  if (newest === undefined) throw new Error('nothing was erased')
  return newest
}

/** What is shown of the newest erasure, by site. */
async function sitesOf(open: Pick<OpenVault, 'vault'>) {
  return new Map((await newestOf(open)).sites.map((one) => [one.site, one]))
}

const stateAt = async (a: OpenVault, site: string) => (await sitesOf(a)).get(site)?.state

/** Says in a node's log that something is gone, true or not. */
async function says(open: OpenVault, erasures: readonly ErasureLeaf[]): Promise<void> {
  const { writer, logSigner, random, nowMs } = clinicOf(open)
  const fields = encodeIncident(erasureConfirmed(erasures))
  const draft = { id: random(16), type: 'incident', subject: null, timeMs: nowMs(), payload: null, fields } as const
  await writer.record([{ ...draft, signers: [logSigner] }])
}

it('is confirmed by each site for itself, also by one that hears of it after a restart', async () => {
  const a = await networkedClinic()
  const b = await joinedTo(a)
  const c = await third(a, b)
  const site = { b: clinicOf(b).identity.site, c: clinicOf(c).identity.site }
  await b.vault.close()
  await erased(a, 1)
  await until('the third clinic confirms', async () => (await stateAt(a, site.c)) === 'confirmed')
  expect((await sitesOf(a)).get(site.b)).toEqual({
    ...{ site: site.b, isOwn: false, state: 'open', at: null, nodes: 1, confirmed: 0 },
  })

  const { origin } = a.clinic().identity
  const { index } = await newestOf(a)
  const leaf = (at: number) => a.clinic().replica.log(origin)!.leafAt(at)
  // It can say it once more, but not for another clinic; and of another version of the log nothing.
  await says(c, [{ origin, index, leaf: leaf(index) }])
  await says(c, [
    { origin, index: 0, leaf: leaf(1) },
    { origin, index: 9_999, leaf: leaf(1) },
    { origin, index: 1, leaf: leaf(1) },
  ])
  const confirmed = (at: number) => clinicOf(a).foreign!.confirmations({ origin, index: at })
  await until('the lies have come', () => confirmed(1).length === 1)
  expect([confirmed(0), confirmed(9_999), confirmed(index).length]).toEqual([[], [], 1])
  expect(await stateAt(a, site.b)).toBe('open')

  await a.vault.close()
  const again = await startVault(a.folder)
  await again.vault.signIn(a.team.it, PIN)
  await until('what was confirmed is known', async () => (await stateAt(again, site.c)) === 'confirmed')
  expect(await stateAt(again, site.b)).toBe('open')
  const late = await startVault(b.folder)
  await until('the late one confirms', async () => (await stateAt(again, site.b)) === 'confirmed', 60_000)
  const said = (open: OpenVault) => clinicOf(open).replica.incidents.length
  expect(said(late)).toBe(1)

  const { store } = clinicOf(again)
  const { entryId } = await newestOf(again)
  expect(store.erasureSites(fromHex(entryId))).toEqual([])
  store.putErasureSites(fromHex(entryId), ['gone.example/gone'])
  expect((await sitesOf(again)).get('gone.example/gone')).toMatchObject({ state: 'left', at: null })
}, 180_000)

it('is confirmed by the other workstations of the own clinic', async () => {
  const a = await networkedClinic()
  await workstationOf(a)
  await erased(a, 1)
  const { site } = a.clinic().identity
  await until('the other one confirms', async () => (await stateAt(a, site)) === 'confirmed')
  expect((await sitesOf(a)).get(site)).toMatchObject({ isOwn: true, nodes: 1, confirmed: 1 })
}, 120_000)

it('is said once, also by whoever does not remember, and later where it could not be', async () => {
  const a = await networkedClinic()
  const clinic = clinicOf(a)
  const { writer, replica } = clinic
  const gone = [{ origin: 'lake.example/lake/node/1', index: 4, leaf: new Uint8Array(32).fill(1) }]
  const full: typeof writer.record = () => Promise.reject(new ApiFailure('DISK_FULL'))
  let isFull = true
  const record: typeof writer.record = (drafts) => (isFull ? full(drafts) : writer.record(drafts))
  const parts = { ...clinic, writer: Object.assign(Object.create(writer) as typeof writer, { record }) }
  const first = new ErasureConfirmations(parts)
  expect(await codeOf(() => first.record(gone))).toBe('DISK_FULL')
  expect(gone.map((one) => first.isSaid(one))).toEqual([false])
  isFull = false
  const before = replica.incidents.length
  await first.record(gone)
  await first.record(gone)
  await new ErasureConfirmations(clinic).record(gone)
  expect(replica.incidents).toHaveLength(before + 1)
}, 60_000)
