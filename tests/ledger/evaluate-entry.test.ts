import { describe, expect, it } from 'vitest'
import { parseContract } from '../../src/ledger/contract.ts'
import { decodeEntry } from '../../src/ledger/entry.ts'
import { ENTRY_SHAPES, ENTRY_TYPES, type EntryType, PRACTITIONER_ROLES } from '../../src/ledger/entry-types.ts'
import { ContractDenied, LedgerError } from '../../src/ledger/errors.ts'
import { decideAuthor, evaluateEntry, isGoverned, SIGNABLE, type Signer } from '../../src/ledger/evaluate-entry.ts'
import { encodeAmendedFields, encodeReading, type ReadingFields } from '../../src/ledger/fields.ts'
import { type ConsentFields, encodeConsentFields } from '../../src/ledger/people-fields.ts'
import { encodeEndorsementFields, type EndorsementKind } from '../../src/ledger/record-fields.ts'
import { utf8 } from '../../src/ledger/hash.ts'
import { policyEngine } from '../../src/main/core/policy-engine.ts'
import { contractDocument, handle, somePayload, testKey, TestLog } from '../support/ledger-world.ts'

const contract = parseContract(policyEngine(), contractDocument)
const log = new TestLog()
const publicKey = testKey('k').publicKey
const none = { publicKey, handle: null, practitionerRole: null, site: null }

/** Everybody who could sign, by name. */
const SIGNERS = {
  ...Object.fromEntries(
    PRACTITIONER_ROLES.map((role): [string, Signer] => [
      role,
      { ...none, role: 'practitioner', practitionerRole: role, handle: handle(role) },
    ]),
  ),
  'second nurse': { ...none, role: 'practitioner', practitionerRole: 'nurse', handle: handle('second nurse') },
  patient: { ...none, role: 'patient', handle: handle('s'), capacity: 'patient' },
  guardian: { ...none, role: 'patient', handle: handle('s'), capacity: 'guardian' },
  'other patient': { ...none, role: 'patient', handle: handle('o'), capacity: 'patient' },
  device: { ...none, role: 'device', handle: handle('device') },
  'other device': { ...none, role: 'device', handle: handle('other') },
  governance: { ...none, role: 'governance', site: 'a.example/site' },
  log: { ...none, role: 'log', site: 'a.example/site' },
} as Readonly<Record<string, Signer>>
const NAMES = Object.keys(SIGNERS)

const METHODS: readonly ReadingFields[] = [
  { method: 'manual', device: null },
  { method: 'unauthenticated-device', device: null },
  { method: 'device', device: handle('device') },
]

/** In what capacity the patient's side is said to take part. */
type Capacity = ConsentFields['capacity']
const isConsent = (type: EntryType) => type.startsWith('consent.')

/** What an entry of a type says in the clear. */
function fieldsOf(type: EntryType, reading: ReadingFields, capacity: Capacity) {
  if (isConsent(type))
    return encodeConsentFields({ consentId: handle('c'), version: 1, asksSignature: false, capacity })
  if (type === 'reading.amended') return encodeAmendedFields({ ...reading, target: { origin: ORIGIN, index: 3 } })
  if (type === 'endorsement') return encodeEndorsementFields({ kind: 'oxygen-scale', target: null, value: '2' })
  return encodeReading(reading)
}
const ORIGIN = 'a.example/site/n1/1'

/** An entry of `type`; only what a contract looks at is as it would be. */
function entryOf(type: EntryType, reading: ReadingFields, capacity: Capacity = 'patient') {
  const fields = encodeReading(reading)
  const body = log.body('reading', { subject: handle('s'), payload: somePayload, fields })
  const base = decodeEntry(log.entry(body, [['log', testKey('x')]]))
  const isAbout = ENTRY_SHAPES[type].subject === 'required'
  const shown = fieldsOf(type, reading, capacity)
  return { ...base, body: { ...base.body, type, fields: shown, subject: isAbout ? body.subject : null } }
}

/** Null, a code, or the policy that denied. */
function verdict(
  type: EntryType,
  names: readonly string[],
  reading: ReadingFields = { method: 'manual', device: null },
  { capacity = 'patient', asks = false }: { capacity?: Capacity; asks?: boolean } = {},
) {
  const signers = names.flatMap((name) => SIGNERS[name] ?? [])
  try {
    evaluateEntry(contract, entryOf(type, reading, capacity), signers, asks)
    return null
  } catch (error) {
    if (error instanceof ContractDenied) return error.policy?.id ?? 'nothing'
    if (error instanceof LedgerError) return error.code
    throw error
  }
}

/** Who may sign what, spelt out: the practitioners of which at least one signs and no other may. */
const BY: Partial<Record<EntryType, readonly string[]>> = {
  'patient.registered': ['physician', 'nurse', 'second nurse', 'it'],
  'patient.linked': ['physician', 'nurse', 'second nurse'],
  'device.enrolled': ['it'],
  'device.revoked': ['it'],
  'device.checked': ['physician', 'nurse', 'second nurse', 'it'],
  reading: ['physician', 'nurse', 'second nurse'],
  'reading.amended': ['physician', 'nurse', 'second nurse'],
  'reading.entered-in-error': ['physician', 'nurse', 'second nurse'],
  endorsement: ['physician'],
  assessment: ['physician', 'nurse', 'second nurse'],
  access: ['physician', 'nurse', 'second nurse', 'it', 'auditor'],
  'access.emergency': ['physician', 'nurse', 'second nurse'],
  export: ['physician'],
  'consent.granted': ['physician', 'nurse', 'second nurse'],
  'consent.amended': ['physician', 'nurse', 'second nurse'],
  'consent.revoked': ['physician', 'nurse', 'second nurse'],
}

/** The slow obvious reading of the default contract. */
function allows(type: EntryType, names: ReadonlySet<string>, reading: ReadingFields): boolean {
  const people = [...names].filter((name) => SIGNERS[name]?.role === 'practitioner')
  const has = (name: string) => names.has(name)
  const only = (...allowed: string[]) => [...names].every((name) => people.includes(name) || allowed.includes(name))
  switch (type) {
    case 'practitioner.enrolled':
    case 'practitioner.revoked':
      return has('governance') && people.length === 0 && only('governance')
    case 'incident':
      return has('log') && people.length === 0 && only('log')
    case 'record.erased':
      return people.length === 2 && has('it') && has('physician') && only('patient', 'guardian', 'governance')
    default: {
      const by = BY[type] ?? []
      if (people.length === 0 || !people.every((name) => by.includes(name))) return false
      if (type === 'patient.registered' || type === 'patient.linked') return only('patient', 'guardian')
      if (type === 'consent.revoked') return only('patient', 'guardian')
      if (isConsent(type)) return has('patient') && only('patient', 'guardian')
      if (type === 'device.checked') return only('device', 'other device')
      if (type !== 'reading' && type !== 'reading.amended') return only()
      if (reading.method !== 'device') return only('patient', 'guardian')
      return has('device') && only('patient', 'guardian', 'device')
    }
  }
}

/** Every set of at most `size` names. */
function sets(size: number): string[][] {
  if (size === 0) return [[]]
  return sets(size - 1).flatMap((set) => [
    set,
    ...NAMES.filter((name) => NAMES.indexOf(name) > NAMES.indexOf(set.at(-1) ?? '')).map((name) => [...set, name]),
  ])
}

describe('the default contract', () => {
  const all = [...new Map(sets(4).map((set) => [set.join(), set])).values()].filter((set) => set.length > 0)

  it.each(ENTRY_TYPES)('says of %s what its table says, for every set of signers', (type) => {
    for (const reading of type.startsWith('reading') ? METHODS : METHODS.slice(0, 1)) {
      for (const set of all) {
        const got = verdict(type, set, reading)
        expect(got === null, `${set.join('+')} ${reading.method}: ${got}`).toBe(allows(type, new Set(set), reading))
      }
    }
    expect(all.length).toBeGreaterThan(200)
  })

  it('is not asked about what holds the ledger together', () => {
    for (const type of ['roster', 'contract', 'node.opened', 'seal'] as const) {
      expect([isGoverned(type), verdict(type, ['log'])]).toEqual([false, 'TYPE_REFUSED'])
    }
  })

  it.each(['consent.granted', 'consent.amended'] as const)('lets %s be signed as its capacity says', (type) => {
    const by = (capacity: Capacity, ...names: string[]) => verdict(type, names, undefined, { capacity })
    expect(by('patient', 'nurse', 'patient')).toBeNull()
    expect(by('patient', 'nurse', 'guardian')).not.toBeNull()
    expect(by('guardian', 'nurse', 'guardian')).toBeNull()
    expect(by('guardian', 'nurse', 'patient')).not.toBeNull()
    expect(by('incapable', 'physician')).not.toBeNull()
    expect(by('incapable', 'physician', 'nurse')).not.toBeNull()
    expect(by('incapable', 'nurse', 'patient')).not.toBeNull()
    expect(by('spoken', 'physician', 'patient')).not.toBeNull()
    expect(by('patient', 'it', 'patient')).toBe('consent-by-patient')
    expect(by('patient', 'nurse', 'other patient')).toBe('WRONG_PATIENT')
    const second: Signer = { ...none, role: 'practitioner', practitionerRole: 'physician', handle: handle('second') }
    const both = [SIGNERS.physician, second].flatMap((signer) => signer ?? [])
    expect(() => {
      evaluateEntry(contract, entryOf(type, { method: 'manual', device: null }, 'incapable'), both)
    }).not.toThrow()
  })

  it('lets a consent be taken back by word of mouth', () => {
    for (const capacity of ['spoken', 'patient', 'guardian', 'incapable'] as const) {
      expect(verdict('consent.revoked', ['nurse'], undefined, { capacity })).toBeNull()
      expect(verdict('consent.revoked', ['it'], undefined, { capacity })).toBe('take-consent-back')
    }
  })

  it.each(['reading', 'reading.amended'] as const)('asks for the patient where the consent does, on %s', (type) => {
    const manual = { method: 'manual', device: null } as const
    const asked = (reading: ReadingFields, ...names: string[]) => verdict(type, names, reading, { asks: true })
    expect(asked(manual, 'nurse')).toBe('reading-by-its-patient')
    expect(asked(manual, 'nurse', 'patient')).toBeNull()
    expect(asked(manual, 'nurse', 'guardian')).toBeNull()
    expect(asked(manual, 'nurse', 'other patient')).toBe('WRONG_PATIENT')
    expect(asked({ ...manual, incapable: true }, 'nurse')).toBeNull()
    expect(verdict(type, ['nurse'], { ...manual, incapable: true })).toBeNull()
  })

  it('lets auditors endorse reviews, and nothing else', () => {
    const endorsing = (kind: EndorsementKind, role: string) => {
      const base = entryOf('endorsement', { method: 'manual', device: null })
      const target = kind === 'review' ? { origin: ORIGIN, index: 1 } : null
      const fields = encodeEndorsementFields({ kind, target, value: 'x' })
      const signers = [SIGNERS[role]].flatMap((signer) => signer ?? [])
      try {
        evaluateEntry(contract, { ...base, body: { ...base.body, fields } }, signers)
        return true
      } catch {
        return false
      }
    }
    const kinds = ['review', 'decision-support', 'oxygen-scale'] as const
    expect(kinds.filter((kind) => endorsing(kind, 'auditor'))).toEqual(['review'])
    expect(kinds.filter((kind) => endorsing(kind, 'physician'))).toEqual([...kinds])
    expect(kinds.filter((kind) => endorsing(kind, 'nurse') || endorsing(kind, 'it'))).toEqual([])
  })

  it('explains', () => {
    const byDevice = METHODS[2]
    expect(verdict('reading', ['nurse'], byDevice)).toBe('reading-by-its-device')
    expect(verdict('reading', ['device'], byDevice)).toBe('sign-readings')
    expect(verdict('reading', ['it'])).toBe('sign-readings')
    expect(verdict('reading', ['nurse', 'it'])).toBe('sign-readings')
    expect(verdict('reading', ['nurse', 'other device'], byDevice)).toBe('WRONG_DEVICE')
    expect(verdict('reading', ['nurse', 'device'])).toBe('WRONG_DEVICE')
    expect(verdict('reading', ['nurse', 'log'])).toBe('SIGNATURE_UNEXPECTED')
    expect(verdict('record.erased', ['it'])).toBe('erase-records')
    expect(verdict('practitioner.enrolled', ['it'])).toBe('enrol-people')
  })

  it('lets everybody start to write who could sign alone', () => {
    for (const type of ENTRY_TYPES.filter(isGoverned)) {
      for (const role of PRACTITIONER_ROLES) {
        // What others have to add is not asked of the one who starts.
        const others = type === 'record.erased' ? ['it', 'physician'] : isConsent(type) ? ['patient'] : []
        const wanted = verdict(type, [...new Set([role, ...others])]) === null
        expect([type, role, decideAuthor(contract, type, role).allowed]).toEqual([type, role, wanted])
      }
    }
  })
})

describe('counting', () => {
  const asks = (condition: string) =>
    parseContract(
      policyEngine(),
      utf8(
        `@id("p") @advice("x") permit (principal, action == Action::"record.reading", resource) when { ${condition} };`,
      ),
    )
  const holds = (condition: string, names: readonly string[]) => {
    try {
      const signers = names.flatMap((name) => SIGNERS[name] ?? [])
      evaluateEntry(asks(condition), entryOf('reading', { method: 'manual', device: null }), signers)
      return true
    } catch {
      return false
    }
  }

  it('takes people, not signatures', () => {
    expect(holds('context.nurses == 2', ['nurse', 'second nurse'])).toBe(true)
    expect(holds('context.nurses == 1', ['nurse', 'nurse'])).toBe(true)
    expect(holds('context.nurses == 2', ['nurse', 'nurse'])).toBe(false)
    expect(holds('context.practitioners == 3 && context.physicians == 1', ['nurse', 'second nurse', 'physician'])).toBe(
      true,
    )
  })

  it('asks for every role among those who sign', () => {
    expect(holds('principal == Practitioner::"nurse"', ['nurse', 'second nurse'])).toBe(true)
    expect(holds('principal == Practitioner::"nurse"', ['nurse', 'physician'])).toBe(false)
  })

  it('denies when a policy fails, whatever others permit', () => {
    const overflow = 'context.nurses + 9223372036854775807 > 0'
    expect(holds(`true || ${overflow}`, ['nurse'])).toBe(true)
    expect(holds(overflow, ['nurse'])).toBe(false)
    const contract = parseContract(
      policyEngine(),
      utf8(
        '@id("p") @advice("x") permit (principal, action, resource);' +
          `@id("q") @advice("y") forbid (principal, action == Action::"record.reading", resource) when { ${overflow} };`,
      ),
    )
    const nurse = [SIGNERS.nurse].flatMap((signer) => signer ?? [])
    expect(() => {
      evaluateEntry(contract, entryOf('reading', { method: 'manual', device: null }), nurse)
    }).toThrow(ContractDenied)
    expect(decideAuthor(contract, 'access', 'nurse').allowed).toBe(true)
  })

  it('is of the capacities that the format has', () => {
    for (const [type, roles] of Object.entries(SIGNABLE))
      expect([type, new Set(roles).size]).toEqual([type, roles.length])
  })
})
