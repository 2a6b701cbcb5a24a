import { describe, expect, it } from 'vitest'
import { splitReceipts } from '../../../../src/ledger/receipts-file.ts'
import { readReceipt } from '../../../../src/ledger/verify-receipt.ts'
import { equalBytes, fromHex } from '../../../../src/shared/bytes.ts'
import { auditReplicaFile } from '../../../../src/main/core/audit/index.ts'
import { FOREIGN_FROM } from '../../../../src/main/core/vault/subject-keys.ts'
import type { Row } from '../../../../src/main/core/vault-service.ts'
import type { Reading } from '../../../../src/shared/api/schemas.ts'
import {
  codeOf,
  databaseOf,
  type OpenVault,
  OXIMETER,
  patientNumber,
  PIN,
  signFromDevice,
  signManual,
  startVault,
} from '../../../faults/support/clinic.ts'
import { clinicOf, granted, verified, weigh, weightsIn } from '../../../support/consent-world.ts'
import { SIXTEEN } from '../../../support/news2-set.ts'
import { until } from '../../../support/two-clinics.ts'
import { day, twoWorkstations } from '../../../support/two-workstations.ts'

const isFinal = (row: Row<Reading>) => row.status === 'verified' && row.position.grade.name === 'final'

describe('a patient of another workstation', { timeout: 180_000 }, () => {
  it('is measured here, and both charts show the values of both logs, verified and final', async () => {
    const { a, b, patient, shows } = await twoWorkstations()
    const { handle } = patient
    const one = await b.vault.patient(handle)
    expect(verified(one).familyName).toBe(patient.familyName)
    const [row] = await weigh(b, patient, '71.0')
    expect(row === undefined ? null : verified(row).quantities[0]?.value).toBe('71.0')
    expect(row?.status === 'verified' ? row.position.origin : '').toBe(b.clinic().identity.origin)
    await until('both show both', async () => (await shows(a, '70.1,71.0')) && (await shows(b, '70.1,71.0')))
    for (const { vault } of [a, b])
      await until('all of it is final', async () => (await vault.chart(handle, 1)).readings.every(isFinal))
    const [atA, atB] = [await a.vault.chart(handle, 1), await b.vault.chart(handle, 1)]
    const heard = (log: string) => ({ log, heardAt: expect.any(String) as string })
    const [logOfA, logOfB] = [a.clinic().identity.log, b.clinic().identity.log]
    expect(atA).toMatchObject({ others: [heard(logOfB)], unattributedDamage: 0 })
    expect(atB).toMatchObject({ workstation: heard(logOfA), unattributedDamage: 0 })
    expect([atA.workstation, atB.others]).toEqual([undefined, undefined])
    // Sealed under a key of that log, with a number that says what was known of the log that registered them.
    expect(b.clinic().replica.newestEpoch(handle)).toBe(FOREIGN_FROM)
    const rows = a.clinic().store.epochKeys(fromHex(handle))
    const theirs = rows.filter(({ log }) => log === logOfB)
    expect(theirs.map(({ epoch }) => epoch)).toEqual([FOREIGN_FROM, FOREIGN_FROM])
    expect(theirs.some(({ recipient }) => equalBytes(recipient, a.clinic().identity.sharingKey))).toBe(true)
  })

  it('is registered at the further one and measured at the first just the same', async () => {
    const { a, b } = await twoWorkstations()
    const other = await b.vault.registerPatient(patientNumber(2))
    const isKnown = async () =>
      (await codeOf(() => a.vault.patient(other.handle))) === null &&
      (await a.vault.patient(other.handle)).status === 'verified'
    await until('the first has heard', isKnown)
    await weigh(a, other, '60.5')
    await weigh(b, other, '60.9')
    for (const { vault } of [a, b])
      await until('both show both', async () => weightsIn(await vault.chart(other.handle, 1)).join() === '60.9,60.5')
  })

  it('has what each workstation recorded corrected there, and nowhere else', async () => {
    const { a, b, patient, shows } = await twoWorkstations()
    const { handle } = patient
    const [row] = await weigh(b, patient, '71.0')
    await until('the first shows it', () => shows(a, '70.1,71.0'))
    const ref = row?.status === 'verified' ? { origin: row.position.origin, index: row.position.index } : null
    if (ref === null) throw new Error('recorded')
    const [first] = (await b.vault.chart(handle, 1)).readings
    const theirs = first?.status === 'verified' ? { origin: first.position.origin, index: first.position.index } : ref
    const words = { handle, reason: 'wrong patient' }
    expect(await codeOf(() => a.vault.retractReading({ ...words, ref }))).toBe('OTHER_WORKSTATION')
    expect(await codeOf(() => b.vault.retractReading({ ...words, ref: theirs }))).toBe('OTHER_WORKSTATION')
    await b.vault.retractReading({ ...words, ref })
    const isWithdrawn = async () => {
      const { readings } = await a.vault.chart(handle, 1)
      return readings.some((one) => one.status === 'verified' && one.record.correction?.kind === 'entered-in-error')
    }
    await until('the first says that it was withdrawn', isWithdrawn)
  })

  it('who signs every reading is measured where the card is known', async () => {
    const { a, b, patient } = await twoWorkstations()
    expect(await b.vault.asksSignature(patient.handle)).toBe(false)

    await granted(a, patient, { from: day(-1), until: day(100), asksSignature: true })
    await until(
      'the decision is heard',
      async () => (await codeOf(() => b.vault.asksSignature(patient.handle))) !== null,
    )
    expect(await codeOf(() => b.vault.asksSignature(patient.handle))).toBe('OTHER_WORKSTATION')
    const before = b.clinic().replica.head.size
    expect(await codeOf(() => weigh(b, patient, '71.0'))).toBe('OTHER_WORKSTATION')
    expect(b.clinic().replica.head.size).toBe(before)
  })

  it('who is erased where they are registered is erased here too, also what was recorded meanwhile without a word', async () => {
    const { a, b, patient, folder, shows } = await twoWorkstations()
    const { handle } = patient
    await weigh(b, patient, '71.0')
    await until('the first shows it', () => shows(a, '70.1,71.0'))
    await a.vault.close()
    await weigh(b, patient, '71.5')
    expect(weightsIn(await b.vault.chart(handle, 1))).toEqual(['70.1', '71.0', '71.5'])
    await b.vault.close()
    const first = await startVault(a.folder)
    await first.vault.signIn(a.team.physician, PIN)
    const asked = { handle, records: null, reason: 'patient-request', authority: 'gdpr-17', pin: PIN } as const
    expect(await first.vault.previewErasure({ handle, records: null })).toMatchObject({ records: 4 })
    const { id } = await first.vault.requestErasure(asked)
    await first.vault.signIn(a.team.it, PIN)
    await first.vault.approveErasure({ id, pin: PIN })
    await first.vault.signIn(a.team.nurse, PIN)
    const second = await startVault(folder)
    await second.vault.signIn(a.team.nurse, PIN)
    const subject = fromHex(handle)
    const held = (open: OpenVault) => {
      const { store, replica, foreign } = clinicOf(open)
      const own = replica.chain(handle).links
      const theirs = foreign?.parts(handle).flatMap(({ sources }) => sources.replica.chain(handle).links) ?? []
      const owner = foreign?.patient(handle)?.sources.replica.chain(handle).links ?? []
      const payloads = [...own, ...theirs, ...owner].filter(
        ({ log, index }) => store.payload(log.origin, index) !== null,
      )
      return payloads.length + store.epochKeys(subject).length
    }
    await until('the second holds nothing', () => held(second) === 0)
    await until('what it recorded meanwhile has come, and nothing of it is held', async () => {
      const { readings } = await first.vault.chart(handle, 1)
      return readings.length === 3 && held(first) === 0
    })
    for (const { vault } of [first, second]) {
      const chart = await vault.chart(handle, 1)
      expect(weightsIn(chart)).toEqual(['erased', 'erased', 'erased'])
      expect(chart.patient).toMatchObject({ status: 'rejected', step: 'erased' })
    }
    expect(await codeOf(() => weigh(second, patient, '72.0'))).toBe('RECORD_NOT_VERIFIED')
    await first.vault.signIn(a.team.physician, PIN)
    const isConfirmed = async () => {
      const [erasure] = await first.vault.erasures()
      return erasure?.sites.some(({ isOwn, state }) => isOwn && state === 'confirmed') === true
    }
    await until('the second has confirmed', isConfirmed)
    // What is gone as it should be is no damage, and nothing asks for it again.
    await second.vault.signIn(a.team.it, PIN)
    await second.vault.scrub(1, null)
    const found = second.events.filter((event) => event.kind === 'scrub' && event.event.kind === 'finding')
    expect(found).toEqual([])
    expect(held(second)).toBe(0)
    const { network } = clinicOf(second).identity
    await second.vault.close()
    const audited: string[] = []
    auditReplicaFile(databaseOf(folder), network, ({ code, detail }) => audited.push(`${code}: ${detail}`))
    expect(audited).toEqual([])
  })

  it('is scored where they are registered, on what either measured, and leaves with the values of both', async () => {
    const { a, b, patient } = await twoWorkstations()
    const { handle } = patient
    const origin = { a: a.clinic().identity.origin, b: b.clinic().identity.origin }
    await b.vault.signIn(a.team.it, PIN)
    await b.vault.enrolDevice(OXIMETER, 'Ward oximeter of the second')
    await b.vault.signIn(a.team.nurse, PIN)
    await signFromDevice(b, handle, 5)
    await signManual(b, handle, SIXTEEN)
    await a.vault.signIn(a.team.physician, PIN)
    await a.vault.configureSupport({ news2: true, pin: PIN })
    const complete = async () => {
      const draft = await a.vault.assessmentDraft(handle)
      return draft.state === 'complete' ? draft.assessment : null
    }
    await until('what the second measured is enough', async () => (await complete()) !== null)
    const score = await complete()
    expect(score?.total).toBe(16)
    expect(new Set(score?.inputs.map(({ ref }) => ref.origin))).toEqual(new Set([origin.b]))
    if (score === null) throw new Error('just checked')
    const inputs = score.inputs.map(({ ref }) => ref)
    const row = await a.vault.recordAssessment({ handle, total: score.total, inputs })
    expect(verified(row).total).toBe(16)
    // Which oxygen scale holds is not for the second to say, nor a score that rests on it.
    expect(await codeOf(() => b.vault.assessmentDraft(handle))).toBe('OTHER_WORKSTATION')
    await until('the second shows the score', async () => {
      const { assessments } = await b.vault.chart(handle, 1)
      return assessments.some((one) => one.status === 'verified' && one.record.total === 16)
    })
    const request = {
      handle,
      purpose: 'care',
      recipient: 'St Anne’s Hospital',
      format: 'bundle',
      from: null,
      until: null,
    } as const
    const { readings } = await a.vault.chart(handle, 1)
    expect(await a.vault.previewExport(request)).toMatchObject({
      records: readings.length + 1,
      withheld: 0,
      rejected: 0,
    })
    const { files } = await a.vault.makeExport({ ...request, pin: PIN })
    const receipts = files.slice(1).flatMap(({ text }) => splitReceipts(text).map(readReceipt))
    const said = receipts.map(({ disclosure }) => new TextDecoder().decode(disclosure?.plaintext)).join()
    for (const word of ['70.1', '39.2', 'confusion']) expect(said).toContain(word)
    expect(files[0]?.text).toContain('Ward oximeter of the second')
    await b.vault.signIn(a.team.physician, PIN)
    expect(await codeOf(() => b.vault.previewExport(request))).toBe('OTHER_WORKSTATION')
  })
})
