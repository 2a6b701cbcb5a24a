import { describe, expect, it } from 'vitest'
import { encodeReading } from '../../../../src/ledger/fields.ts'
import { decodeExportFields, encodeTargetFields } from '../../../../src/ledger/record-fields.ts'
import { utf8, viewerOf } from '../../../../src/main/core/vault/clinic.ts'
import { fromHex } from '../../../../src/shared/bytes.ts'
import {
  codeOf,
  copyOf,
  type OpenVault,
  oximeterDrafts,
  PIN,
  signFromDevice,
  signManual,
  startVault,
  weight,
} from '../../../faults/support/clinic.ts'
import { damage } from '../../../faults/support/scrubbing.ts'
import { clinicOf, granted, holder, takenBack, verified, weigh, weightsIn } from '../../../support/consent-world.ts'
import { SIXTEEN } from '../../../support/news2-set.ts'
import { joinedTo, until } from '../../../support/two-clinics.ts'
import { day, type TwoWorkstations, twoWorkstations } from '../../../support/two-workstations.ts'

/** Waits until the second workstation shows all that the first had recorded. */
async function heard({ a, b, patient }: TwoWorkstations): Promise<void> {
  const { readings } = await a.vault.chart(patient.handle, 1)
  await until('the second shows it', async () => {
    const there = await b.vault.chart(patient.handle, 1)
    return there.readings.length >= readings.length && there.readings.every(({ status }) => status === 'verified')
  })
}

describe('what several workstations recorded about one patient', { timeout: 180_000 }, () => {
  it('leaves as one record, and the entry cites every log that it is from', async () => {
    const { a, b, patient, shows } = await twoWorkstations()
    await weigh(b, patient, '71.0')
    await until('the first shows it', () => shows(a, '70.1,71.0'))
    await a.vault.signIn(a.team.physician, PIN)
    const whom = { handle: patient.handle, purpose: 'care', recipient: 'X' } as const
    const request = { ...whom, format: 'bundle', from: null, until: null } as const
    expect(await a.vault.previewExport(request)).toMatchObject({ records: 2, rejected: 0 })
    const exported = await a.vault.makeExport({ ...request, pin: PIN })
    const text = exported.files[0]?.text ?? ''
    for (const value of ['70.1', '71.0']) expect(text).toContain(`"value":${value},`)
    const { replica } = a.clinic()
    const entry = replica.live.verifiedEntry(exported.ref.index)
    if ('step' in entry) throw new Error(entry.reason)
    const { heads, count } = decodeExportFields(entry.entry.body.fields)
    expect(count).toBe(2)
    expect(heads.map(({ origin }) => origin)).toEqual([replica.live.origin, b.clinic().identity.origin])
  })

  it('holds each record of a meter once, at whichever workstation it is read again', async () => {
    const world = await twoWorkstations()
    const { a, b, patient } = world
    await signFromDevice(a, patient.handle, 5)
    await heard(world)
    const drafts = await oximeterDrafts(b, 5)
    expect(drafts.map(({ draft }) => draft.alreadyRecorded)).toEqual([true])
    const sign = () =>
      b.vault.signReadings({ as: a.team.nurse, handle: patient.handle, drafts, manual: [], late: null })
    const before = b.clinic().replica.head.size
    expect(await codeOf(sign)).toBe('ALREADY_RECORDED')
    expect(b.clinic().replica.head.size).toBe(before)
    expect(weightsIn(await b.vault.chart(patient.handle, 1))).toEqual(['70.1', '65', '97'])
  })

  it('is scored as long as everything newer can be read, from whichever workstation it is', async () => {
    const { a, b, patient } = await twoWorkstations()
    const { handle } = patient
    const draft = async (open: OpenVault) => {
      await open.vault.signIn(a.team.physician, PIN)
      let state = ''
      const code = await codeOf(async () => ({ state } = await open.vault.assessmentDraft(handle)))
      await open.vault.signIn(a.team.nurse, PIN)
      return code ?? state
    }
    await a.vault.signIn(a.team.physician, PIN)
    await a.vault.configureSupport({ news2: true, pin: PIN })
    await a.vault.signIn(a.team.nurse, PIN)
    await signManual(a, handle, SIXTEEN)
    expect(await draft(a)).toBe('complete')
    const [row] = await signManual(b, handle, [weight('71.0')])
    if (row?.status !== 'verified') throw new Error('recorded')
    const { index, origin } = row.position
    await until('it has come', async () => {
      const { readings } = await a.vault.chart(handle, 1)
      return readings.some((one) => one.status === 'verified' && one.position.origin === origin)
    })
    expect(await draft(a)).toBe('complete')
    await b.vault.retractReading({ handle, ref: { origin, index }, reason: 'wrong patient' })
    const { size } = b.clinic().replica.head
    const theirs = () => a.clinic().foreign?.log(origin)?.head.size ?? 0
    await until('so has the rest', () => theirs() >= size)
    await b.vault.close()
    await a.vault.close()
    // When something was measured is told to the second, and what was recorded in that same second may be newer.
    const closedAtS = Math.floor(Date.now() / 1000)
    await until('a later second has begun', () => Math.floor(Date.now() / 1000) > closedAtS)
    const inLog = `log = (SELECT id FROM log WHERE origin = '${origin}') AND idx`
    const without = async (sql: string) => {
      const folder = copyOf(a.folder)
      damage(folder, (db) => {
        db.exec(sql)
      })
      const open = await startVault(folder)
      const found = await draft(open)
      await signManual(open, handle, SIXTEEN)
      const again = await draft(open)
      await open.vault.close()
      return [found, again]
    }
    // The entry is there and its value is not; or all that came since is gone, and nobody can say whose it was.
    expect(await without(`DELETE FROM payload WHERE ${inLog} = ${index}`)).toEqual(['RECORD_NOT_VERIFIED', 'complete'])
    const damaged = `UPDATE entry SET bytes = zeroblob(100) WHERE ${inLog} > ${index} AND length(bytes) > 400`
    expect(await without(damaged)).toEqual(['RECORD_NOT_VERIFIED', 'complete'])
  })

  it('leaves a trace where all that another workstation recorded about somebody is damaged here', async () => {
    const { a, b, patient } = await twoWorkstations()
    const { handle } = patient
    await a.vault.signIn(a.team.physician, PIN)
    await a.vault.configureSupport({ news2: true, pin: PIN })
    await a.vault.signIn(a.team.nurse, PIN)
    await signManual(a, handle, SIXTEEN)
    await signManual(b, handle, [weight('71.0')])
    const { origin } = b.clinic().identity
    const { size } = b.clinic().replica.head
    await until('it has come', () => (a.clinic().foreign?.log(origin)?.head.size ?? 0) >= size)
    const places = b
      .clinic()
      .replica.chain(handle)
      .links.map(({ index }) => index)
    await b.vault.close()
    await a.vault.close()
    const inLog = `log = (SELECT id FROM log WHERE origin = '${origin}') AND idx IN (${places.join()})`
    const folder = copyOf(a.folder)
    damage(folder, (db) => db.exec(`UPDATE entry SET bytes = zeroblob(100) WHERE ${inLog}`))
    const open = await startVault(folder)
    await open.vault.signIn(a.team.physician, PIN)
    expect((await open.vault.chart(handle, 1)).unattributedDamage).toBe(places.length)
    expect(await codeOf(() => open.vault.assessmentDraft(handle))).toBe('RECORD_NOT_VERIFIED')
  })

  it('names the word of another workstation that a value is wrong, where its own log had put another in its place', async () => {
    const { a, b, patient } = await twoWorkstations()
    const { handle } = patient
    const [row] = (await a.vault.chart(handle, 1)).readings
    if (row?.status !== 'verified') throw new Error('shown')
    const ref = { origin: row.position.origin, index: row.position.index }
    const value = { ...weight('70.2'), confirmed: false }
    await a.vault.amendReading({ handle, ref, value, reason: 'misread' })
    await b.clinic().writer.record([
      {
        ...{ id: new Uint8Array(16).fill(7), type: 'reading.entered-in-error', subject: fromHex(handle) },
        ...{ timeMs: Date.now(), payload: utf8('{}'), fields: encodeTargetFields(ref), keyClass: 'body-measures' },
        signers: [viewerOf(b.clinic()).signer],
      },
    ])
    const shown = async (open: OpenVault) => {
      const { readings } = await open.vault.chart(handle, 1)
      return readings
        .map((one) => (one.status === 'verified' ? (one.record.correction?.kind ?? '') : one.reason))
        .join()
    }
    for (const open of [a, b])
      await until('it is named', async () => (await shown(open)) === 'amended,,corrects what was corrected before')
  })

  it('stays closed after a revocation that is damaged here later, whoever else decides something meanwhile', async () => {
    const { a, b, patient, folder } = await twoWorkstations()
    const { handle } = patient
    const state = async (open: OpenVault) => (await open.vault.chart(handle, 1)).consent.state
    const terms = { from: day(-1), until: day(100) }
    // Patients of this workstation decide too, before and after.
    const own = await holder(b, 2)
    await granted(b, own, terms)
    const { consentId } = await granted(a, patient, terms)
    await until('the consent holds there', async () => (await state(b)) === 'covers')
    await takenBack(a, patient, consentId)
    await until('the chart is closed', async () => (await state(b)) === 'refused')
    await granted(b, own, terms)
    const revocation = a
      .clinic()
      .replica.chain(handle)
      .links.find(({ type }) => type === 'consent.revoked')
    if (revocation === undefined) throw new Error('recorded')
    await a.vault.close()
    await b.vault.close()
    damage(folder, (db) => {
      const inLog = `log = (SELECT id FROM log WHERE origin = '${revocation.log.origin}')`
      db.exec(`UPDATE entry SET bytes = zeroblob(100) WHERE ${inLog} AND idx = ${revocation.index}`)
    })
    const again = await startVault(folder)
    await again.vault.signIn(a.team.nurse, PIN)
    expect(await state(again)).toBe('unknown')
    expect(weightsIn(await again.vault.chart(handle, 1))).toEqual(['access'])
  })

  it('holds nothing of what a member of another clinic signs under the handle, whatever it claims to be', async () => {
    const { a, b, patient, shows } = await twoWorkstations()
    const { handle } = patient
    await weigh(b, patient, '71.0')
    await until('the first shows it', () => shows(a, '70.1,71.0'))
    await a.vault.signIn(a.team.it, PIN)
    const other = await joinedTo(a)
    const { writer, replica } = clinicOf(other)
    const { handle: physician } = await other.vault.enrolPractitioner({ name: 'Petra', role: 'physician', pin: PIN })
    await other.vault.signIn(physician, PIN)
    const forge = (type: 'reading' | 'patient.registered') =>
      writer.record([
        {
          ...{ id: new Uint8Array(16).fill(type.length), type, subject: fromHex(handle), timeMs: Date.now() },
          ...{ payload: utf8('99.9'), signers: [viewerOf(clinicOf(other)).signer] },
          fields: type === 'reading' ? encodeReading({ method: 'manual', device: null }) : new Map(),
        },
      ])
    await forge('reading')
    await forge('patient.registered')
    const { origin, size } = { ...replica.head, origin: replica.live.origin }
    for (const open of [a, b])
      await until('it has come', () => (clinicOf(open).foreign?.log(origin)?.head.size ?? 0) >= size, 90_000)
    await a.vault.signIn(a.team.nurse, PIN)
    for (const { vault } of [a, b]) {
      const chart = await vault.chart(handle, 1)
      expect(weightsIn(chart)).toEqual(['70.1', '71.0'])
      expect(chart.unattributedDamage).toBe(0)
      expect(verified(chart.patient).familyName).toBe(patient.familyName)
    }
  })

  it('is opened by an emergency at the workstation that has it, as a whole, and nowhere else', async () => {
    const { a, b, patient } = await twoWorkstations()
    const { handle } = patient
    const state = async () => (await b.vault.chart(handle, 1)).consent.state
    const { consentId } = await granted(a, patient, { from: day(-1), until: day(100) })
    await until('the consent holds there', async () => (await state()) === 'covers')
    await takenBack(a, patient, consentId)
    await until('the chart is closed', async () => (await state()) === 'refused')
    // It is recorded all the same, and not shown to who recorded it.
    expect((await weigh(b, patient, '72.5')).map((row) => row.status === 'rejected' && row.step)).toEqual(['access'])
    await b.vault.signIn(a.team.physician, PIN)
    await b.vault.breakGlass({ handle, reason: 'unconscious', text: 'found on the floor', pin: PIN })
    expect(weightsIn(await b.vault.chart(handle, 1))).toEqual(['70.1', '72.5'])
    await until('the entry has come', async () => (await a.vault.chart(handle, 1)).readings.length === 2)
    expect(weightsIn(await a.vault.chart(handle, 1))).toEqual(['access', 'access'])
  })
})
