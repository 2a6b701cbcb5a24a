import { describe, expect, it } from 'vitest'
import { parseContract } from '../../src/ledger/contract.ts'
import { decodeEntry } from '../../src/ledger/entry.ts'
import { ENTRY_SHAPES, ENTRY_TYPES, type EntryType, PRACTITIONER_ROLES } from '../../src/ledger/entry-types.ts'
import { ContractDenied, LedgerError } from '../../src/ledger/errors.ts'
import { decideAuthor, evaluateEntry, isGoverned, SIGNABLE, type Signer } from '../../src/ledger/evaluate-entry.ts'
import { encodeReading, type ReadingFields } from '../../src/ledger/fields.ts'
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
  patient: { ...none, role: 'patient' },
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

/** An entry of `type`; only what a contract looks at is as it would be. */
function entryOf(type: EntryType, reading: ReadingFields) {
  const fields = encodeReading(reading)
  const body = log.body('reading', { subject: handle('s'), payload: somePayload, fields })
  const base = decodeEntry(log.entry(body, [['log', testKey('x')]]))
  const isAbout = ENTRY_SHAPES[type].subject === 'required'
  return { ...base, body: { ...base.body, type, subject: isAbout ? body.subject : null } }
}

/** Null, a code, or the policy that denied. */
function verdict(
  type: EntryType,
  names: readonly string[],
  reading: ReadingFields = { method: 'manual', device: null },
) {
  const signers = names.flatMap((name) => SIGNERS[name] ?? [])
  try {
    evaluateEntry(contract, entryOf(type, reading), signers)
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
  'patient.linked': ['physician', 'nurse', 'second nurse', 'it'],
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
  export: ['physician', 'it'],
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
      return people.length === 2 && has('it') && has('physician') && only('patient', 'governance')
    default: {
      const by = BY[type] ?? []
      if (people.length === 0 || !people.every((name) => by.includes(name))) return false
      if (type === 'patient.registered' || type === 'patient.linked') return only('patient')
      if (type === 'reading.amended') return only('patient', 'device', 'other device')
      if (type === 'device.checked') return only('device', 'other device')
      if (type !== 'reading') return only()
      return reading.method === 'device' ? has('device') && only('patient', 'device') : only('patient')
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
    for (const reading of type === 'reading' ? METHODS : METHODS.slice(0, 1)) {
      for (const set of all) {
        const got = verdict(type, set, reading)
        expect(got === null, `${set.join('+')} ${reading.method}: ${got}`).toBe(allows(type, new Set(set), reading))
      }
    }
    expect(all.length).toBeGreaterThan(200)
  })

  it('is not asked about what holds the ledger together, nor knows consents yet', () => {
    for (const type of ['roster', 'contract', 'node.opened', 'seal'] as const) {
      expect([isGoverned(type), verdict(type, ['log'])]).toEqual([false, 'TYPE_REFUSED'])
    }
    for (const type of ['consent.granted', 'consent.amended', 'consent.revoked'] as const) {
      expect(verdict(type, ['physician', 'patient'])).toBe('TYPE_REFUSED')
    }
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
        expect(decideAuthor(contract, type, role).allowed).toBe(verdict(type, [role]) === null)
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
