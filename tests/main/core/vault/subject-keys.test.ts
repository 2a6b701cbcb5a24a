import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { ConsentTerms, DataClass } from '../../../../src/shared/api/schemas.ts'
import { dataClassOf } from '../../../../src/clinical/data-class.ts'
import { auditReplicaFile } from '../../../../src/main/core/audit/index.ts'
import { dayOf } from '../../../../src/main/core/vault/consent-standing.ts'
import { equalBytes, fromHex } from '../../../../src/shared/bytes.ts'
import { databaseOf, signManual, startVault, weight } from '../../../faults/support/clinic.ts'
import {
  consentWorld,
  DAY_MS,
  daysLater,
  granted,
  grantOf,
  holder,
  PIN,
  takenBack,
  TODAY,
  verified,
  weigh,
  type Holder,
  type World,
} from '../../../support/consent-world.ts'
import { letIn, OtherSite } from '../../../support/other-sites.ts'

const SITES = await Promise.all([OtherSite.make(2), OtherSite.make(3)])

async function network() {
  const world = await consentWorld()
  const sites = await Promise.all([OtherSite.make(2), OtherSite.make(3)])
  await letIn(world, sites)
  return { world, sites, patient: await holder(world, 1) }
}

const pulse = (value: string) => ({
  kind: 'heart-rate' as const,
  quantities: [{ name: 'pulse', value, ucum: '/min', coded: null }],
  site: null,
  confirmed: false,
})

/** Index of the newest entry of the live log. */
function newest({ clinic }: World, handle: string, type: string): number {
  return (
    clinic()
      .replica.chain(handle)
      .links.findLast((link) => link.type === type)?.index ?? -1
  )
}

it('hands over the keys of the kinds of data that a consent names, old and new, and of nothing else', async () => {
  const { world, sites, patient } = await network()
  const [two, three] = sites
  await weigh(world, patient, '70.1')
  const old = newest(world, patient.handle, 'reading')
  await granted(world, patient, { sites: [two.id], classes: ['body-measures'] })
  const consent = newest(world, patient.handle, 'consent.granted')
  await weigh(world, patient, '71.1')
  const weighed = newest(world, patient.handle, 'reading')
  await signManual(world, patient.handle, [pulse('72')])
  for (const site of sites) await site.collect(world, patient.handle)
  expect(two.opens(world, patient.handle)).toEqual([old, consent, weighed])
  expect(three.opens(world, patient.handle)).toEqual([])
})

it('hands over nothing that was recorded before, but who the patient is, when the consent says so', async () => {
  const { world, sites, patient } = await network()
  const [two] = sites
  await weigh(world, patient, '70.1')
  world.clock.nowMs += DAY_MS
  await granted(world, patient, {
    ...{ sites: [two.id], classes: ['demographics', 'body-measures'], history: false },
    ...{ from: '2026-03-03' },
  })
  await weigh(world, patient, '71.1')
  await two.collect(world, patient.handle)
  const [registered, card] = world
    .clinic()
    .replica.chain(patient.handle)
    .links.map(({ index }) => index)
  expect(two.opens(world, patient.handle)).toEqual([
    ...[registered, card],
    newest(world, patient.handle, 'consent.granted'),
    newest(world, patient.handle, 'reading'),
  ])
})

it('hands over nothing before a consent begins', async () => {
  const { world, sites, patient } = await network()
  const [two] = sites
  await granted(world, patient, { sites: [two.id], from: '2026-03-05', history: false })
  await weigh(world, patient, '70.1')
  await two.collect(world, patient.handle)
  expect(two.opens(world, patient.handle)).toEqual([])
  await daysLater(world, 3)
  await weigh(world, patient, '71.1')
  await two.collect(world, patient.handle)
  expect(two.opens(world, patient.handle)).toContain(newest(world, patient.handle, 'reading'))
  // And who the patient is, the card, and what the consent says.
  expect(two.opens(world, patient.handle)).toHaveLength(4)
})

it('begins an epoch with the entry that takes something away', async () => {
  const { world, sites, patient } = await network()
  const [two] = sites
  const subject = fromHex(patient.handle)
  const epoch = () => world.clinic().replica.newestEpoch(patient.handle)
  const { consentId } = await granted(world, patient, { sites: [two.id] })
  expect(epoch()).toBe(0)
  await takenBack(world, patient, consentId)
  expect(epoch()).toBe(1)
  const { store, identity } = world.clinic()
  const rows = store.epochKeys(subject)
  const held = (recipient: Uint8Array) =>
    rows.filter((row) => equalBytes(row.recipient, recipient)).map((row) => row.epoch)
  expect(held(identity.sharingKey)).toEqual([0, 1])
  expect(held(identity.recoveryKey)).toEqual([0, 1])
  expect(held(two.site.sharingKey)).toEqual([0])
})

it('seals what was being recorded while a consent was taken back under the new epoch', async () => {
  const { world, sites, patient } = await network()
  const [two] = sites
  const { consentId } = await granted(world, patient, { sites: [two.id] })
  for (let round = 0; round < 3; round++) {
    await Promise.all([
      ...[1, 2, 3].map((n) => weigh(world, patient, `7${n}.5`)),
      round === 1 ? takenBack(world, patient, consentId) : null,
      ...[4, 5, 6].map((n) => weigh(world, patient, `7${n}.5`)),
    ])
  }
  await two.collect(world, patient.handle)
  const { replica } = world.clinic()
  const { links } = replica.chain(patient.handle)
  const revoked = links.find(({ type }) => type === 'consent.revoked')?.index ?? -1
  expect(revoked).toBeGreaterThan(0)
  const after = links.filter(({ index, type }) => index > revoked && type === 'reading')
  expect(after.length).toBeGreaterThanOrEqual(6)
  expect(two.opens(world, patient.handle).filter((index) => index >= revoked)).toEqual([])
})

it('begins an epoch with the first record after a consent ran out', async () => {
  const { world, sites, patient } = await network()
  const [two] = sites
  await granted(world, patient, { sites: [two.id], until: '2026-03-04' })
  await weigh(world, patient, '70.1')
  const before = newest(world, patient.handle, 'reading')
  await daysLater(world, 2)
  await weigh(world, patient, '71.1')
  await weigh(world, patient, '72.1')
  await two.collect(world, patient.handle)
  expect(two.opens(world, patient.handle).at(-1)).toBe(before)
  expect(world.clinic().replica.newestEpoch(patient.handle)).toBe(1)
})

it('leaves a database that neither an audit nor a scrub finds anything wrong with, and that opens again', async () => {
  const { world, sites, patient } = await network()
  const [two] = sites
  const { consentId } = await granted(world, patient, { sites: [two?.id ?? ''] })
  await weigh(world, patient, '70.1')
  await takenBack(world, patient, consentId)
  await weigh(world, patient, '71.1')
  const { vault, events, team, folder } = world
  await vault.breakGlass({ handle: patient.handle, reason: 'other', text: 'to see that it can be', pin: PIN })
  await vault.signIn(team.it, PIN)
  await vault.scrub(1, null)
  const scrubbed = events.flatMap((event) =>
    event.kind === 'scrub' && event.event.kind === 'done' ? [event.event] : [],
  )
  expect(scrubbed).toMatchObject([{ open: 0, repaired: 0, removed: 0, isWhole: true }])
  const { network: id } = await vault.ledgerSummary()
  await vault.close()
  const findings: unknown[] = []
  auditReplicaFile(databaseOf(folder), fromHex(id), (finding) => findings.push(finding))
  expect(findings).toEqual([])
  const again = await startVault(folder, { nowMs: () => (world.clock.nowMs += 1000) })
  await again.vault.signIn(team.nurse, PIN)
  expect((await again.vault.chart(patient.handle, 1)).consent.state).toBe('refused')
})

/** What may happen to a patient's consents. */
type Step =
  | { readonly kind: 'grant' | 'amend'; readonly terms: Partial<ConsentTerms>; readonly which: number }
  | { readonly kind: 'revoke'; readonly which: number }
  | { readonly kind: 'wait'; readonly days: number }

const CLASSES = ['demographics', 'vital-signs', 'body-measures'] as const satisfies readonly DataClass[]
const day = (n: number) => dayOf(TODAY + n * DAY_MS)
const termsArbitrary = fc.record({
  sites: fc.subarray(
    SITES.map(({ id }) => id),
    { minLength: 1 },
  ),
  classes: fc.subarray([...CLASSES], { minLength: 1 }),
  from: fc.constantFrom(day(0), day(0), day(3)),
  until: fc.constantFrom(day(6), day(20)),
  history: fc.boolean(),
})
const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('grant' as const), terms: termsArbitrary, which: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('amend' as const), terms: termsArbitrary, which: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('revoke' as const), which: fc.nat(9) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), days: fc.integer({ min: 1, max: 4 }) }) },
)

/** The slow model: which version stood when, and what that lets each site read. */
class Model {
  readonly consents = new Map<string, ConsentTerms | null>()
  readonly records: { index: number; dataClass: DataClass; day: string }[] = []
  readonly may = new Map<string, Set<number>>()

  /** Everything that a site may read by what stands today: it may keep it for ever. */
  look(today: string): void {
    for (const terms of this.consents.values()) {
      if (terms === null || today < terms.from || today >= terms.until) continue
      for (const site of terms.sites) {
        const may = this.may.get(site) ?? new Set<number>()
        for (const { index, dataClass, day: on } of this.records) {
          const isOld = !terms.history && dataClass !== 'demographics' && on < terms.from
          if (terms.classes.includes(dataClass) && !isOld) may.add(index)
        }
        this.may.set(site, may)
      }
    }
  }
}

async function take(world: World, patient: Holder, model: Model, step: Step): Promise<void> {
  const openIds = [...model.consents].flatMap(([id, terms]) => (terms === null ? [] : [id]))
  const consentId = openIds[('which' in step ? step.which : 0) % Math.max(1, openIds.length)]
  if (step.kind === 'wait') await daysLater(world, step.days)
  else if (step.kind === 'grant') {
    const { terms, consentId: id } = await granted(world, patient, upToDate(world, step.terms))
    model.consents.set(id, terms)
  } else if (consentId === undefined) return
  else if (step.kind === 'revoke') {
    await takenBack(world, patient, consentId)
    model.consents.set(consentId, null)
  } else {
    const request = { ...grantOf(world, patient, upToDate(world, step.terms)), consentId }
    model.consents.set(consentId, verified(await world.vault.amendConsent(request)).terms)
  }
}

/** Nobody agrees to a time that is over. */
function upToDate(world: World, terms: Partial<ConsentTerms>): Partial<ConsentTerms> {
  const today = dayOf(world.clock.nowMs)
  const isOver = (terms.until ?? '') <= today
  return isOver ? { ...terms, until: dayOf(world.clock.nowMs + 5 * DAY_MS) } : terms
}

it('opens for no site a record that no consent in force ever let it read, and for each what one lets it read', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(stepArbitrary, { minLength: 1, maxLength: 7 }), async (steps) => {
      const { world, sites, patient } = await network()
      const model = new Model()
      const registered = world.clinic().replica.chain(patient.handle).links
      for (const { index, type } of registered) {
        if (type === 'patient.registered' || type === 'patient.linked')
          model.records.push({ index, dataClass: 'demographics', day: dayOf(TODAY) })
      }
      for (const step of steps) {
        await take(world, patient, model, step)
        await signManual(world, patient.handle, [weight('70.1'), pulse('72')])
        const today = dayOf(world.clock.nowMs)
        const [weighed, felt] = world
          .clinic()
          .replica.chain(patient.handle)
          .links.filter(({ type }) => type === 'reading')
          .slice(-2)
        model.records.push({
          index: weighed?.index ?? -1,
          dataClass: dataClassOf({ kind: 'weight', method: 'manual' }),
          day: today,
        })
        model.records.push({ index: felt?.index ?? -1, dataClass: 'vital-signs', day: today })
        model.look(today)
        for (const site of sites) {
          await site.collect(world, patient.handle)
          const known = new Set(model.records.map(({ index }) => index))
          const opened = site.opens(world, patient.handle).filter((index) => known.has(index))
          const may = model.may.get(site.id) ?? new Set()
          expect(opened.filter((index) => !may.has(index))).toEqual([])
          // What was recorded while a consent stood opens at once; what came before it by its whole epochs only.
          const now = [weighed?.index ?? -1, felt?.index ?? -1].filter((index) => may.has(index))
          expect(now.filter((index) => !opened.includes(index))).toEqual([])
        }
      }
      await world.vault.close()
    }),
    { numRuns: 12 },
  )
}, 240_000)
