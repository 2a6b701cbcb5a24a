import Database from 'better-sqlite3'
import { beforeAll, beforeEach, expect, it } from 'vitest'
import { PROPOSAL_DAYS } from '../../../../src/main/core/vault/erasure-proposals.ts'
import {
  codeOf,
  copyOf,
  databaseOf,
  forWholeFile,
  furnish,
  type OpenVault,
  patientNumber,
  PIN,
  signManual,
  type Staff,
  startVault,
  temporaryFolder,
  weight,
} from '../../../faults/support/clinic.ts'

let folder = ''
let staff: Staff & { auditor: string; secondPhysician: string }
let patient = ''
let open: OpenVault
let nowMs = Date.UTC(2026, 2, 2, 8)

beforeAll(async () => {
  await forWholeFile(async () => {
    const first = await startVault(temporaryFolder(), { nowMs: () => (nowMs += 1000) })
    const furnished = await furnish(first)
    await first.vault.signIn(furnished.it, PIN)
    const auditor = await first.vault.enrolPractitioner({ name: 'Otto Auditor', role: 'auditor', pin: PIN })
    const second = await first.vault.enrolPractitioner({ name: 'Petra Physician', role: 'physician', pin: PIN })
    staff = { ...furnished, auditor: auditor.handle, secondPhysician: second.handle }
    await first.vault.signIn(staff.nurse, PIN)
    patient = (await first.vault.registerPatient(patientNumber(1))).handle
    await signManual(first, patient, [weight('61.1'), weight('71.1')])
    await first.vault.close()
    folder = first.folder
  })
})

beforeEach(async () => {
  open = await startVault(copyOf(folder), { nowMs: () => (nowMs += 1000) })
})

const REASON = { reason: 'patient-request', authority: 'gdpr-17' }
const request = (records: null | { origin: string; index: number }[] = null) =>
  open.vault.requestErasure({ handle: patient, records, ...REASON, pin: PIN })
const as = (handle: string) => open.vault.signIn(handle, PIN)

async function shown(): Promise<number> {
  await as(staff.physician)
  const { readings } = await open.vault.chart(patient, 1)
  return readings.filter(({ status }) => status === 'verified').length
}

it('erases nothing before somebody else has signed, and everything then', async () => {
  await as(staff.it)
  const proposal = await request()
  expect(proposal).toMatchObject({
    handle: patient,
    records: null,
    ...REASON,
    requestedBy: 'Ada Admin',
    mayApprove: false,
  })
  expect(await shown()).toBe(2)
  expect(await open.vault.erasureProposals()).toEqual([{ ...proposal, mayApprove: true }])
  const receipt = await open.vault.approveErasure({ id: proposal.id, pin: PIN })
  expect(receipt).toMatchObject({ entryId: proposal.id, isWhole: true, subject: patient, sites: [] })
  expect(await open.vault.erasureProposals()).toEqual([])
  expect(await shown()).toBe(0)
  const proof = await open.vault.proof(null, receipt.index)
  expect(proof.signatures.map(({ role }) => role)).toEqual(['practitioner', 'practitioner'])
  expect(new Set(proof.signatures.map(({ publicKey }) => publicKey)).size).toBe(2)
})

it('is asked for and signed by a physician and IT in either order, and by nobody else', async () => {
  for (const [first, second] of [
    [staff.it, staff.physician],
    [staff.physician, staff.it],
  ] as const) {
    open = await startVault(copyOf(folder), { nowMs: () => (nowMs += 1000) })
    await as(first)
    const { id } = await request()
    const others = [staff.it, staff.physician, staff.secondPhysician, staff.nurse, staff.auditor]
    for (const other of others) {
      await as(other)
      const [seen] = await open.vault.erasureProposals()
      const may = second === staff.physician ? [staff.physician, staff.secondPhysician] : [staff.it]
      expect(seen?.mayApprove).toBe(may.includes(other))
      if (!may.includes(other))
        expect(await codeOf(() => open.vault.approveErasure({ id, pin: PIN }))).toBe('NOT_ALLOWED')
    }
    expect(await shown()).toBe(2)
    await as(second)
    expect(await open.vault.approveErasure({ id, pin: PIN })).toMatchObject({ isWhole: true })
  }
  for (const other of [staff.nurse, staff.auditor]) {
    open = await startVault(copyOf(folder))
    await as(other)
    expect(await codeOf(() => request())).toBe('NOT_ALLOWED')
    expect(await codeOf(() => open.vault.previewErasure({ handle: patient, records: null }))).toBe('NOT_ALLOWED')
  }
})

it('asks for the PIN each time, and for records that are the patient’s', async () => {
  expect(await codeOf(() => request())).toBe('NOT_SIGNED_IN')
  await as(staff.it)
  const wrong = () => open.vault.requestErasure({ handle: patient, records: null, ...REASON, pin: '9999' })
  expect(await codeOf(wrong)).toBe('WRONG_PIN')
  const { origin } = await open.vault.ledgerSummary()
  expect(await codeOf(() => request([{ origin, index: 0 }]))).toBe('UNKNOWN_ENTRY')
  const unknown = { handle: '00'.repeat(16), records: null, ...REASON, pin: PIN }
  expect(await codeOf(() => open.vault.requestErasure(unknown))).toBe('UNKNOWN_PATIENT')
  const { id } = await request()
  await as(staff.physician)
  expect(await codeOf(() => open.vault.approveErasure({ id, pin: '9999' }))).toBe('WRONG_PIN')
  expect(await codeOf(() => open.vault.approveErasure({ id: '00'.repeat(16), pin: PIN }))).toBe('UNKNOWN_PROPOSAL')
  expect(await shown()).toBe(2)
})

it('is taken back by whoever asked or could have signed, and is then unknown', async () => {
  for (const [who, code] of [
    [staff.nurse, 'NOT_ALLOWED'],
    [staff.auditor, 'NOT_ALLOWED'],
    [staff.it, null],
    [staff.physician, null],
  ] as const) {
    await as(staff.it)
    const { id } = await request()
    await as(who)
    expect(await codeOf(() => open.vault.withdrawErasure(id))).toBe(code)
    expect(await codeOf(() => open.vault.withdrawErasure(id))).toBe(code === null ? 'UNKNOWN_PROPOSAL' : 'NOT_ALLOWED')
  }
})

it('has to be asked for anew when something was recorded meanwhile that repeats what is to go', async () => {
  await as(staff.physician)
  const [row] = (await open.vault.chart(patient, 1)).readings
  if (row?.status !== 'verified') throw new Error('there is a reading')
  const { origin, index } = row.position
  const ref = { origin, index }
  await as(staff.it)
  const { id } = await request([ref])
  await as(staff.nurse)
  await open.vault.retractReading({ handle: patient, ref, reason: '61.1 was somebody else' })
  await as(staff.physician)
  expect(await codeOf(() => open.vault.approveErasure({ id, pin: PIN }))).toBe('UNKNOWN_PROPOSAL')
  expect(await open.vault.erasureProposals()).toEqual([])
  await as(staff.it)
  const anew = await request([ref])
  expect(anew.records).toHaveLength(2)
  await as(staff.physician)
  expect(await open.vault.approveErasure({ id: anew.id, pin: PIN })).toMatchObject({ records: 2 })
  expect(JSON.stringify(await open.vault.chart(patient, 2))).not.toContain('61.1')
})

it('outlives a restart, and lapses after a month', async () => {
  await as(staff.it)
  const { id } = await request()
  await open.vault.close()
  open = await startVault(open.folder, { nowMs: () => (nowMs += 1000) })
  await as(staff.physician)
  expect(await open.vault.erasureProposals()).toMatchObject([{ id }])
  const before = nowMs
  nowMs += PROPOSAL_DAYS * 86_400_000
  expect(await open.vault.erasureProposals()).toEqual([])
  expect(await codeOf(() => open.vault.approveErasure({ id, pin: PIN }))).toBe('UNKNOWN_PROPOSAL')
  nowMs = before
})

it.each([
  ['another authority', "body = CAST(substr(body, 1, length(body) - 1) || '8' AS BLOB)"],
  ['another signature', 'signature = zeroblob(64)'],
  ['another key', 'public_key = zeroblob(32)'],
  ['no body', "body = x''"],
  ['another id', 'id = zeroblob(16)'],
  ['rubbish', 'body = randomblob(100)'],
])('is not what somebody wrote into the database: %s', async (_, change) => {
  await as(staff.it)
  await request()
  await open.vault.close()
  const db = new Database(databaseOf(open.folder))
  const { changes } = db.prepare(`UPDATE erasure_proposal SET ${change}`).run()
  const bodies = db.prepare('SELECT hex(body) AS body FROM erasure_proposal').all()
  db.close()
  expect([changes, bodies.length]).toEqual([1, 1])
  open = await startVault(open.folder, { nowMs: () => (nowMs += 1000) })
  await as(staff.physician)
  expect(await open.vault.erasureProposals()).toEqual([])
})

it('says beforehand what would go and what would stay', async () => {
  await as(staff.it)
  const preview = await open.vault.previewErasure({ handle: patient, records: null })
  expect(preview).toMatchObject({ records: 3, keys: 1, cards: 0, sites: [] })
  expect(preview.entriesThatStay).toBeGreaterThan(3)
  const { id } = await request()
  await as(staff.physician)
  const { records } = await open.vault.approveErasure({ id, pin: PIN })
  expect(records).toBe(preview.records)
  expect(await open.vault.previewErasure({ handle: patient, records: null })).toMatchObject({ records: 0, keys: 0 })
})
