import { randomBytes } from 'node:crypto'
import { chmodSync, copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { generateSharingKeyPair } from '../../../../src/main/core/epoch-keys.ts'
import { toHex } from '../../../../src/shared/bytes.ts'
import { MAX_NOTES, Outbox } from '../../../../src/main/core/vault/outbox.ts'
import { SharingRing } from '../../../../src/main/core/vault/sharing-ring.ts'
import { codeOf, furnish, PIN, startVault, stateOf, temporaryFolder } from '../../../faults/support/clinic.ts'

const random = (size: number) => new Uint8Array(randomBytes(size))

const NOTE = {
  writer: 'Nora Nurse',
  patient: 'Ada Quillfeather, bed 4',
  note: 'BP taken by hand while the disk was full',
  values: [{ label: 'Blood pressure', text: '118/76' }],
}
const START = Date.UTC(2026, 2, 2, 8)
const DAY = 24 * 3600_000

async function opened() {
  const folder = join(temporaryFolder(), 'outbox')
  const clock = { ms: START }
  const ring = new SharingRing([await generateSharingKeyPair()])
  const outbox = new Outbox(folder, { random, nowMs: () => clock.ms })
  const findings = await outbox.open(ring)
  return { folder, clock, ring, outbox, findings }
}

it('keeps what somebody wrote, for who has the key, and tells nobody else even how much it was', async () => {
  const { folder, clock, ring, outbox, findings } = await opened()
  expect(findings).toEqual({ isReplaced: 'none', unreadable: 0 })
  const first = await outbox.write(NOTE)
  clock.ms += 1000
  const second = await outbox.write({ ...NOTE, note: '' })
  const notes = await outbox.list(ring)
  expect(notes.map(({ id }) => id)).toEqual([first.id, second.id])
  expect(notes[0]).toMatchObject({ ...NOTE, id: first.id })
  const files = readdirSync(folder).filter((file) => file.endsWith('.note'))
  const sizes = files.map((file) => readFileSync(join(folder, file)).length)
  expect(new Set(sizes).size).toBe(1)
  for (const file of readdirSync(folder)) {
    const bytes = readFileSync(join(folder, file))
    for (const word of ['Quillfeather', '118/76', 'Nora']) expect(bytes.includes(word)).toBe(false)
  }
  const other = await generateSharingKeyPair()
  expect(await outbox.list(new SharingRing([other]))).toEqual([])
})

it('takes notes before any key of the workstation is there, and none before there was a clinic', async () => {
  const { folder, clock, ring } = await opened()
  const closed = new Outbox(folder, { random, nowMs: () => clock.ms })
  await closed.write(NOTE)
  expect((await closed.list(ring)).length).toBe(1)
  const nowhere = new Outbox(join(temporaryFolder(), 'outbox'), { random, nowMs: () => clock.ms })
  expect(await codeOf(() => nowhere.write(NOTE))).toBe('WRONG_STATE')
})

it('is bounded in number and in size', async () => {
  const { folder, outbox } = await opened()
  const long = '\u{1f489}'.repeat(500)
  expect(
    await codeOf(() =>
      outbox.write({ ...NOTE, note: long, values: Array(20).fill({ label: long.slice(0, 60), text: 'x' }) as never }),
    ),
  ).toBe('INVALID_REQUEST')
  const { id } = await outbox.write({ ...NOTE, note: long })
  for (let n = 1; n < MAX_NOTES; n++)
    copyFileSync(join(folder, `${id}.note`), join(folder, `${n.toString(16).padStart(32, '0')}.note`))
  expect(await codeOf(() => outbox.write(NOTE))).toBe('OUTBOX_FULL')
})

it('notices another key, puts the right one back, and sets aside what does not open', async () => {
  const { folder, ring, outbox } = await opened()
  const thief = await generateSharingKeyPair()
  writeFileSync(join(folder, 'sharing-key'), `${Buffer.from(thief.publicKey).toString('hex')}\n`)
  const stolen = await outbox.write(NOTE)
  expect((await outbox.list(new SharingRing([thief]))).map(({ id }) => id)).toEqual([stolen.id])
  expect(await outbox.open(ring)).toEqual({ isReplaced: 'another', unreadable: 1 })
  expect(readdirSync(folder)).toContain(`${stolen.id}.unreadable`)
  const kept = await outbox.write(NOTE)
  expect((await outbox.list(ring)).map(({ id }) => id)).toEqual([kept.id])
  expect(await outbox.open(ring)).toEqual({ isReplaced: null, unreadable: 0 })
})

it('opens what was sealed to the key before, and publishes the new one without a word', async () => {
  const { folder, clock, ring, outbox } = await opened()
  const { id } = await outbox.write(NOTE)
  clock.ms += 1000
  const rotated = new SharingRing([await generateSharingKeyPair(), ring.now])
  expect(await outbox.open(rotated)).toEqual({ isReplaced: null, unreadable: 0 })
  expect(readFileSync(join(folder, 'sharing-key'), 'utf8').trim()).toBe(toHex(rotated.now.publicKey))
  const later = await outbox.write(NOTE)
  expect((await outbox.list(rotated)).map((note) => note.id)).toEqual([id, later.id])
  expect((await outbox.list(ring)).map((note) => note.id)).toEqual([id])
})

it('gives a note under its own name alone, and survives whatever lies beside it', async () => {
  const { folder, ring, outbox } = await opened()
  const { id } = await outbox.write(NOTE)
  const other = 'cd'.repeat(16)
  copyFileSync(join(folder, `${id}.note`), join(folder, `${other}.note`))
  writeFileSync(join(folder, `${'ef'.repeat(16)}.note`), '')
  writeFileSync(join(folder, 'notes.txt'), 'x')
  expect((await outbox.list(ring)).map((note) => note.id)).toEqual([id])
  expect(await codeOf(() => outbox.note(other, ring))).toBe('UNKNOWN_ENTRY')
  expect(await codeOf(() => outbox.note('00'.repeat(16), ring))).toBe('UNKNOWN_ENTRY')
})

it('keeps a settled note for 90 days with what became of it', async () => {
  const { clock, ring, outbox } = await opened()
  const { id } = await outbox.write(NOTE)
  const settled = { at: '2026-03-02T09:00:00+00:00', by: 'Phil Physician', reason: 'signed by hand' }
  await outbox.settle(await outbox.note(id, ring), settled, ring)
  expect(await outbox.list(ring)).toEqual([])
  expect(await outbox.settled(ring)).toMatchObject([{ ...NOTE, id, settled }])
  clock.ms += 90 * DAY
  await outbox.open(ring)
  expect((await outbox.settled(ring)).length).toBe(1)
  clock.ms += DAY
  await outbox.open(ring)
  expect(await outbox.settled(ring)).toEqual([])
})

it('takes a note while nobody can sign in, lists it to nurses and physicians, and records that it was settled', async () => {
  const open = await startVault(temporaryFolder())
  expect(await codeOf(() => open.vault.writeOutbox(NOTE))).toBe('WRONG_STATE')
  const staff = await furnish(open)
  await open.vault.close()
  // The keystore is gone: nothing opens, and a note is taken all the same.
  const keystore = join(open.folder, 'clinic', 'keystore', 'node-secret.json')
  const secret = readFileSync(keystore)
  rmSync(keystore)
  const failed = await startVault(open.folder)
  expect(stateOf(failed).state).toBe('failed')
  const { id } = await failed.vault.writeOutbox(NOTE)
  await failed.vault.close()
  writeFileSync(keystore, secret)
  const again = await startVault(open.folder)
  expect(await codeOf(() => again.vault.outbox())).toBe('NOT_SIGNED_IN')
  await again.vault.signIn(staff.it, PIN)
  expect(await codeOf(() => again.vault.outbox())).toBe('NOT_ALLOWED')
  expect(await codeOf(() => again.vault.settleOutbox({ id, reason: 'mine' }))).toBe('NOT_ALLOWED')
  await again.vault.signIn(staff.physician, PIN)
  expect(await again.vault.outbox()).toMatchObject([{ ...NOTE, id }])
  // A second click, or a second window, finds it taken.
  const twice = await Promise.all([
    codeOf(() => again.vault.settleOutbox({ id, reason: 'entered by hand' })),
    codeOf(() => again.vault.settleOutbox({ id, reason: 'clicked twice' })),
  ])
  expect(twice).toEqual([null, 'UNKNOWN_ENTRY'])
  expect(await again.vault.outbox()).toEqual([])
  expect(await codeOf(() => again.vault.settleOutbox({ id, reason: 'again' }))).toBe('UNKNOWN_ENTRY')
  expect(await again.vault.settledNotes()).toMatchObject([
    { settled: { by: 'Phil Physician', reason: 'entered by hand' } },
  ])
  expect((await again.vault.incidents()).map(({ kind }) => kind)).toEqual(['outbox.settled'])
})

it.skipIf(process.getuid?.() === 0)('says so when the disk may not be written to', async () => {
  const { folder, outbox } = await opened()
  chmodSync(folder, 0o500)
  try {
    expect(await codeOf(() => outbox.write(NOTE))).toBe('DATA_FOLDER_READ_ONLY')
  } finally {
    chmodSync(folder, 0o700)
  }
})
