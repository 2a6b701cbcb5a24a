/**
 * After erasure nobody can test guesses: of every possible blood pressure, written into the very resource that was erased
 * or in any short form, none leads to anything that is left in the data folder.
 */
import { createHash, createHmac } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { likelyClasses, openUnderClasses } from '../../src/main/core/class-keys.ts'
import { equalBytes } from '../../src/shared/bytes.ts'
import { consentWorld, granted, holder, PIN, takenBack, type World } from '../support/consent-world.ts'
import { signManual } from './support/clinic.ts'
import { eraseByTwo } from './support/erasing.ts'

const [SYSTOLIC, DIASTOLIC] = ['137', '91']
const VALUE = new RegExp(`"value":(${SYSTOLIC}|${DIASTOLIC})(?![0-9])`, 'g')

/** Every blood pressure that there can be. */
function* pressures(): Generator<[string, string]> {
  for (let systolic = 30; systolic <= 300; systolic++)
    for (let diastolic = 15; diastolic <= 200; diastolic++) yield [String(systolic), String(diastolic)]
}

/** Short ways to write one. */
function shortForms(s: string, d: string): string[] {
  return [`${s}/${d}`, `${s}/${d} mmHg`, `${s} ${d}`, `[${s},${d}]`, `{"systolic":${s},"diastolic":${d}}`, `${s}${d}`]
}

/** The one reading of a patient as somebody knew it before it was erased: everything about it. */
async function known({ clinic }: World, handle: string) {
  const { replica, store, keys, identity } = clinic()
  const link = replica.chain(handle).links.find(({ type }) => type === 'reading')
  const entry = link?.log.verifiedEntry(link.index)
  const stored = link === undefined ? null : store.payload(identity.origin, link.index)
  if (link === undefined || entry === undefined || 'step' in entry || stored === null) throw new Error('it is there')
  const { subject, payload, id, type, fields } = entry.entry.body
  if (subject === null || payload === null) throw new Error('a reading has both')
  const context = { subject, entryId: id, epoch: payload.epoch }
  const classKeys = await keys.of(subject, payload.epoch)
  const { plaintext, salt } = openUnderClasses(stored, classKeys, likelyClasses({ type, fields }), context)
  const text = new TextDecoder().decode(plaintext)
  const around = [payload.commitment, payload.ciphertextHash, id, link.leaf]
  return { text, salt, payload, around, epochKey: Uint8Array.from(classKeys.epochKey) }
}

/** The resource with other numbers in it. */
function forged(text: string, systolic: string, diastolic: string): string {
  return text.replace(VALUE, (_, digits) => `"value":${digits === SYSTOLIC ? systolic : diastolic}`)
}

/** Every 32 bytes in a row that stand in any file of a folder. */
function windowsOf(folder: string): Set<string> {
  const windows = new Set<string>()
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    const content = readFileSync(join(entry.parentPath, entry.name)).toString('latin1')
    for (let at = 0; at + 32 <= content.length; at++) windows.add(content.slice(at, at + 32))
  }
  return windows
}

const latin = (digest: Buffer) => digest.toString('latin1')
const LEAF = Buffer.of(0)

/** What somebody would work out from a guess, with nothing but what is left. */
function* digests(text: string, keys: readonly Uint8Array[]): Generator<string> {
  yield latin(createHash('sha256').update(text).digest())
  yield latin(createHash('sha256').update(LEAF).update(text).digest())
  for (const key of keys) yield latin(createHmac('sha256', key).update(text).digest())
}

it('finds no match for any blood pressure against anything that erasure leaves', async () => {
  const world = await consentWorld()
  const { vault, team, folder } = world
  const patient = await holder(world, 1)
  const { consentId } = await granted(world, patient)
  await signManual(world, patient.handle, [
    {
      kind: 'blood-pressure',
      quantities: [
        { name: 'systolic', value: SYSTOLIC, ucum: 'mm[Hg]', coded: null },
        { name: 'diastolic', value: DIASTOLIC, ucum: 'mm[Hg]', coded: null },
      ],
      site: null,
      confirmed: true,
    },
  ])
  await takenBack(world, patient, consentId)
  const { text, salt, payload, around, epochKey } = await known(world, patient.handle)
  expect(forged(text, '120', '80')).toContain('"value":120')

  // With the salt, the dictionary gives the value away: the attack is a real one.
  const commitment = latin(Buffer.from(payload.commitment))
  const matches = [...pressures()].filter(
    ([s, d]) =>
      latin(
        createHmac('sha256', salt)
          .update(forged(text, s, d))
          .digest(),
      ) === commitment,
  )
  expect(matches).toEqual([[SYSTOLIC, DIASTOLIC]])

  await vault.signIn(team.it, PIN)
  await eraseByTwo(vault, team, { handle: patient.handle, records: null })
  await vault.close()
  const left = windowsOf(folder)
  // What erasure is to leave is there, and what it is to take away is not.
  expect(left.has(commitment)).toBe(true)
  expect(left.has(latin(Buffer.from(payload.ciphertextHash)))).toBe(true)
  for (const secret of [salt, epochKey]) expect(left.has(latin(Buffer.from(secret)))).toBe(false)
  expect(around.some((bytes) => equalBytes(bytes, salt))).toBe(false)
  const hits: string[] = []
  for (const [s, d] of pressures()) {
    for (const digest of digests(forged(text, s, d), around))
      if (left.has(digest)) hits.push(`${s}/${d} in its resource`)
    for (const short of shortForms(s, d))
      for (const digest of digests(short, around.slice(2, 3))) if (left.has(digest)) hits.push(short)
  }
  expect(hits).toEqual([])
}, 120_000)
