import { describe, expect, it } from 'vitest'
import { contractEvaluator, type EvaluatorSources } from '../../src/ledger/contract-evaluator.ts'
import { emptyDirectory } from '../../src/ledger/directory.ts'
import { encodeAccess, encodeReading } from '../../src/ledger/fields.ts'
import { utf8 } from '../../src/ledger/hash.ts'
import { policyEngine } from '../../src/main/core/policy-engine.ts'
import { contractDocument, handle, somePayload, TestLog, verifier } from '../support/ledger-world.ts'

const world = new TestLog()
const text = new TextDecoder().decode(contractDocument)
const { origin } = world

const reading = (key = world.nurse) =>
  world.entry(
    world.body('reading', {
      subject: handle('s'),
      payload: somePayload,
      fields: encodeReading({ method: 'manual', device: null }),
    }),
    [['practitioner', key]],
  )
const access = (size: number) =>
  world.entry(
    world.body('access', {
      fields: encodeAccess({
        purpose: 'care',
        heads: [{ origin: 'test.local/other/n1/1', size, root: new Uint8Array(32) }],
        subjects: null,
      }),
    }),
    [['practitioner', world.nurse]],
  )

/** The founding entries, then `rest`. */
function entriesWith(...rest: readonly Uint8Array[]): Uint8Array[] {
  return [
    world.rosterEntry(),
    world.contractEntry(),
    world.enrolEntry(world.nurse, 'nurse'),
    world.enrolEntry(world.it, 'it'),
    ...rest,
  ]
}

function evaluatorOf(entries: readonly Uint8Array[], over: Partial<EvaluatorSources> = {}) {
  const asked: number[] = []
  const evaluate = contractEvaluator({
    network: world.network,
    verifier,
    entry: (_, index) => {
      asked.push(index)
      return entries[index] ?? new Uint8Array(0)
    },
    start: () => emptyDirectory(world.network, policyEngine()),
    knows: () => true,
    ...over,
  })
  return { asked, evaluate }
}

describe('the evaluator of a mirror', () => {
  it('judges every entry once, in whatever steps it is asked', () => {
    const entries = entriesWith(reading(), reading())
    const { asked, evaluate } = evaluatorOf(entries)
    expect(evaluate(origin, 0, 3)).toEqual({ verdict: 'valid' })
    expect(evaluate(origin, 3, 6)).toEqual({ verdict: 'valid' })
    expect(asked).toEqual([0, 1, 2, 3, 4, 5])
    expect(evaluatorOf(entries).evaluate(origin, 4, 6)).toEqual({ verdict: 'valid' })
  })

  it('refuses the first entry that the contract forbids, again and again', () => {
    const { evaluate } = evaluatorOf(entriesWith(reading(), reading(world.it), reading()))
    const refused = { verdict: 'refuse', index: 5, code: 'CONTRACT_DENIED' }
    expect(evaluate(origin, 0, 7)).toEqual(refused)
    expect(evaluate(origin, 0, 7)).toEqual(refused)
    expect(evaluate(origin, 0, 5)).toEqual({ verdict: 'valid' })
  })

  it('refuses what is no entry, and never answers below what it was asked', () => {
    const { evaluate } = evaluatorOf(entriesWith().slice(0, 2))
    expect(evaluate(origin, 0, 3)).toEqual({ verdict: 'refuse', index: 2, code: 'NOT_CBOR' })
    expect(evaluate(origin, 3, 4)).toMatchObject({ verdict: 'refuse', index: 3 })
  })

  it('waits for a head that an entry cites, and goes on when it is there', () => {
    let size = 10
    const { asked, evaluate } = evaluatorOf(entriesWith(access(11), reading()), { knows: (head) => head.size <= size })
    expect(evaluate(origin, 0, 6)).toEqual({ verdict: 'wait' })
    size = 11
    expect(evaluate(origin, 0, 6)).toEqual({ verdict: 'valid' })
    expect(asked).toEqual([0, 1, 2, 3, 4, 4, 5])
  })

  it('lets our own bugs through', () => {
    const { evaluate } = evaluatorOf([], {
      entry: () => {
        throw new Error('bug: no such row')
      },
    })
    expect(() => evaluate(origin, 0, 1)).toThrow('bug: no such row')
  })
})

describe('the next version of a contract', () => {
  const strict = utf8(
    `${text}@id("two-nurses") @advice("A reading needs two nurses.")\n` +
      'forbid (principal, action == Action::"record.reading", resource) unless { context.nurses >= 2 };\n',
  )
  const judge = (...rest: readonly Uint8Array[]) =>
    evaluatorOf(entriesWith(...rest)).evaluate(origin, 0, entriesWith(...rest).length)

  it('decides from the next entry on; what is older stays as it was judged', () => {
    expect(judge(reading(), world.contractEntry(strict, 2))).toEqual({ verdict: 'valid' })
    expect(judge(reading(), world.contractEntry(strict, 2), reading())).toEqual({
      verdict: 'refuse',
      index: 6,
      code: 'CONTRACT_DENIED',
    })
    expect(judge(world.contractEntry(strict, 2), reading())).toMatchObject({ index: 5, code: 'CONTRACT_DENIED' })
    expect(judge(world.contractEntry(strict, 2), world.contractEntry(undefined, 3), reading())).toEqual({
      verdict: 'valid',
    })
  })

  it('has the next number, and is a contract', () => {
    expect(judge(world.contractEntry(strict, 3))).toMatchObject({ index: 4, code: 'CONTRACT_NOT_NEXT' })
    expect(judge(world.contractEntry(strict, 1))).toMatchObject({ index: 4, code: 'CONTRACT_NOT_NEXT' })
    expect(judge(world.contractEntry(utf8('{}'), 2))).toMatchObject({ index: 4, code: 'BAD_CONTRACT' })
  })

  it('cannot lock the sites out: a contract that permits nothing is followed by a better one', () => {
    const nothing = utf8('// nothing')
    expect(judge(world.contractEntry(nothing, 2), reading())).toMatchObject({ index: 5, code: 'TYPE_REFUSED' })
    expect(judge(world.contractEntry(nothing, 2), world.contractEntry(undefined, 3), reading())).toEqual({
      verdict: 'valid',
    })
  })
})
