import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluateEntry, maySee, parseContract, type Signer, VIEWS } from '../../src/ledger/contract.ts'
import { decodeEntry } from '../../src/ledger/entry.ts'
import { type EntryType, PRACTITIONER_ROLES, type PractitionerRole } from '../../src/ledger/entry-types.ts'
import { encodeReading, type ReadingFields } from '../../src/ledger/fields.ts'
import { utf8 } from '../../src/ledger/hash.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'
import { contractDocument, handle, somePayload, testKey, TestLog } from '../support/ledger-world.ts'

const contract = parseContract(contractDocument)
const text = new TextDecoder().decode(contractDocument)
const log = new TestLog()
const publicKey = testKey('k').publicKey
const none = { publicKey, handle: null, practitionerRole: null, site: null }
const signer = {
  log: { ...none, role: 'log' },
  governance: { ...none, role: 'governance' },
  patient: { ...none, role: 'patient' },
  device: { ...none, role: 'device', handle: handle('device') },
} satisfies Record<string, Signer>
const as = (practitionerRole: PractitionerRole): Signer => ({
  ...none,
  role: 'practitioner',
  practitionerRole,
  handle: handle('p'),
})

/** Evaluates an entry of `type`; the default contract looks at nothing else but a reading's fields. */
function verdict(
  type: EntryType,
  signers: readonly Signer[],
  reading: ReadingFields = { method: 'manual', device: null },
) {
  const base = decodeEntry(
    log.entry(log.body('reading', { subject: handle('s'), payload: somePayload, fields: encodeReading(reading) }), [
      ['log', testKey('x')],
    ]),
  )
  return codeOf(() => {
    evaluateEntry(contract, { ...base, body: { ...base.body, type } }, signers)
  })
}

describe('the default contract', () => {
  it.each<[EntryType, readonly PractitionerRole[]]>([
    ['patient.registered', ['physician', 'nurse', 'it']],
    ['device.enrolled', ['it']],
    ['reading', ['physician', 'nurse']],
    ['access', ['physician', 'nurse', 'it', 'auditor']],
  ])('lets %s be signed by %o', (type, allowed) => {
    for (const role of PRACTITIONER_ROLES)
      expect(verdict(type, [as(role)])).toBe(allowed.includes(role) ? null : 'ROLE_REFUSED')
    expect(verdict(type, [])).toBe('SIGNATURE_MISSING')
    expect(verdict(type, [signer.governance])).toBe('SIGNATURE_MISSING')
    expect(verdict(type, [as('it'), signer.log])).not.toBeNull()
  })

  it.each<[EntryType, 'log' | 'governance']>([
    ['incident', 'log'],
    ['seal', 'log'],
    ['node.opened', 'log'],
    ['practitioner.enrolled', 'governance'],
    ['roster', 'log'],
    ['contract', 'log'],
  ])('lets %s be signed by %s alone', (type, role) => {
    expect(verdict(type, [signer[role]])).toBeNull()
    expect(verdict(type, [signer[role], as('physician')])).toBe('SIGNATURE_UNEXPECTED')
    expect(verdict(type, [as('physician')])).toBe('SIGNATURE_MISSING')
  })

  it('refuses every other type', () => {
    for (const type of ['reading.amended', 'consent.granted', 'export', 'access.emergency'] as const) {
      expect(verdict(type, [as('physician')])).toBe('TYPE_REFUSED')
    }
  })

  it('asks for the signature of the device that a reading names, and only then', () => {
    const byDevice: ReadingFields = { method: 'device', device: handle('device') }
    expect(verdict('reading', [as('nurse'), signer.device], byDevice)).toBeNull()
    expect(verdict('reading', [as('nurse')], byDevice)).toBe('SIGNATURE_MISSING')
    expect(verdict('reading', [signer.device], byDevice)).toBe('SIGNATURE_MISSING')
    expect(verdict('reading', [as('nurse'), { ...signer.device, handle: handle('other') }], byDevice)).toBe(
      'WRONG_DEVICE',
    )
    for (const method of ['manual', 'unauthenticated-device'] as const) {
      expect(verdict('reading', [as('nurse'), signer.device], { method, device: null })).toBe('SIGNATURE_UNEXPECTED')
    }
    expect(verdict('reading', [as('nurse'), signer.patient])).toBe('SIGNATURE_UNEXPECTED')
  })

  it('wants every practitioner who signs to be one who may', () => {
    expect(verdict('reading', [as('nurse'), as('physician')])).toBeNull()
    expect(verdict('reading', [as('nurse'), as('it')])).toBe('ROLE_REFUSED')
  })

  it('opens views to roles', () => {
    const seen = (role: PractitionerRole) => VIEWS.filter((view) => maySee(contract, view, role))
    expect(seen('physician')).toEqual([...VIEWS])
    expect(seen('nurse')).toEqual([...VIEWS])
    expect(seen('it')).toEqual(['demographics', 'people', 'ledger', 'devices'])
    expect(seen('auditor')).toEqual(['people', 'ledger', 'devices'])
  })
})

describe('contract documents', () => {
  const bad = (document: string) => {
    expectCode('BAD_CONTRACT', () => parseContract(utf8(document)))
  }
  const changed = (change: (document: ContractJson) => void) => {
    const document = JSON.parse(text) as ContractJson
    change(document)
    return JSON.stringify(document)
  }
  interface ContractJson {
    language: unknown
    entries: Record<string, Record<string, unknown>>
    see: Record<string, unknown>
    extra?: unknown
  }

  it('may be spaced as they like', () => {
    expect(parseContract(utf8(JSON.stringify(JSON.parse(text))))).toEqual(contract)
  })

  it.each<[string, (d: ContractJson) => void]>([
    ['of another language', (d) => (d.language = 'chartseal-rules/2')],
    ['with an unknown key', (d) => (d.extra = 1)],
    ['without views', (d) => Reflect.deleteProperty(d, 'see')],
    ['without one view', (d) => Reflect.deleteProperty(d.see, 'people')],
    ['with another view', (d) => (d.see.all = ['it'])],
    ['with an unknown role in a view', (d) => (d.see.people = ['cook'])],
    ['with nobody in a view', (d) => (d.see.people = [])],
    ['with a role twice', (d) => (d.see.people = ['it', 'it'])],
    ['with a rule for no type', (d) => (d.entries.gossip = { signatures: ['log'] })],
    ['with a rule of the prototype', (d) => Object.assign(d.entries, { toString: { signatures: ['log'] } })],
    ['with an unknown key in a rule', (d) => (d.entries.access = { ...d.entries.access, when: 'always' })],
    ['with no signature', (d) => (d.entries.incident = { signatures: [] })],
    ['with an unknown signature', (d) => (d.entries.incident = { signatures: ['witness'] })],
    [
      'with practitioners who do not sign',
      (d) => (d.entries.incident = { signatures: ['log'], practitioners: ['it'] }),
    ],
    ['with a practitioner of no role', (d) => (d.entries.access = { signatures: ['practitioner'] })],
    [
      'with a device rule elsewhere',
      (d) => (d.entries.incident = { signatures: ['log'], device: 'when-method-is-device' }),
    ],
    ['with another device rule', (d) => (d.entries.reading = { ...d.entries.reading, device: 'always' })],
    [
      'with a device twice',
      (d) => (d.entries.reading = { ...d.entries.reading, signatures: ['practitioner', 'device'] }),
    ],
    ['that weakens the seal', (d) => (d.entries.seal = { signatures: ['governance'] })],
    ['that weakens the roster', (d) => (d.entries.roster = { signatures: ['governance'] })],
    ['that shares the contract', (d) => (d.entries.contract = { signatures: ['governance', 'log'] })],
    ['without a rule for the seal', (d) => Reflect.deleteProperty(d.entries, 'seal')],
    ['with a list for a rule', (d) => ((d.entries as Record<string, unknown>).incident = ['log'])],
  ])('%s are refused', (_, change) => {
    bad(changed(change))
  })

  it('that are not strict JSON are refused', () => {
    bad('')
    bad('null')
    bad(text.slice(0, -3))
    bad(text.replace('"language":', '"language": "x", "language":'))
    bad(text.replace('"seal":', '"seal": { "signatures": ["governance"] }, "seal":'))
    bad(text.replace('"log"', '"\\u006cog"'))
    bad('\ufeff' + text)
    expectCode('BAD_CONTRACT', () => parseContract(Uint8Array.of(...contractDocument, 0xff)))
  })

  it('of any bytes are contracts or a coded error', () => {
    fc.assert(fc.property(fc.json(), (json) => void codeOf(() => parseContract(utf8(json)))))
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void codeOf(() => parseContract(bytes))))
    const at = fc.nat({ max: contractDocument.length - 1 })
    fc.assert(
      fc.property(at, fc.integer({ min: 1, max: 255 }), (i, xor) => {
        codeOf(() => parseContract(contractDocument.map((byte, k) => (k === i ? byte ^ xor : byte))))
      }),
    )
  })
})
