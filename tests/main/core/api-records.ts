/** Drives of `api.test.ts`: corrections, scores, imports, exports and erasures. */
import { expect } from 'vitest'
import type { ManualValue } from '../../../src/shared/api/schemas.ts'
import { code, value, type Client } from '../../support/core-world.ts'
import { PATIENTS, PRACTITIONERS } from '../../support/fake-data.ts'
import { PIN } from '../../support/fake-vault.ts'
import { IMPORT_TEXT, READING_REF } from '../../support/fake-vault-records.ts'

const [physician, nurse, , it_] = PRACTITIONERS
const handle = PATIENTS[0]!.handle
const ref = READING_REF
const NOWHERE = { origin: 'site/1', index: 99 }
const WEIGHT: ManualValue = {
  kind: 'weight',
  quantities: [{ name: 'weight', value: '71.5', ucum: 'kg', coded: null }],
  site: null,
  confirmed: true,
}
const EXPORT = { handle, purpose: 'care', recipient: 'Hospital', format: 'bundle', from: null, until: null } as const
const ERASURE = { handle, records: null, reason: 'patient-request', authority: 'gdpr-17', pin: PIN }

/** One request for each of these procedures, that fits. */
export const RECORD_REQUESTS: Record<string, unknown> = {
  'records.amend': { handle, ref, value: WEIGHT, reason: 'typed wrong' },
  'records.retract': { handle, ref, reason: 'typed wrong' },
  'assessments.settings': {},
  'assessments.configure': { news2: true, pin: PIN },
  'assessments.draft': { handle },
  'assessments.record': { handle, total: 0, inputs: Array.from({ length: 7 }, () => ref) },
  'assessments.setScale': { handle, scale: 2, reason: 'hypercapnia', pin: PIN },
  'imports.preview': { handle, text: IMPORT_TEXT },
  'imports.accept': { handle, text: IMPORT_TEXT, card: null },
  'exports.preview': EXPORT,
  'exports.make': { ...EXPORT, pin: PIN },
  'erasures.list': {},
  'erasures.preview': { handle, records: null },
  'erasures.request': ERASURE,
  'erasures.proposals': {},
  'erasures.approve': { id: handle, pin: PIN },
  'erasures.withdraw': { id: handle },
}

/** One test for each of these procedures. `open` starts a core and signs somebody in. */
export function recordProcedures(
  open: (as?: (typeof PRACTITIONERS)[number]) => Promise<{ client: Client }>,
): Record<string, () => Promise<void>> {
  return {
    'records.amend': async () => {
      const { client } = await open()
      const request = { handle, ref, value: WEIGHT, reason: 'typed wrong' }
      expect(await code(client.records.amend({ ...request, ref: NOWHERE }))).toBe('UNKNOWN_ENTRY')
      const { rows } = await value(client.records.amend(request))
      expect(rows).toMatchObject([{ record: { correction: { reason: 'typed wrong' } } }, { record: { amends: ref } }])
      expect(await code(client.records.amend(request))).toBe('ALREADY_CORRECTED')
      expect(await code(client.records.amend({ ...request, reason: '' }))).toBe('INVALID_REQUEST')
    },
    'records.retract': async () => {
      const { client } = await open()
      expect(await code(client.records.retract({ handle, ref, reason: 'wrong patient' }))).toBe('ok')
      expect(await code(client.records.retract({ handle, ref, reason: 'wrong patient' }))).toBe('ALREADY_CORRECTED')
    },
    'assessments.settings': async () => {
      const { client } = await open()
      expect(await value(client.assessments.settings({}))).toMatchObject({ news2: { enabled: false } })
    },
    'assessments.configure': async () => {
      const { client } = await open(physician)
      expect(await code(client.assessments.configure({ news2: true, pin: '0000' }))).toBe('WRONG_PIN')
      expect(await value(client.assessments.configure({ news2: true, pin: PIN }))).toMatchObject({
        news2: { enabled: true, by: physician!.name },
      })
    },
    'assessments.draft': async () => {
      const { client } = await open(physician)
      expect(await value(client.assessments.draft({ handle }))).toEqual({ state: 'not-applicable', why: 'off' })
      await value(client.assessments.configure({ news2: true, pin: PIN }))
      expect(await value(client.assessments.draft({ handle }))).toMatchObject({ state: 'complete' })
    },
    'assessments.record': async () => {
      const { client } = await open(physician)
      const request = { handle, total: 0, inputs: Array.from({ length: 7 }, () => ref) }
      expect(await code(client.assessments.record(request))).toBe('ASSESSMENT_CHANGED')
      await value(client.assessments.configure({ news2: true, pin: PIN }))
      expect(await value(client.assessments.record(request))).toMatchObject({ record: { total: 0 } })
      expect(await code(client.assessments.record({ ...request, inputs: [ref] }))).toBe('INVALID_REQUEST')
    },
    'assessments.setScale': async () => {
      const { client } = await open(physician)
      const request = { handle, scale: 2 as const, reason: 'hypercapnia', pin: PIN }
      expect(await value(client.assessments.setScale(request))).toMatchObject({ scale: 2, by: physician!.name })
      expect(await code(client.assessments.setScale({ ...request, pin: '0000' }))).toBe('WRONG_PIN')
    },
    'imports.preview': async () => {
      const { client } = await open()
      expect(await value(client.imports.preview({ handle, text: IMPORT_TEXT }))).toMatchObject({ acceptable: 1 })
      expect(await code(client.imports.preview({ handle, text: 'hello' }))).toBe('BAD_IMPORT')
    },
    'imports.accept': async () => {
      const { client } = await open()
      const request = { handle, text: IMPORT_TEXT, card: null }
      expect(await value(client.imports.accept(request))).toEqual({ recorded: 1 })
      expect(await code(client.imports.accept(request))).toBe('NOTHING_TO_IMPORT')
    },
    'exports.preview': async () => {
      const { client } = await open(physician)
      expect(await value(client.exports.preview(EXPORT))).toMatchObject({ records: 1, withheld: 0 })
      expect(await value(client.exports.preview({ ...EXPORT, purpose: 'research' }))).toMatchObject({ withheld: 1 })
    },
    'exports.make': async () => {
      const { client } = await open(physician)
      expect((await value(client.exports.make({ ...EXPORT, pin: PIN }))).files).toHaveLength(2)
      expect(await code(client.exports.make({ ...EXPORT, pin: '0000' }))).toBe('WRONG_PIN')
      expect(await code(client.exports.make({ ...EXPORT, purpose: 'insurer', pin: PIN }))).toBe('NOTHING_TO_EXPORT')
      expect(await code(client.exports.make({ ...EXPORT, recipient: ' ', pin: PIN }))).toBe('INVALID_REQUEST')
    },
    'erasures.list': async () => {
      const { client } = await open()
      expect(await value(client.erasures.list({}))).toEqual([])
    },
    'erasures.preview': async () => {
      const { client } = await open(it_)
      expect(await value(client.erasures.preview({ handle, records: null }))).toMatchObject({ records: 3, keys: 1 })
      expect(await value(client.erasures.preview({ handle, records: [ref] }))).toMatchObject({ records: 1, keys: 0 })
    },
    'erasures.request': async () => {
      const { client } = await open(it_)
      expect(await value(client.erasures.request(ERASURE))).toMatchObject({ requestedBy: it_!.name, mayApprove: false })
      expect(await code(client.erasures.request({ ...ERASURE, pin: '0000' }))).toBe('WRONG_PIN')
      expect(await code(client.erasures.request({ ...ERASURE, reason: 'She asked' }))).toBe('INVALID_REQUEST')
    },
    'erasures.proposals': async () => {
      const { client } = await open(it_)
      await value(client.erasures.request(ERASURE))
      await value(client.session.signIn({ handle: physician!.handle, pin: PIN }))
      expect(await value(client.erasures.proposals({}))).toMatchObject([{ handle, mayApprove: true }])
    },
    'erasures.approve': async () => {
      const { client } = await open(it_)
      const { id } = await value(client.erasures.request(ERASURE))
      expect(await code(client.erasures.approve({ id, pin: PIN }))).toBe('NOT_ALLOWED')
      await value(client.session.signIn({ handle: physician!.handle, pin: PIN }))
      expect(await value(client.erasures.approve({ id, pin: PIN }))).toMatchObject({
        isWhole: true,
        statement: 'signed',
      })
      expect(await value(client.erasures.list({}))).toHaveLength(1)
      expect(await code(client.erasures.approve({ id, pin: PIN }))).toBe('UNKNOWN_PROPOSAL')
    },
    'erasures.withdraw': async () => {
      const { client } = await open(nurse)
      const { id } = await value(client.erasures.request(ERASURE))
      expect(await code(client.erasures.withdraw({ id }))).toBe('ok')
      expect(await value(client.erasures.proposals({}))).toEqual([])
      expect(await code(client.erasures.withdraw({ id }))).toBe('UNKNOWN_PROPOSAL')
    },
  }
}
