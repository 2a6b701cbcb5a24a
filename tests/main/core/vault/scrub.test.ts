import type Database from 'better-sqlite3'
import { beforeAll, describe, expect, it } from 'vitest'
import { decodeIncident } from '../../../../src/ledger/fields.ts'
import { decodeDamage } from '../../../../src/main/core/vault/incidents.ts'
import { StoreError } from '../../../../src/main/store/errors.ts'
import type { Store } from '../../../../src/main/store/store.ts'
import { Replica } from '../../../../src/main/core/vault/replica.ts'
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
import { accessOf } from '../../../faults/support/parts.ts'
import { runs } from '../../../support/budget.ts'
import { damage, openScrub, rowsOf, sourceOf, type OpenScrub } from '../../../faults/support/scrubbing.ts'

let folder = ''
let staff: Staff

/** A closed clinic of more than 256 entries in about twenty blocks. */
beforeAll(async () => {
  await forWholeFile(async () => {
    const open = await startVault(temporaryFolder())
    folder = open.folder
    staff = await furnish(open)
    await open.vault.signIn(staff.nurse, PIN)
    const { handle } = await open.vault.registerPatient(patientNumber(1))
    const other = await open.vault.registerPatient(patientNumber(2))
    for (let n = 0; n < 10; n++) {
      const values = Array.from({ length: 28 }, (_, i) => weight(`${50 + n}.${i}`))
      await signManual(open, n % 3 === 0 ? other.handle : handle, values)
    }
    await open.vault.close()
  })
})

/** A copy of the clinic with damage done to it. */
function damaged(work: (db: Database.Database) => void): string {
  const copy = copyOf(folder)
  damage(copy, work)
  return copy
}

const open = (copy: string) => openScrub(copy, staff.nurse)

/** Kinds and outcomes that were told, each once. */
function told({ said }: OpenScrub): string[] {
  return [...new Set(said.flatMap((event) => (event.kind === 'finding' ? [`${event.what} ${event.outcome}`] : [])))]
}

/** The incident entries of the live log, as kind and groups. */
function incidents({ replica }: OpenScrub) {
  const found: { kind: string; rows: ReturnType<typeof decodeDamage>['groups'] }[] = []
  for (let index = 0; index < replica.head.size; index++) {
    const verified = replica.live.verifiedEntry(index)
    if ('step' in verified || verified.entry.body.type !== 'incident') continue
    const { kind, details } = decodeIncident(verified.entry.body.fields)
    found.push({ kind, rows: decodeDamage(details).groups })
  }
  return found
}

/** A new start on the same files finds nothing wrong. */
function expectSound({ store, identity, keystore }: OpenScrub): void {
  const again = Replica.open(store, identity, keystore.highWater.read(), new Map())
  expect(again.live.damaged.size).toBe(0)
  expect(again.live.damagedTiles).toEqual([])
  for (let index = 0; index < again.head.size; index++) {
    expect(again.live.verifiedEntry(index)).toHaveProperty('entry')
    expect(again.live.blockOf(index)).toHaveProperty('seal')
  }
}

it('finds nothing in a sound replica, and records nothing', async () => {
  const scrub = await open(copyOf(folder))
  const { size } = scrub.replica.head
  expect(await scrub.run()).toEqual({ checked: size, open: 0, repaired: 0, removed: 0, isWhole: true })
  expect(scrub.replica.head.size).toBe(size)
  expect(scrub.store.quarantine(10)).toEqual([])
  expect(scrub.said.at(-1)).toEqual({ kind: 'progress', done: size, total: size })
  expect(scrub.store.projection(scrub.replica.head.origin)?.size).toBe(size)
})

/** What is done to the rows, and what a scrub with a second replica must tell. */
const DAMAGE: Record<string, { work: string; told: string; alone: 'repaired' | 'open' | 'removed' }> = {
  'an entry is changed': {
    work: "UPDATE entry SET bytes = x'a0' WHERE idx = 40",
    told: 'entry repaired',
    alone: 'open',
  },
  'an entry is deleted': { work: 'DELETE FROM entry WHERE idx = 41', told: 'entry repaired', alone: 'open' },
  'two entries are swapped': {
    work: `CREATE TEMP TABLE other AS SELECT idx, bytes FROM entry WHERE idx IN (45, 46);
           UPDATE entry SET bytes = (SELECT bytes FROM other WHERE other.idx = 91 - entry.idx) WHERE idx IN (45, 46)`,
    told: 'entry repaired',
    alone: 'open',
  },
  'a ciphertext is changed': {
    work: 'UPDATE payload SET ciphertext = zeroblob(600) WHERE idx = 50',
    told: 'payload repaired',
    alone: 'open',
  },
  'a salt is changed': {
    work: 'UPDATE payload SET salt = zeroblob(length(salt)) WHERE idx = 51',
    told: 'payload repaired',
    alone: 'open',
  },
  'a wrapped key is changed': {
    work: 'UPDATE payload SET wrapped_key = zeroblob(length(wrapped_key)) WHERE idx = 52',
    told: 'payload repaired',
    alone: 'open',
  },
  'a payload is deleted': { work: 'DELETE FROM payload WHERE idx = 53', told: 'payload repaired', alone: 'open' },
  'a payload is put beside an entry that has none': {
    work: "INSERT INTO payload (pos, ciphertext, wrapped_key, salt) SELECT pos & ~1099511627775, x'01', x'02', x'03' FROM entry LIMIT 1",
    told: 'payload removed',
    alone: 'removed',
  },
  'a full tile is changed': {
    work: 'UPDATE tile SET hashes = zeroblob(8192) WHERE level = 0 AND idx = 0',
    told: 'tile repaired',
    alone: 'repaired',
  },
  'a partial tile is deleted': {
    work: 'DELETE FROM tile WHERE level = 0 AND idx = 1',
    told: 'tile repaired',
    alone: 'repaired',
  },
  'a checkpoint is changed': {
    work: "UPDATE checkpoint SET note = 'x' WHERE block = 5",
    told: 'checkpoint repaired',
    alone: 'repaired',
  },
  'a checkpoint is deleted': {
    work: 'DELETE FROM checkpoint WHERE block = 6',
    told: 'checkpoint repaired',
    alone: 'repaired',
  },
  'a checkpoint claims another size': {
    work: 'UPDATE checkpoint SET size = size - 1 WHERE block = 7',
    told: 'checkpoint repaired',
    alone: 'repaired',
  },
  'a checkpoint is made up': {
    work: "INSERT INTO checkpoint (log, block, size, note) SELECT log, 900, 3, 'made up' FROM checkpoint LIMIT 1",
    told: 'checkpoint removed',
    alone: 'removed',
  },
  'an epoch key is changed': {
    work: 'UPDATE epoch_key SET sealed = zeroblob(80)',
    told: 'epoch-key repaired',
    alone: 'open',
  },
  'an epoch key is deleted': {
    work: 'DELETE FROM epoch_key',
    told: 'epoch-key repaired,recovery-copy repaired',
    alone: 'open',
  },
  'the index of ids is emptied': { work: 'DELETE FROM entry_id', told: 'index repaired', alone: 'repaired' },
  'the index of subjects says something else': {
    work: 'UPDATE subject_entry SET seq = seq + 1 WHERE seq = (SELECT max(seq) FROM subject_entry)',
    told: 'index repaired',
    alone: 'repaired',
  },
  'the index has a row too many': {
    work: "INSERT INTO entry_id (id, log, idx) VALUES (x'00', 77, 5)",
    told: 'index repaired',
    alone: 'repaired',
  },
}

describe.each(Object.entries(DAMAGE))('when %s', (_what, { work, told: expected, alone }) => {
  it('repairs it from a second replica, byte for byte, and records one incident', async () => {
    const copy = damaged((db) => db.exec(work))
    const scrub = await open(copy)
    const result = await scrub.run([sourceOf(folder, copy)])
    expect(told(scrub).toSorted().join()).toBe(expected)
    expect(result).toMatchObject({ open: 0, isWhole: true })
    expect(result.repaired + result.removed).toBeGreaterThan(0)
    expect(incidents(scrub).map(({ kind }) => kind)).toEqual(['rows.repaired'])
    expectSound(scrub)
    expect(await scrub.run()).toMatchObject({ open: 0, repaired: 0, removed: 0 })
    expect(incidents(scrub)).toHaveLength(1)
  })

  it('does alone what can be done alone, and finds the rest again without recording it twice', async () => {
    const copy = damaged((db) => db.exec(work))
    const scrub = await open(copy)
    const { checked: _, ...first } = await scrub.run()
    expect(first[alone]).toBeGreaterThan(0)
    expect(first.open > 0).toBe(alone === 'open')
    expect(incidents(scrub).map(({ kind }) => kind)).toEqual([alone === 'open' ? 'rows.damaged' : 'rows.repaired'])
    const again = await scrub.run()
    expect(again).toMatchObject({ open: first.open, repaired: 0, removed: 0 })
    expect(incidents(scrub)).toHaveLength(1)
  })
})

it('repairs from own copies first: a lost head checkpoint, and the entries of the directory', async () => {
  const copy = damaged((db) => db.exec('DELETE FROM checkpoint; DELETE FROM tile'))
  const scrub = await open(copy)
  const before = rowsOf(folder, ['checkpoint', 'tile'])
  expect(await scrub.run()).toMatchObject({ open: 0 })
  // The incident is a block of its own; what was there before it is as it was.
  const after = rowsOf(copy, ['checkpoint']) as string[][]
  expect(after[0]).toEqual(expect.arrayContaining((before as string[][])[0] ?? []))
  expectSound(scrub)
})

it('reports what nobody has as lost, and as repaired when somebody has it later', async () => {
  const copy = damaged((db) => db.exec('DELETE FROM entry WHERE idx BETWEEN 60 AND 62'))
  const poor = damaged((db) => db.exec('DELETE FROM entry WHERE idx >= 62'))
  const scrub = await open(copy)
  expect(await scrub.run([sourceOf(poor, copy)])).toMatchObject({ open: 1, repaired: 2 })
  expect(incidents(scrub).map(({ kind }) => kind)).toEqual(['rows.lost'])
  expect(incidents(scrub)[0]?.rows.map(({ kind, outcome, ranges }) => ({ kind, outcome, ranges }))).toEqual([
    { kind: 'entry', outcome: 'repaired', ranges: [[60, 62]] },
    { kind: 'entry', outcome: 'open', ranges: [[62, 63]] },
  ])
  expect(await scrub.run([sourceOf(folder, copy)])).toMatchObject({ open: 0, repaired: 1 })
  expect(incidents(scrub).map(({ kind }) => kind)).toEqual(['rows.lost', 'rows.repaired'])
  expectSound(scrub)
})

it('takes nothing from a source that lies', async () => {
  const copy = damaged((db) => {
    db.exec('DELETE FROM entry WHERE idx = 70; DELETE FROM payload WHERE idx = 71; DELETE FROM epoch_key')
  })
  const liar = damaged((db) => {
    db.exec(
      'UPDATE entry SET bytes = (SELECT bytes FROM entry WHERE idx = 20); UPDATE tile SET hashes = zeroblob(8192)',
    )
    db.exec('UPDATE payload SET ciphertext = zeroblob(512), wrapped_key = zeroblob(72), salt = zeroblob(72)')
    db.exec("UPDATE epoch_key SET sealed = zeroblob(80); UPDATE checkpoint SET note = 'lie'")
  })
  const before = rowsOf(copy)
  const scrub = await open(copy)
  const result = await scrub.run([sourceOf(liar, copy)])
  expect(result).toMatchObject({ repaired: 0, removed: 0 })
  expect(result.open).toBeGreaterThan(2)
  const after = rowsOf(copy, ['payload', 'epoch_key']) as string[][]
  expect(after).toEqual([(before as string[][])[1], (before as string[][])[4]])
})

it('moves what was planted beyond the head out of the way of the next block, and keeps it as evidence', async () => {
  const copy = damaged((db) => {
    const [{ pos }] = db.prepare('SELECT max(pos) AS pos FROM entry').all() as [{ pos: number }]
    for (const n of [1, 2, 9])
      db.prepare('INSERT INTO entry (pos, bytes) VALUES (?, ?)').run(pos + n, Buffer.from('planted'))
    db.prepare("INSERT INTO payload (pos, ciphertext, wrapped_key, salt) VALUES (?, x'01', x'02', x'03')").run(pos + 1)
    db.exec('INSERT INTO tile (log, level, idx, hashes) VALUES (1, 0, 50, zeroblob(32)), (1, 3, 0, zeroblob(32))')
    db.exec("INSERT INTO checkpoint (log, block, size, note) VALUES (1, 500, 9999, 'planted')")
  })
  const scrub = await open(copy)
  const first = scrub.replica.head.size
  expect(await scrub.run()).toMatchObject({ open: 0, removed: 7 })
  expect(scrub.store.entryCount(scrub.replica.head.origin)).toBe(scrub.replica.head.size)
  expect(scrub.store.quarantine(100).filter(({ outcome }) => outcome === 'removed')).toHaveLength(7)
  expect(scrub.replica.head.size).toBe(first + 2)
  await scrub.writer.record([accessOf(scrub, scrub.signer, scrub.replica.subjectsWith('patient.registered')[0] ?? '')])
  expectSound(scrub)
})

it('lets the writer append while it waits, and judges the new entries by the new head', async () => {
  const copy = damaged((db) =>
    db.exec('DELETE FROM tile WHERE level = 0 AND idx = 1; DELETE FROM entry WHERE idx = 100'),
  )
  let scrub: OpenScrub | null = null
  let writes = 0
  scrub = await openScrub(copy, staff.nurse, {
    pause: async () => {
      if (scrub === null || writes >= 20) return
      writes += 1
      const [patient = ''] = scrub.replica.subjectsWith('patient.registered')
      await scrub.writer.record([accessOf(scrub, scrub.signer, patient)])
    },
  })
  expect(await scrub.run([sourceOf(folder, copy)])).toMatchObject({ open: 0, isWhole: true })
  expect(writes).toBe(20)
  expectSound(scrub)
  expect(await scrub.run()).toMatchObject({ open: 0, repaired: 0, removed: 0 })
})

it('keeps no copy of a damaged record that is erased while the scrub looks at it', async () => {
  const copy = damaged((db) => db.exec('UPDATE payload SET salt = zeroblob(length(salt)) WHERE idx = 51'))
  let asked = 0
  const scrub = await openScrub(copy, staff.nurse, { isErased: (_origin, index) => index === 51 && ++asked > 1 })
  expect(await scrub.run([sourceOf(folder, copy)])).toMatchObject({ open: 0, repaired: 0 })
  expect(asked).toBeGreaterThan(1)
  expect(scrub.store.quarantine(10)).toEqual([])
})

it('goes on where it was stopped', async () => {
  const copy = damaged((db) => db.exec('DELETE FROM entry WHERE idx = 30'))
  const stop = new AbortController()
  let rests = 0
  const scrub = await openScrub(copy, staff.nurse, {
    pause: () => {
      if (++rests === 100) stop.abort()
      return Promise.resolve()
    },
  })
  const first = await scrub.run([], stop.signal)
  expect(first.isWhole).toBe(false)
  expect(first.checked).toBeGreaterThan(50)
  scrub.said.length = 0
  const second = await scrub.run()
  expect(second).toMatchObject({ isWhole: true, open: 0 })
  const [progress] = scrub.said
  expect(progress).toMatchObject({ kind: 'progress' })
  expect((progress as { done: number }).done).toBeGreaterThan(50)
})

describe('cut off at any step', () => {
  const WRITES = new Set<string | symbol>([
    'append',
    'quarantineRow',
    'removeBeyond',
    'removeRow',
    'repairTile',
    'replaceEntry',
    'replacePayload',
    'replaceCheckpoint',
    'replaceEpochKey',
    'rebuildIndexes',
    'reportDamage',
    'putProjection',
  ])

  /** A store that is dead from its `last`-th write on: before it happened, or after. */
  function dying(store: Store, last: number, isLate: boolean): Store {
    let writes = 0
    return new Proxy(store, {
      get(target, name: keyof Store) {
        const real = (target[name] as (...args: unknown[]) => unknown).bind(target)
        if (!WRITES.has(name)) return real
        return (...args: unknown[]) => {
          writes += 1
          if (writes > last || (writes === last && !isLate)) throw new StoreError('STATE_UNKNOWN', 'killed')
          const result = real(...args)
          if (writes === last) throw new StoreError('STATE_UNKNOWN', 'killed')
          return result
        }
      },
    })
  }

  it('is finished by the next scrub, and everything is reported', async () => {
    const work = `DELETE FROM entry WHERE idx = 40; UPDATE payload SET salt = zeroblob(72) WHERE idx = 51;
      DELETE FROM tile WHERE idx = 1; DELETE FROM checkpoint WHERE block = 6; DELETE FROM entry_id;
      INSERT INTO checkpoint (log, block, size, note) SELECT log, 900, 3, 'made up' FROM checkpoint LIMIT 1`
    let isOver = false
    for (let last = 1; !isOver; last += runs(4, 1)) {
      for (const isLate of [false, true]) {
        const copy = damaged((db) => db.exec(work))
        const source = sourceOf(folder, copy)
        const first = await openScrub(copy, staff.nurse, { between: { store: (store) => dying(store, last, isLate) } })
        isOver = await first.run([source]).then(
          () => true,
          (error: unknown) => {
            expect(error).toMatchObject({ code: 'STATE_UNKNOWN' })
            return false
          },
        )
        first.store.close()
        first.keystore.close()
        const next = await open(copy)
        expect(await next.run([source])).toMatchObject({ open: 0, isWhole: true })
        expectSound(next)
        expect(next.store.unreportedDamage(10)).toEqual([])
        const reported = incidents(next).flatMap(({ rows }) => rows.map(({ kind, outcome }) => `${kind} ${outcome}`))
        for (const row of [
          'entry repaired',
          'payload repaired',
          'tile repaired',
          'checkpoint repaired',
          'index repaired',
        ])
          expect(reported).toContain(row)
        expect(await next.run()).toMatchObject({ open: 0, repaired: 0, removed: 0 })
        next.store.close()
        next.keystore.close()
      }
    }
  }, 120_000)
})
