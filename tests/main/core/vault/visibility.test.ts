/**
 * No sequence of calls by any role makes a value visible that consent or an emergency does not allow: random sequences
 * over a real vault, against a slow model of what the patients decided.
 */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { DATA_CLASSES, type ConsentTerms, type DataClass } from '../../../../src/shared/api/schemas.ts'
import { dayOf } from '../../../../src/main/core/vault/consent-standing.ts'
import { CodedError } from '../../../../src/shared/errors.ts'
import { patientNumber } from '../../../faults/support/clinic.ts'
import { signManual, weight } from '../../../faults/support/clinic.ts'
import {
  consentWorld,
  DAY_MS,
  grantOf,
  holder,
  PIN,
  TODAY,
  type Holder,
  type World,
} from '../../../support/consent-world.ts'

const ROLES = ['it', 'nurse', 'physician', 'other', 'auditor'] as const
const PATIENTS = 2
const day = (n: number) => dayOf(TODAY + n * DAY_MS)

const termsArbitrary = fc.record({
  purposes: fc.constantFrom<ConsentTerms['purposes']>(['care'], ['care', 'research'], ['insurer']),
  classes: fc.subarray([...DATA_CLASSES], { minLength: 1 }),
  from: fc.constantFrom(day(0), day(0), day(2)),
  until: fc.constantFrom(day(4), day(300)),
  history: fc.boolean(),
})

/** Which patient; some calls are about one. */
const whose = fc.nat(PATIENTS - 1)
const which = fc.nat(5)
const stepArbitrary = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('sign-in' as const), role: fc.constantFrom(...ROLES) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom('lock' as const, 'sign-out' as const, 'end' as const), whose }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), days: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('grant' as const), whose, terms: termsArbitrary }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('amend' as const), whose, which, terms: termsArbitrary }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('revoke' as const), whose, which }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('emergency' as const), whose }) },
  // A chart shows more than anything else.
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('record' as const, 'chart' as const), whose }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        ...([
          'record',
          'chart',
          'search',
          'scan',
          'one',
          'similar',
          'log',
          'emergencies',
          'consents',
          'cards',
        ] as const),
        ...(['ledger', 'assessment', 'retract', 'export', 'tray', 'proof'] as const),
      ),
      whose,
    }),
  },
)
type Step = typeof stepArbitrary extends fc.Arbitrary<infer One> ? One : never

/** A value that occurs nowhere else, and what may show it. */
interface Secret {
  readonly text: string
  readonly patient: number
  readonly dataClass: DataClass
  readonly day: string
}

/** What the patients decided, and who broke the glass: written down again as simply as can be. */
class Oracle {
  readonly secrets: Secret[] = []
  readonly consents: { readonly patient: number; readonly id: string; terms: ConsentTerms | null }[] = []
  readonly decided = new Set<number>()
  /** Patient of each emergency that is open for who is signed in, or locked. */
  readonly open = new Set<number>()
  owner: string | null = null
  role: string | null = null
  locked = false

  allows({ patient, dataClass, day: on }: Secret, today: string): boolean {
    if (this.role === null || this.locked || this.role === 'auditor') return false
    if (this.role === 'it' && dataClass !== 'demographics') return false
    if (this.open.has(patient)) return true
    if (!this.decided.has(patient)) return true
    return this.consents.some(({ patient: of, terms }) => {
      if (of !== patient || !terms?.purposes.includes('care')) return false
      const isOld = !terms.history && dataClass !== 'demographics' && on < terms.from
      return terms.classes.includes(dataClass) && terms.from <= today && today < terms.until && !isOld
    })
  }
}

class Run {
  readonly world: World
  readonly holders: readonly Holder[]
  readonly oracle: Oracle
  #value = 0

  constructor(world: World, holders: readonly Holder[], oracle: Oracle) {
    this.world = world
    this.holders = holders
    this.oracle = oracle
  }

  today(): string {
    return dayOf(this.world.clock.nowMs)
  }

  /** Takes a step, and gives whatever it replied. What is refused replies nothing. */
  async take(step: Step): Promise<unknown> {
    try {
      return await this.#take(step)
    } catch (error) {
      if (error instanceof CodedError)
        return { refused: error.code as string, ...('detail' in error ? { detail: error.detail } : {}) }
      throw error
    }
  }

  async #take(step: Step): Promise<unknown> {
    const { vault, clock } = this.world
    switch (step.kind) {
      case 'sign-in':
        return this.#signIn(step.role)
      case 'wait':
        clock.nowMs += step.days * DAY_MS
        return null
      case 'lock':
        await vault.signOut(true)
        this.oracle.locked = true
        return null
      case 'sign-out':
        await vault.signOut()
        this.#leave()
        return null
    }
    const patient = this.holders[step.whose]
    if (patient === undefined) throw new Error('there are as many')
    const { handle } = patient
    switch (step.kind) {
      case 'end':
        await vault.endEmergency(handle)
        this.oracle.open.delete(step.whose)
        return null
      case 'emergency': {
        const reply = await vault.breakGlass({ handle, reason: 'life-threat', text: 'no time to explain', pin: PIN })
        this.oracle.open.add(step.whose)
        return reply
      }
      case 'grant':
      case 'amend':
      case 'revoke':
        return this.#decide(step, patient)
      case 'record':
        return this.#record(step.whose, handle)
      case 'chart':
        return vault.chart(handle, 1)
      case 'search':
        return vault.searchPatients('')
      case 'scan':
        return [await vault.scanCode(patient.identifier), await vault.scanCode(patient.card.text)]
      case 'one':
        return vault.patient(handle)
      case 'similar': {
        // What is asked is no answer: the same patient under another number.
        const { handle: _handle, card: _card, ...known } = patient
        return vault.similarPatients({ ...known, identifier: 'MRN-0000' })
      }
      case 'log':
        return vault.accessLog({ handle, before: null, limit: 50 })
      case 'emergencies':
        return vault.emergencies()
      case 'consents':
        return shownOf(await vault.consents(handle))
      case 'cards':
        return vault.cards(handle)
      case 'ledger':
        return [await vault.ledgerSummary(), await vault.entries(null, 0, 500), await vault.blocks(null, null, 100)]
      case 'proof':
        return this.#proofs(handle)
      case 'assessment':
        return vault.assessmentDraft(handle)
      case 'retract':
        return this.#retract(handle)
      case 'export':
        return vault.previewExport({
          ...{ handle, purpose: 'care', recipient: 'another clinic', format: 'csv', from: null, until: null },
        })
      case 'tray':
        return vault.tray()
    }
  }

  async #signIn(role: (typeof ROLES)[number]): Promise<null> {
    const { vault, team } = this.world
    await vault.signIn(team[role], PIN)
    if (this.oracle.owner !== role) this.oracle.open.clear()
    this.oracle.owner = role
    this.oracle.role = role === 'other' ? 'physician' : role
    this.oracle.locked = false
    return null
  }

  #leave(): void {
    this.oracle.open.clear()
    this.oracle.owner = null
    this.oracle.role = null
  }

  async #decide(step: Extract<Step, { kind: 'grant' | 'amend' | 'revoke' }>, patient: Holder): Promise<unknown> {
    const { vault } = this.world
    const standing = this.oracle.consents.filter(({ patient: of, terms }) => of === step.whose && terms !== null)
    const one = standing[(step.kind === 'grant' ? 0 : step.which) % Math.max(1, standing.length)]
    if (step.kind === 'revoke') {
      if (one === undefined) return null
      const request = { handle: patient.handle, consentId: one.id, reason: 'not any more', card: null, pin: PIN }
      await vault.revokeConsent(request)
      one.terms = null
      return null
    }
    const request = grantOf(this.world, patient, step.terms)
    if (step.kind === 'amend') {
      if (one === undefined) return null
      const row = await vault.amendConsent({ ...request, consentId: one.id })
      one.terms = request.terms
      return row.status
    }
    const row = await vault.grantConsent(request)
    if (row.status !== 'verified') throw new Error('a consent that was just recorded can be read')
    this.oracle.consents.push({ patient: step.whose, id: row.record.consentId, terms: request.terms })
    this.oracle.decided.add(step.whose)
    return null
  }

  async #record(patient: number, handle: string): Promise<unknown> {
    this.#value += 1
    const n = this.#value
    const kg = `${String(50 + (n % 90))}.${String(n).padStart(3, '0')}`
    // As precise as an oximeter can be, and different for seventy readings.
    const sats = `${String(85 + (n % 14))}.${String(n % 10)}`
    const rows = await signManual(this.world, handle, [
      weight(kg),
      {
        kind: 'spo2',
        quantities: [{ name: 'spo2', value: sats, ucum: '%', coded: null }],
        site: null,
        confirmed: true,
      },
    ])
    const on = this.today()
    this.oracle.secrets.push({ text: `"${kg}"`, patient, dataClass: 'body-measures', day: on })
    this.oracle.secrets.push({ text: `"${sats}"`, patient, dataClass: 'vital-signs', day: on })
    return rows
  }

  async #retract(handle: string): Promise<unknown> {
    const { vault, clinic } = this.world
    const link = clinic()
      .replica.chain(handle)
      .links.findLast(({ type }) => type === 'reading')
    if (link === undefined) return null
    await vault.retractReading({ handle, ref: { origin: link.log.origin, index: link.index }, reason: 'wrong patient' })
    return null
  }

  async #proofs(handle: string): Promise<unknown> {
    const { vault, clinic } = this.world
    const indexes = clinic()
      .replica.chain(handle)
      .links.slice(-3)
      .map(({ index }) => index)
    return Promise.all(indexes.flatMap((index) => [vault.proof(null, index), vault.receipt(null, index)]))
  }
}

/** Words of consents name the patient: they are what the patient signed, and are shown to whoever has to obey them. */
function shownOf(rows: Awaited<ReturnType<World['vault']['consents']>>): unknown {
  return rows.map((row) => (row.status === 'verified' ? { ...row, record: { ...row.record, words: [] } } : row))
}

it('shows nothing that the patient did not allow', async () => {
  const seen = { allowed: 0, values: 0, forbidden: 0 }
  await fc.assert(
    fc.asyncProperty(fc.array(stepArbitrary, { minLength: 10, maxLength: 40 }), async (steps) => {
      const world = await consentWorld()
      const oracle = new Oracle()
      const holders: Holder[] = []
      for (let n = 0; n < PATIENTS; n++) {
        holders.push(await holder(world, n + 1))
        for (const text of Object.values(namesOf(n + 1)))
          oracle.secrets.push({ text, patient: n, dataClass: 'demographics', day: day(0) })
      }
      oracle.owner = 'nurse'
      oracle.role = 'nurse'
      const run = new Run(world, holders, oracle)
      for (let whose = 0; whose < PATIENTS; whose++) await run.take({ kind: 'record', whose })
      for (const step of steps) {
        const reply = JSON.stringify(await run.take(step)) ?? ''
        for (const secret of oracle.secrets) {
          const isShown = reply.includes(secret.text)
          if (!isShown) continue
          seen[oracle.allows(secret, run.today()) ? 'allowed' : 'forbidden'] += 1
          if (secret.dataClass !== 'demographics') seen.values += 1
          expect([step, secret, oracle.allows(secret, run.today())]).toEqual([step, secret, true])
        }
      }
      await world.vault.close()
    }),
    { numRuns: 25 },
  )
  // The model would be worth nothing if nothing were ever shown.
  expect(seen.allowed).toBeGreaterThan(50)
  expect(seen.values).toBeGreaterThan(20)
  expect(seen.forbidden).toBe(0)
}, 300_000)

/** What tells one patient from another. */
function namesOf(n: number) {
  const { familyName, givenName, identifier } = patientNumber(n)
  return { familyName, givenName, identifier }
}
