import fc from 'fast-check'
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { makePrivateFolder } from '../../../src/main/keystore/files.ts'
import { HighWaterFile } from '../../../src/main/keystore/high-water.ts'
import { keystoreFolder } from './fixtures.ts'

const SLOT = 8192
const secret = new Uint8Array(32).fill(3)
const mark = (size: number) => ({ note: `note of size ${size}\n`, size })

/** A mark file after `count` writes. */
function written(count: number) {
  const folder = keystoreFolder()
  makePrivateFolder(folder)
  const highWater = new HighWaterFile(folder, () => secret)
  onTestFinished(() => {
    highWater.close()
  })
  for (let size = 1; size <= count; size++) highWater.write(mark(size))
  return { folder, highWater, file: join(folder, 'high-water') }
}

/** Number of the slot that was written last. */
const newestSlot = (count: number) => count % 2

it('is missing before the first mark', () => {
  expect(written(0).highWater.read()).toBe('missing')
})

it('keeps the newest mark, also for who opens it anew', () => {
  const { folder, highWater } = written(0)
  for (let size = 1; size <= 5; size++) {
    highWater.write(mark(size))
    expect(highWater.read()).toEqual(mark(size))
    expect(new HighWaterFile(folder, () => secret).read()).toEqual(mark(size))
  }
})

it('holds the longest note, and a tree of 2^53 - 1', () => {
  const { highWater } = written(3)
  const longest = { note: '\u00e9'.repeat(2048), size: Number.MAX_SAFE_INTEGER }
  highWater.write(longest)
  expect(highWater.read()).toEqual(longest)
  expect(() => {
    highWater.write({ note: `${longest.note}x`, size: 1 })
  }).toThrow('bug')
})

it('falls back to the mark before when the newest write was torn anywhere', () => {
  const { highWater, file } = written(4)
  const before = readFileSync(file)
  highWater.write(mark(5))
  const after = readFileSync(file)
  fc.assert(
    fc.property(fc.nat(2 * SLOT), (cut) => {
      writeFileSync(file, Buffer.concat([after.subarray(0, cut), before.subarray(cut)]))
      expect([mark(4), mark(5)]).toContainEqual(highWater.read())
    }),
  )
})

it('never overwrites the newest mark', () => {
  const { highWater, file } = written(6)
  const before = readFileSync(file)
  highWater.write(mark(7))
  const after = readFileSync(file)
  const kept = newestSlot(6) * SLOT
  expect(after.subarray(kept, kept + SLOT).equals(before.subarray(kept, kept + SLOT))).toBe(true)
})

it('reads the marks it wrote, older ones or "damaged", whatever happens to the file', () => {
  const { highWater, file } = written(6)
  const good = readFileSync(file)
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 })), { minLength: 1 }),
      (changes) => {
        const bad = Buffer.from(good)
        for (const [at, mask] of changes) bad[at] = (bad[at] ?? 0) ^ mask
        writeFileSync(file, bad)
        expect([mark(6), mark(5), 'damaged']).toContainEqual(highWater.read())
      },
    ),
  )
})

it.each([0, 1, SLOT - 1])('calls a file of %i bytes damaged', (size) => {
  const { highWater, file } = written(2)
  truncateSync(file, size)
  expect(highWater.read()).toBe('damaged')
})

it('starts anew after damage, and after the file was taken away', () => {
  const { highWater, file } = written(3)
  writeFileSync(file, 'gone')
  highWater.write(mark(9))
  expect(highWater.read()).toEqual(mark(9))
  rmSync(file)
  expect(highWater.read()).toBe('missing')
  highWater.write(mark(10))
  highWater.write(mark(11))
  expect(highWater.read()).toEqual(mark(11))
})

it('does not take the mark of another node, or a slot in the place of the other', () => {
  const { folder, file } = written(1)
  expect(new HighWaterFile(folder, () => new Uint8Array(32)).read()).toBe('damaged')
  const bytes = readFileSync(file)
  const slots = [bytes.subarray(0, SLOT), bytes.subarray(SLOT)].reverse()
  writeFileSync(file, Buffer.concat(slots))
  expect(new HighWaterFile(folder, () => secret).read()).toBe('damaged')
})
