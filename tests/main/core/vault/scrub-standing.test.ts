import type Database from 'better-sqlite3'
import { beforeAll, describe, expect, it } from 'vitest'
import { cosign } from '../../../../src/ledger/cosignature.ts'
import { encodeCheckpoint, signCheckpoint } from '../../../../src/ledger/checkpoint.ts'
import { formatSignature } from '../../../../src/ledger/note.ts'
import { SECRETS, signerOf } from '../../../../src/main/core/vault/genesis.ts'
import {
  copyOf,
  forWholeFile,
  furnish,
  patientNumber,
  PIN,
  signManual,
  type Staff,
  startVault,
  temporaryFolder,
  weight,
} from '../../../faults/support/clinic.ts'
import { damage, openScrub, rowsOf, type OpenScrub } from '../../../faults/support/scrubbing.ts'

let folder = ''
let staff: Staff

/** A closed clinic that cosigned its head and heads before it. */
beforeAll(async () => {
  await forWholeFile(async () => {
    const open = await startVault(temporaryFolder())
    folder = open.folder
    staff = await furnish(open)
    await open.vault.signIn(staff.nurse, PIN)
    const { handle } = await open.vault.registerPatient(patientNumber(1))
    for (let n = 0; n < 4; n++) await signManual(open, handle, [weight(`6${n}.5`)])
    await open.vault.close()
    // At least two: what was cosigned and when depends on time otherwise.
    const again = await startVault(folder)
    await again.vault.signIn(staff.nurse, PIN)
    await signManual(again, handle, [weight('71.5')])
    await again.vault.close()
  })
})

async function damaged(work: string | ((db: Database.Database) => void)): Promise<OpenScrub & { copy: string }> {
  const copy = copyOf(folder)
  damage(copy, typeof work === 'string' ? (db) => db.exec(work) : work)
  return { ...(await openScrub(copy, staff.nurse)), copy }
}

const told = ({ said }: OpenScrub) => [
  ...new Set(said.flatMap((event) => (event.kind === 'finding' ? [`${event.what} ${event.outcome}`] : []))),
]

const sizes = ({ store, replica }: OpenScrub) => store.cosignatures(replica.live.origin, 0, 100).map(({ size }) => size)

const HEAD = '(SELECT max(size) FROM checkpoint)'
const FIRST = '(SELECT note FROM checkpoint ORDER BY size LIMIT 1)'

/** What is done to the rows, what a scrub tells, and the tables that afterwards are as they were. */
const DAMAGE: Record<string, { work: string; told: string; same: string[] }> = {
  'a line of nobody’s is planted': {
    work: `INSERT INTO cosignature (log, size, name, line) SELECT log, size, 'a.example/mirror', line FROM cosignature`,
    told: 'cosignature removed',
    same: ['cosignature', 'mirror'],
  },
  'more lines are planted above the own one than are tried': {
    work: `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${HEAD} - 1)
           INSERT OR IGNORE INTO cosignature (log, size, name, line)
           SELECT 1, i, (SELECT name FROM cosignature LIMIT 1), 'made up' FROM n`,
    told: 'cosignature removed',
    same: ['cosignature', 'mirror'],
  },
  'a line is put beyond the head': {
    work: `INSERT INTO cosignature (log, size, name, line) SELECT log, size + 1000, name, line FROM cosignature`,
    told: 'entry removed',
    same: ['cosignature', 'mirror'],
  },
  'all lines are deleted': { work: 'DELETE FROM cosignature', told: 'cosignature repaired', same: ['mirror'] },
  'the newest line is spoilt': {
    work: `UPDATE cosignature SET line = 'made up' WHERE size = ${HEAD}`,
    told: 'cosignature removed,cosignature repaired',
    same: ['mirror'],
  },
  'the memory is deleted': { work: 'DELETE FROM mirror', told: 'mirror repaired', same: ['cosignature', 'mirror'] },
  'the memory is set back': {
    work: `UPDATE mirror SET pending = ${FIRST}, mirrored = ${FIRST},
           stored = (SELECT size FROM checkpoint ORDER BY size LIMIT 1)`,
    told: 'mirror repaired',
    same: ['cosignature', 'mirror'],
  },
  'the memory is made up': {
    work: "UPDATE mirror SET pending = 'x', mirrored = 'x'",
    told: 'mirror repaired',
    same: ['cosignature', 'mirror'],
  },
  'the memory counts entries that are not there': {
    work: 'UPDATE mirror SET stored = 99999',
    told: 'mirror repaired',
    same: ['cosignature', 'mirror'],
  },
  'the memory refuses an entry that is fine': {
    work: "UPDATE mirror SET refused_index = 2, refused_code = 'SIGNATURE_MISSING'",
    told: 'mirror repaired',
    same: ['cosignature', 'mirror'],
  },
  'a proof is made up': {
    work: "INSERT INTO evidence (id, origin, text, received_at) VALUES (x'01', 'nowhere', 'no proof', 1)",
    told: 'evidence removed',
    same: ['evidence'],
  },
  'a checkpoint carries another line': {
    work: "UPDATE checkpoint SET note = note || '— a.example/mirror AAAAAAAAAAAA' || char(10)",
    told: 'checkpoint repaired',
    same: [],
  },
  'a tile is longer than its tree': {
    work: "UPDATE tile SET hashes = CAST(hashes || x'abcd' AS BLOB)",
    told: 'tile repaired',
    same: [],
  },
}

describe.each(Object.entries(DAMAGE))('when %s', (_what, { work, told: expected, same }) => {
  it('says so, puts it right alone, and keeps what stood there', async () => {
    const open = await damaged(work)
    const before = rowsOf(folder, same)
    const result = await open.run()
    expect(told(open).toSorted().join()).toBe(expected)
    expect(result).toMatchObject({ open: 0, isWhole: true })
    expect(rowsOf(open.copy, same)).toEqual(before)
    expect(open.store.quarantine(1000).every(({ outcome, incident }) => outcome !== 'open' && incident !== null)).toBe(
      true,
    )
    expect(open.store.quarantine(1000).length).toBeGreaterThan(0)
    open.said.length = 0
    expect(await open.run()).toMatchObject({ open: 0, repaired: 0, removed: 0 })
  })
})

it('finds nothing where nothing was done', async () => {
  const open = await damaged('')
  expect(await open.run()).toMatchObject({ open: 0, repaired: 0, removed: 0, isWhole: true })
})

it('gives a lost line anew for the head alone, whatever smaller tree the memory says', async () => {
  const open = await damaged(
    `DELETE FROM cosignature; UPDATE mirror SET pending = ${FIRST}, mirrored = ${FIRST},
     stored = (SELECT size FROM checkpoint ORDER BY size LIMIT 1)`,
  )
  const { size } = open.replica.head
  expect(await open.run()).toMatchObject({ open: 0, repaired: 1 })
  expect(sizes(open)).toEqual([size])
  expect(open.store.mirror(open.replica.live.origin)).toMatchObject({ stored: size, refused: null })
})

it('moves a line of the own mirror away that is under no block', async () => {
  const open = await damaged('')
  const { live } = open.replica
  const inside = live.head.size - 1
  const mirror = signerOf('log', open.keystore.secrets.get(SECRETS.mirror) ?? new Uint8Array(0))
  const name = open.store.cosignatures(live.origin, 0, 1)[0]?.name ?? ''
  const text = encodeCheckpoint({ origin: live.origin, size: inside, root: live.trusted.tree.rootAt(inside) })
  const line = formatSignature(cosign(text, { name, publicKey: mirror.publicKey }, 1, (m) => mirror.sign(m)))
  open.store.putCosignatures(live.origin, [{ size: inside, name, line }])
  expect(await open.run()).toMatchObject({ removed: 1, open: 0 })
  expect(sizes(open)).not.toContain(inside)
})

it('takes a memory of another tree that the log did sign for a proof, and leaves it', async () => {
  const open = await damaged('')
  const { origin } = open.replica.live
  const log = signerOf('log', open.keystore.secrets.get(SECRETS.log) ?? new Uint8Array(0))
  const head = { origin, size: 3, root: new Uint8Array(32).fill(9) }
  const note = signCheckpoint(head, { name: origin, publicKey: log.publicKey }, (m) => log.sign(m))
  const row = { pending: note, stored: 3, mirrored: note, refused: null }
  open.store.replaceMirror(origin, open.store.mirror(origin), row, [])
  expect(await open.run()).toMatchObject({ open: 0, repaired: 0, removed: 0 })
  expect(open.store.mirror(origin)).toEqual(row)
  expect(open.standing.locker.isContested(origin)).toBe(true)
  expect(open.store.evidence(origin)).toHaveLength(1)
})

it('keeps a proof that stands under another name, under its own', async () => {
  const open = await damaged('')
  const { origin } = open.replica.live
  const log = signerOf('log', open.keystore.secrets.get(SECRETS.log) ?? new Uint8Array(0))
  const head = { origin, size: 3, root: new Uint8Array(32).fill(9) }
  open.standing.contradicted(
    open.replica.live,
    signCheckpoint(head, { name: origin, publicKey: log.publicKey }, (m) => log.sign(m)),
  )
  const [kept] = open.store.evidence()
  damage(open.copy, (db) => db.exec("UPDATE evidence SET id = x'05', origin = 'elsewhere'"))
  expect(await open.run()).toMatchObject({ open: 0, removed: 1 })
  expect(open.store.evidence()).toEqual([kept])
})

it('notices at a start what is missing, before the mirror gives it anew', async () => {
  const open = await damaged('DELETE FROM cosignature')
  open.standing.start()
  expect(open.store.unreportedDamage(10)).toMatchObject([{ kind: 'cosignature', outcome: 'repaired', bytes: null }])
  expect(sizes(open)).toEqual([open.replica.head.size])
  open.standing.close()
})
