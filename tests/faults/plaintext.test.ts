/**
 * After a day's work nothing of it can be read from the data folder: no name, no identifier, no measured value, no
 * secret, in whatever encoding.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { consentWords } from '../../src/clinical/consent-words.ts'
import { DATA_CLASSES, type ConsentTerms } from '../../src/shared/api/schemas.ts'
import { fromHex } from '../../src/shared/bytes.ts'
import { openNodeSecret } from '../../src/main/keystore/node-secret.ts'
import { acquireFolderLock } from '../../src/main/store/folder-lock.ts'
import { clinicOf } from '../support/consent-world.ts'
import { DIARY } from '../support/patient-files.ts'
import {
  codeOf,
  copyOf,
  furnish,
  type OpenVault,
  OXIMETER,
  oximeterDrafts,
  PIN,
  signFromDevice,
  signManual,
  startVault,
  temporaryFolder,
  weight,
} from './support/clinic.ts'
import { PASSPHRASE, PLANTED } from './support/planted.ts'
import { readable, spellings } from './support/spellings.ts'

const PROGRAM = join(import.meta.dirname, 'support', 'work-until-killed.ts')

/** Where anything planted can be read: `file: text (spelling)`. */
function found(folder: string, planted: readonly (string | Uint8Array)[]): string[] {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  return files.flatMap(({ parentPath, name }) =>
    readable(readFileSync(join(parentPath, name)), planted).map((hit) => `${name}: ${hit}`),
  )
}

const files = (folder: string) => readdirSync(folder, { recursive: true }).map(String)

it('finds what is planted in a plain file, in every spelling', () => {
  const folder = temporaryFolder()
  for (const text of PLANTED) {
    for (const [spelling, bytes] of spellings(text)) {
      writeFileSync(join(folder, 'plain'), Buffer.concat([Buffer.from('before'), bytes, Buffer.from('after')]))
      expect(found(folder, [text])).toContain(`plain: ${text} (${spelling})`)
    }
    writeFileSync(join(folder, 'plain'), Buffer.from(`padding ${text} padding`).toString('base64'))
    expect(found(folder, [text]).length).toBeGreaterThan(0)
  }
  const key = new Uint8Array(32).map((_, i) => 3 + 7 * i)
  for (const [spelling, bytes] of spellings(key)) {
    writeFileSync(join(folder, 'plain'), Buffer.concat([Buffer.from('before'), bytes, Buffer.from('after')]))
    expect(found(folder, [key])).toContain(`plain: a key (${spelling})`)
  }
})

it(
  'leaves nothing readable, and no key, after a day of work, a power cut and an erasure',
  { timeout: 120_000 },
  async () => {
    const folder = temporaryFolder()
    const lock = acquireFolderLock(folder)
    const open = await startVault(folder, { nodeSecret: null })
    const { vault } = open
    await vault.createClinic({
      clinicName: PLANTED[7],
      passphrase: PASSPHRASE,
      administrator: { name: PLANTED[6], pin: '9182736455' },
    })
    const [admin] = await vault.practitioners()
    await vault.signIn(admin?.handle ?? '', '9182736455')
    const nurse = await vault.enrolPractitioner({ name: PLANTED[5], role: 'nurse', pin: '7463529184' })
    await vault.enrolDevice(OXIMETER, 'Zwiebelturm oximeter')
    expect(await codeOf(() => vault.signIn(nurse.handle, '7463529185'))).toBe('WRONG_PIN')
    await vault.signIn(nurse.handle, '7463529184')
    const { handle } = await vault.registerPatient({
      familyName: PLANTED[0],
      givenName: PLANTED[1],
      birthDate: PLANTED[2],
      gender: 'female',
      identifier: PLANTED[3],
    })
    await signManual(open, handle, [weight('137.25')])
    await signFromDevice(open, handle, 1)
    await vault.putTray('no-patient', await oximeterDrafts(open, 2, '91'))
    const [item] = await vault.tray()
    await vault.putTray('no-patient', await oximeterDrafts(open, 3, '92'))
    await vault.discardTray([item?.id ?? ''], 'finger of a visitor')
    await vault.searchPatients(PLANTED[0])
    const chart = await vault.chart(handle, 1)
    expect(JSON.stringify(chart)).toContain('137.25')
    const physician = await treat(open, handle, admin?.handle ?? '')
    await vault.signIn(nurse.handle, '7463529184')
    const cards = await decide(open, handle)
    await answerFor(open, handle, admin?.handle ?? '')
    await vault.signIn(admin?.handle ?? '', '9182736455')
    await vault.backUp(null)
    const keys = await keysOf(open, handle, { [nurse.handle]: '7463529184', [admin?.handle ?? '']: '9182736455' })
    expect(keys.length).toBeGreaterThan(20)
    await vault.signOut()
    const planted = [...PLANTED, ...cards, ...keys]
    // While it runs, the write-ahead log is there as well.
    expect(files(folder).some((name) => name.endsWith('ledger.db-wal'))).toBe(true)
    expect(files(folder).some((name) => name.endsWith('.backup'))).toBe(true)
    expect(found(folder, planted)).toEqual([])
    // What a power cut would leave.
    const cut = copyOf(folder)
    await vault.close()
    lock.release()
    expect(files(folder).some((name) => name.endsWith('ledger.db'))).toBe(true)
    expect(found(folder, planted)).toEqual([])
    await erasedAfterwards(cut, handle, { it: admin?.handle ?? '', physician })
    expect(found(cut, planted)).toEqual([])
  },
)

/** A correction, what the patient reports, decision support and an export. Gives the physician. */
async function treat(open: OpenVault, handle: string, admin: string): Promise<string> {
  const { vault } = open
  const pin = '7463529184'
  const { readings } = await vault.chart(handle, 4)
  const [row] = readings.filter((one) => one.status === 'verified' && one.record.kind === 'weight')
  if (row?.status !== 'verified') throw new Error('a weight was recorded')
  const { origin, index } = row.position
  const value = weight('138.75')
  await vault.amendReading({ handle, ref: { origin, index }, value, reason: 'the scale stood on a carpet' })
  const report = DIARY.item.map((item) =>
    item.linkId === '5' ? { ...item, answer: [{ valueString: 'noise from the glockenspiel' }] } : item,
  )
  const authored = '2026-01-20T07:30:00+01:00'
  const text = JSON.stringify({ ...DIARY, authored, item: report })
  expect(await vault.acceptImport({ handle, text, card: null })).toEqual({ recorded: 1 })
  await vault.signIn(admin, '9182736455')
  const physician = await vault.enrolPractitioner({ name: 'Friederike Knochenhauer', role: 'physician', pin })
  await vault.signIn(physician.handle, pin)
  await vault.setOxygenScale({ handle, scale: 2, reason: 'retains carbon dioxide since Lent', pin })
  const period = { from: null, until: null }
  const { files: exported } = await vault.makeExport({
    ...{ handle, purpose: 'care', recipient: 'Dorothea Quacksalver', format: 'bundle', ...period, pin },
  })
  expect(exported.map((one) => one.text).join('')).toContain('138.75')
  return physician.handle
}

/** Every key that is in memory while somebody works: of the node, the site, the staff and the patient. */
async function keysOf(open: OpenVault, handle: string, pins: Record<string, string>): Promise<Uint8Array[]> {
  const { keystore, keys } = clinicOf(open)
  const named = keystore.secrets.names().flatMap((name) => keystore.secrets.get(name) ?? [])
  const staff = await Promise.all(Object.entries(pins).map(([one, pin]) => keystore.practitioners.unlock(one, pin)))
  const node = await openNodeSecret(
    join(open.folder, 'clinic', 'keystore'),
    { kind: 'passphrase', passphrase: PASSPHRASE },
    10,
  )
  const subject = fromHex(handle)
  // One before consent was taken back, and one after.
  const { epoch: newest } = await keys.current(subject)
  expect(newest).toBe(1)
  const epochs = [0, newest]
  const opened = await Promise.all(epochs.map((epoch) => keys.of(subject, epoch)))
  const classes = opened.flatMap((one) => [one.epochKey, ...DATA_CLASSES.flatMap((each) => one.keyOf(each) ?? [])])
  // Settings are kept there as well.
  return [...named, ...staff, node, ...classes].filter(({ length }) => length >= 32).map((key) => Uint8Array.from(key))
}

/** Goes on after the power cut, and erases the patient. */
async function erasedAfterwards(cut: string, handle: string, by: { it: string; physician: string }): Promise<void> {
  const { vault } = await startVault(cut, { nodeSecret: null })
  await vault.unlock(PASSPHRASE)
  const target = { handle, records: null }
  await vault.signIn(by.it, '9182736455')
  const asked = { ...target, reason: 'patient-request', authority: 'gdpr-17', pin: '9182736455' }
  const { id } = await vault.requestErasure(asked)
  await vault.signIn(by.physician, '7463529184')
  expect((await vault.approveErasure({ id, pin: '7463529184' })).isWhole).toBe(true)
  expect(JSON.stringify(await vault.searchPatients(''))).not.toContain(PLANTED[0])
  await vault.close()
}

/** Cards, a consent that a guardian signs and takes back, a correction, a note. Gives what is printed on the cards. */
async function decide({ vault }: OpenVault, handle: string): Promise<string[]> {
  const pin = '7463529184'
  const card = { handle, cardPin: '5830274619', pin }
  const own = await vault.issueCard({ ...card, capacity: 'patient', holder: null })
  const { text } = await vault.issueCard({ ...card, capacity: 'guardian', holder: 'Gundula Vormund-Ash' })
  const [site] = await vault.consentSites()
  const ownSite = site?.id ?? ''
  const freshness = { onlineMin: 15, offlineMin: 60 }
  const today = new Date().toISOString().slice(0, 10)
  const terms: ConsentTerms = {
    ...{ sites: [ownSite], purposes: ['care'], classes: ['demographics', 'body-measures'], from: today },
    ...{ until: `${String(new Date().getFullYear() + 2)}-01-01`, history: true, asksSignature: false, freshness },
  }
  const words = consentWords(terms, { patient: `${PLANTED[1]} ${PLANTED[0]}`, ownSite })
  const authorisation = { how: 'card', card: { text, pin: '5830274619' } } as const
  const granted = await vault.grantConsent({ handle, terms, words, authorisation, second: null, pin })
  if (granted.status === 'rejected') throw new Error(granted.reason)
  const { readings } = await vault.chart(handle, 2)
  const [row] = readings.filter((one) => one.status === 'verified' && one.record.correction === undefined)
  const ref = {
    origin: row?.status === 'verified' ? row.position.origin : '',
    index: row?.status === 'verified' ? row.position.index : -1,
  }
  await vault.retractReading({ handle, ref, reason: 'typed by the wrong hand' })
  const { consentId } = granted.record
  await vault.revokeConsent({ handle, consentId, reason: 'no longer of two minds', card: null, pin })
  const note = { writer: PLANTED[5], patient: PLANTED[0], note: 'scribbled on the back of a menu', values: [] }
  await vault.writeOutbox(note)
  return [own.text, text]
}

/** An emergency, and its review by an auditor. */
async function answerFor({ vault }: OpenVault, handle: string, admin: string): Promise<void> {
  const pin = '7463529184'
  await vault.breakGlass({ handle, reason: 'other', text: 'Found asleep in the tramway', pin })
  expect(JSON.stringify(await vault.chart(handle, 3))).toContain('137.25')
  await vault.signIn(admin, '9182736455')
  const auditor = await vault.enrolPractitioner({ name: 'Aurelia Auditor', role: 'auditor', pin })
  await vault.signIn(auditor.handle, pin)
  const [row] = await vault.emergencies()
  if (row?.status !== 'verified') throw new Error('there is an emergency')
  const { origin, index } = row.position
  const remark = 'the ward was empty that night'
  await vault.reviewEmergency({ ref: { origin, index }, outcome: 'justified', remark, pin })
}

it('leaves nothing readable when it is killed at work', { timeout: 60_000 }, async () => {
  const folder = temporaryFolder()
  const open = await startVault(folder)
  const staff = await furnish(open)
  await open.vault.close()
  const child = spawn(process.execPath, [PROGRAM, folder, staff.nurse], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    if (said.split('\n').length > 10) child.kill('SIGKILL')
  })
  const [, signal] = (await once(child, 'close')) as [number | null, string | null]
  expect(signal).toBe('SIGKILL')
  expect(files(folder).some((name) => name.endsWith('ledger.db-wal'))).toBe(true)
  expect(found(folder, [...PLANTED, 'Nora Nurse', 'Ada Admin', 'Harbour Street'])).toEqual([])
  const again = await startVault(folder)
  await again.vault.signIn(staff.nurse, PIN)
  expect(JSON.stringify(await again.vault.searchPatients(''))).toContain(PLANTED[0])
})
