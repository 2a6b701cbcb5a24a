import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import { splitReceipts } from '../../../../src/ledger/receipts-file.ts'
import { readReceipt } from '../../../../src/ledger/verify-receipt.ts'
import { type AuditFacts, decodeAudit } from '../../../../src/clinical/audit-event.ts'
import type { Exported, ExportRequest, ManualValue } from '../../../../src/shared/api/schemas.ts'
import { codeOf, PIN, signFromDevice, signManual, temporaryFolder, weight } from '../../../faults/support/clinic.ts'
import { CARD_PIN, consentWorld, granted, holder, type Holder, type World } from '../../../support/consent-world.ts'
import { DIARY } from '../../../support/patient-files.ts'
import { openedRecord } from '../../../../src/main/core/vault/opened-record.ts'
import { chartseal, jsonLines } from '../../cli/run.ts'

let world: World
let patient: Holder

const GLUCOSE: ManualValue = {
  kind: 'glucose',
  quantities: [{ name: 'glucose', value: '112', ucum: 'mg/dL', coded: null }],
  site: null,
  confirmed: true,
}

beforeEach(async () => {
  world = await consentWorld()
  patient = await holder(world, 1)
  await signManual(world, patient.handle, [weight('71.50'), GLUCOSE])
  await signFromDevice(world, patient.handle, 5)
  await world.vault.acceptImport({
    handle: patient.handle,
    text: JSON.stringify(DIARY).replaceAll('2026-11', '2026-02'),
    card: null,
  })
  await world.vault.signIn(world.team.physician, PIN)
})

const request = (change: Partial<ExportRequest> = {}): ExportRequest => ({
  ...{ handle: patient.handle, purpose: 'care', recipient: 'St Anne’s Hospital', format: 'bundle' },
  ...{ from: null, until: null },
  ...change,
})
const make = (change: Partial<ExportRequest> = {}) => world.vault.makeExport({ ...request(change), pin: PIN })
const preview = (change: Partial<ExportRequest> = {}) => world.vault.previewExport(request(change))
const grant = async (change: Parameters<typeof granted>[2]) => {
  await world.vault.signIn(world.team.nurse, PIN)
  await granted(world, patient, change)
  await world.vault.signIn(world.team.physician, PIN)
}

interface Bundle {
  readonly type: string
  readonly entry: readonly { readonly resource: { readonly resourceType: string; readonly id?: string } }[]
}
const bundleIn = ({ files }: Exported) => JSON.parse(files[0]!.text) as Bundle
const typesIn = (exported: Exported) => bundleIn(exported).entry.map(({ resource }) => resource.resourceType)
const receiptsIn = ({ files }: Exported) => files.slice(1).flatMap(({ text }) => splitReceipts(text).map(readReceipt))
const contentsOf = (exported: Exported) =>
  receiptsIn(exported).map(({ disclosure }) => new TextDecoder().decode(disclosure?.plaintext))

it('holds every value as it was committed to, with a receipt for each, and is on record before it leaves', async () => {
  expect(await preview()).toEqual({
    ...{ records: 5, withheld: 0, rejected: 0 },
    classes: ['vital-signs', 'body-measures', 'laboratory', 'patient-reported'],
  })
  const exported = await make()
  const proof = await world.vault.proof(null, exported.ref.index)
  expect(proof).toMatchObject({ type: 'export', origin: exported.ref.origin })
  expect(bundleIn(exported).type).toBe('collection')
  const types = typesIn(exported)
  expect(types[0]).toBe('Patient')
  expect(types.filter((type) => type === 'Observation')).toHaveLength(4)
  expect(types.filter((type) => type === 'DocumentReference')).toHaveLength(1)
  expect(types.filter((type) => type === 'Provenance')).toHaveLength(5)
  expect(types.filter((type) => type === 'Practitioner')).toHaveLength(2)
  expect(types.filter((type) => type === 'Device')).toHaveLength(1)
  const contents = contentsOf(exported)
  expect(contents).toHaveLength(6)
  for (const content of contents) expect(exported.files[0]?.text).toContain(content)
  expect(exported.files[0]?.text).toContain('"value":71.50,')
  for (const { fileName } of exported.files)
    expect(fileName).toMatch(/^chartseal-export-[0-9a-f]{8}\.(fhir\.json|tlog-proofs)$/)
})

it('is checked by chartseal verify alone, value by value', async () => {
  const exported = await make()
  const { network } = await world.vault.ledgerSummary()
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'export'))
  const file = join(folder, 'export', exported.files[1]!.fileName)
  writeFileSync(file, exported.files[1]!.text)
  const { status, stdout } = chartseal(['verify', file, '--network', network, '--json'])
  expect(status).toBe(0)
  const lines = jsonLines(stdout)
  expect(lines.map(({ content }) => content)).toEqual(contentsOf(exported))
  expect(lines.every(({ notChecked }) => !(notChecked as string[]).includes('content'))).toBe(true)
  const spoiled = exported.files[1]!.text.replace(/extra \S+/, (line) => {
    const bytes = Buffer.from(line.slice(6), 'base64')
    const at = bytes.indexOf('Given1')
    bytes[at] = 'X'.charCodeAt(0)
    return `extra ${bytes.toString('base64')}`
  })
  expect(spoiled).not.toBe(exported.files[1]!.text)
  writeFileSync(file, spoiled)
  const refused = chartseal(['verify', file, '--network', network, '--json'])
  expect(refused.status).toBe(1)
  expect(jsonLines(refused.stdout)[0]).toMatchObject({ valid: false, failed: 'content', content: null })
})

it('says in a sealed entry who got it, and on what state', async () => {
  const { ref } = await make({ purpose: 'patient', recipient: 'The patient' })
  const { replica } = world.clinic()
  const link = replica.chain(patient.handle).links.find(({ index }) => index === ref.index)!
  const facts: AuditFacts = decodeAudit((await openedRecord(world.clinic(), link)).text)
  expect(facts).toMatchObject({ kind: 'export', detail: 'patient', words: 'The patient', patient: patient.handle })
})

it.each(['ips', 'csv'] as const)('also comes as %s', async (format) => {
  const { files } = await make({ format })
  if (format === 'ips') expect(JSON.parse(files[0]!.text)).toMatchObject({ type: 'document' })
  else expect(files[0]?.text.split('\r\n').filter((line) => line !== '')).toHaveLength(5)
  expect(files[0]?.fileName).toMatch(format === 'ips' ? /\.ips\.json$/ : /\.csv$/)
})

it('leaves corrected values out, takes what replaced them, and keeps to the days that were asked for', async () => {
  const { readings } = await world.vault.chart(patient.handle, 1)
  const row = readings.find((one) => one.status === 'verified' && one.record.kind === 'weight')
  if (row?.status !== 'verified') throw new Error('no weight')
  const ref = { origin: row.position.origin, index: row.position.index }
  await world.vault.amendReading({ handle: patient.handle, ref, value: weight('72.25'), reason: 'typed wrong' })
  const exported = await make()
  expect(exported.files[0]?.text).toContain('72.25')
  expect(exported.files[0]?.text).not.toContain('71.50')
  expect(contentsOf(exported).join('')).not.toContain('71.50')
  expect(await preview({ from: '2026-03-02' })).toMatchObject({ records: 4 })
  expect(await preview({ until: '2026-03-01' })).toMatchObject({ records: 1, classes: ['patient-reported'] })
  expect(await codeOf(() => make({ from: '2027-01-01' }))).toBe('NOTHING_TO_EXPORT')
})

it('holds for insurers and research what a consent names for them, and nothing before', async () => {
  for (const purpose of ['insurer', 'research'] as const) {
    expect(await preview({ purpose })).toMatchObject({ records: 0, withheld: 5 })
    expect(await codeOf(() => make({ purpose }))).toBe('NOTHING_TO_EXPORT')
  }
  await grant({ purposes: ['care', 'insurer'], classes: ['demographics', 'body-measures', 'laboratory'] })
  const classes = ['body-measures', 'laboratory']
  expect(await preview({ purpose: 'insurer' })).toMatchObject({ records: 2, classes })
  expect(await preview({ purpose: 'research' })).toMatchObject({ records: 0 })
  const contents = contentsOf(await make({ purpose: 'insurer' })).join('')
  expect(contents).toContain('71.50')
  expect(contents).not.toContain('2708-6')
  world.clock.nowMs = Date.UTC(2027, 2, 3)
  await world.vault.signIn(world.team.physician, PIN)
  expect(await preview({ purpose: 'insurer' })).toMatchObject({ records: 0 })
})

it('names nobody where no consent covers the name', async () => {
  await grant({ purposes: ['care'] })
  await grant({ purposes: ['research'], classes: ['body-measures'] })
  expect(await codeOf(() => make({ purpose: 'research' }))).toBe('CONSENT_NEEDED')
  const { files } = await make({ purpose: 'research', format: 'csv' })
  for (const name of [patient.familyName, patient.givenName, patient.identifier, patient.birthDate])
    for (const { text } of files) expect(text).not.toContain(name)
  const contents = splitReceipts(files[1]!.text).map((text) => readReceipt(text))
  expect(contents).toHaveLength(1)
})

it('gives patients what may be seen here, and all of it with their card', async () => {
  await grant({ classes: ['demographics', 'laboratory'] })
  expect(await preview({ purpose: 'patient' })).toMatchObject({ records: 1, withheld: 4 })
  expect(contentsOf(await make({ purpose: 'patient' }))).toHaveLength(2)
  const withCard = (pin: string) =>
    world.vault.makeExport({ ...request({ purpose: 'patient' }), pin: PIN, card: { text: patient.card.text, pin } })
  expect(await codeOf(() => withCard('0000'))).toBe('WRONG_CARD_PIN')
  const whole = await withCard(CARD_PIN)
  expect(contentsOf(whole)).toHaveLength(6)
  // A card opens the patient's own copy and nothing else.
  const other = { ...request({ purpose: 'insurer' }), pin: PIN, card: { text: patient.card.text, pin: CARD_PIN } }
  expect(await codeOf(() => world.vault.makeExport(other))).toBe('NOTHING_TO_EXPORT')
})

it.each([
  ['a byte of it', (row: Uint8Array) => row.with(row.length >> 1, (row[row.length >> 1] ?? 0) ^ 1)],
  ['the record of somebody else', null],
] as const)('names nobody in a whole export when the registration does not verify: %s', async (_what, change) => {
  const other = await holder(world, 2)
  const { store, replica, identity } = world.clinic()
  const placeOf = ({ handle }: Holder) => replica.chain(handle).links.find(({ type }) => type === 'patient.registered')!
  const [{ index }, stranger] = [placeOf(patient), placeOf(other)]
  const [own, theirs] = [store.payload(identity.origin, index)!, store.payload(identity.origin, stranger.index)!]
  const forged = change === null ? theirs : { ...own, ciphertext: change(own.ciphertext) }
  store.replacePayload(identity.origin, index, forged)
  await world.vault.signIn(world.team.physician, PIN)
  const card = { text: patient.card.text, pin: CARD_PIN }
  const whole = await world.vault.makeExport({ ...request({ purpose: 'patient', format: 'csv' }), pin: PIN, card })
  for (const name of [patient, other].flatMap(({ familyName, givenName, identifier }) => [
    familyName,
    givenName,
    identifier,
  ]))
    for (const { text } of whole.files) expect(text).not.toContain(name)
  expect(whole.files[0]?.text).toContain('71.5')
  // A document has to name somebody: none is made, and none is recorded to have left.
  const { size } = await world.vault.ledgerSummary()
  const named = { ...request({ purpose: 'patient' }), pin: PIN, card }
  expect(await codeOf(() => world.vault.makeExport(named))).toBe('CONSENT_NEEDED')
  expect((await world.vault.ledgerSummary()).size).toBe(size)
})

it('is for physicians with their PIN, and leaves no entry when refused', async () => {
  const { size } = await world.vault.ledgerSummary()
  expect(await codeOf(() => world.vault.makeExport({ ...request(), pin: '9999' }))).toBe('WRONG_PIN')
  for (const who of [world.team.nurse, world.team.it, world.team.auditor]) {
    await world.vault.signIn(who, PIN)
    expect(await codeOf(() => make())).toBe('NOT_ALLOWED')
    expect(await codeOf(() => preview())).toBe('NOT_ALLOWED')
  }
  await world.vault.signOut()
  expect(await codeOf(() => make())).toBe('NOT_SIGNED_IN')
  await world.vault.signIn(world.team.physician, PIN)
  expect((await world.vault.ledgerSummary()).size).toBe(size)
  expect(await codeOf(() => make({ handle: '00'.repeat(16) }))).toBe('UNKNOWN_PATIENT')
})
