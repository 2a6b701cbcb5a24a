import { describe, expect, it } from 'vitest'
import { Candidates } from '../../src/sync/candidates.ts'
import type { SignedHead } from '../../src/sync/ports.ts'
import type { Session } from '../../src/sync/session.ts'

const head = (size: number, branch = 0): SignedHead => ({
  origin: 'a/1',
  size,
  root: new Uint8Array(32).fill(branch),
  note: `a/1\n${size}\n${branch}\n\n\u2014 a/1 AAAA\n`,
})
// Only their identity matters here.
const [one, two] = [{} as Session, {} as Session]

describe('heads to follow', () => {
  it('are the newest, however many are shown', () => {
    const list = new Candidates()
    for (const size of [5, 9, 7]) list.add(head(size), one, 0, false)
    expect(list.next?.head.size).toBe(9)
  })

  it('begin with a short one', () => {
    const list = new Candidates()
    list.add(head(9), one, 0, false)
    list.add(head(6), one, 0, true)
    list.add(head(4), two, 0, true)
    expect(list.next?.head.size).toBe(6)
    list.dropTo(6)
    expect(list.next?.head.size).toBe(9)
  })

  it('are none that is not larger than what is pending', () => {
    const list = new Candidates()
    expect(list.add(head(5), one, 5, false)).toBeNull()
    list.add(head(6), one, 5, false)
    list.dropTo(6)
    expect(list.next).toBeNull()
  })

  it('shown by several peers are proven by any of them, until the last has left', () => {
    const list = new Candidates()
    list.add(head(5), one, 0, false)
    const candidate = list.add({ ...head(5), note: `${head(5).note}\u2014 b AAAA\n` }, two, 0, false)
    candidate!.proof = { oldSize: 1, hashes: [], by: one }
    expect([...candidate!.sources]).toEqual([one, two])
    list.left(one)
    expect([list.next?.sources.size, list.next?.proof]).toEqual([1, null])
    list.left(two)
    expect(list.next).toBeNull()
  })

  it('of two branches do not replace each other', () => {
    const list = new Candidates()
    list.add(head(5, 1), one, 0, false)
    expect(list.add(head(5, 2), two, 0, false)).toBeNull()
    list.drop(list.next!)
    expect(list.add(head(5, 2), two, 0, false)).not.toBeNull()
  })
})
