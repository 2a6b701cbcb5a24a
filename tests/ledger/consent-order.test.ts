import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CheckedAccess, findingOf, type Withdrawal } from '../../src/ledger/consent-order.ts'

const root = new Uint8Array(32)
const head = (origin: string, size: number) => ({ origin, size, root })
const HOME = 'home.example/log/1'
const AWAY = 'away.example/log/1'
const at = (origin: string, index: number) => ({ origin, index })
const revokedAt = (index: number, until: number | null = null): Withdrawal => ({
  ...{ from: at(HOME, index), until: until === null ? null : at(HOME, until), knew: [] },
})
const access = (origin: string, index: number, heads: CheckedAccess['heads'], isEmergency = false) => ({
  ...{ origin, index, heads, isEmergency },
})

describe('an access', () => {
  it('that cites the head with the revocation is a violation', () => {
    expect(findingOf(access(AWAY, 3, [head(HOME, 8)]), [revokedAt(7)])).toBe('violation')
    expect(findingOf(access(HOME, 9, [head(HOME, 8)]), [revokedAt(7)])).toBe('violation')
  })

  it('that cites the head right before it is not', () => {
    expect(findingOf(access(AWAY, 3, [head(HOME, 7)]), [revokedAt(7)])).toBe('concurrent')
    expect(findingOf(access(HOME, 6, [head(HOME, 6)]), [revokedAt(7)])).toBeNull()
    // Read before, written down after.
    expect(findingOf(access(HOME, 8, [head(HOME, 7)]), [revokedAt(7)])).toBe('concurrent')
    expect(findingOf(access(HOME, 10, [head(HOME, 7)]), [revokedAt(7, 9)])).toBeNull()
  })

  it('that broke the glass is none', () => {
    expect(findingOf(access(AWAY, 3, [head(HOME, 8)], true), [revokedAt(7)])).toBeNull()
  })

  it('after it was given again is none, when that was known', () => {
    expect(findingOf(access(AWAY, 3, [head(HOME, 10)]), [revokedAt(7, 9)])).toBeNull()
    expect(findingOf(access(AWAY, 3, [head(HOME, 9)]), [revokedAt(7, 9)])).toBe('violation')
  })

  it('that the owner of the consent knew of before is none', () => {
    const knew = [head(AWAY, 4)]
    expect(findingOf(access(AWAY, 3, [head(HOME, 7)]), [{ ...revokedAt(7), knew }])).toBeNull()
    expect(findingOf(access(AWAY, 4, [head(HOME, 7)]), [{ ...revokedAt(7), knew }])).toBe('concurrent')
  })

  it('knows all of earlier incarnations by the head of a later one', () => {
    expect(findingOf(access(AWAY, 3, [head('home.example/log/2', 1)]), [revokedAt(7)])).toBe('violation')
    expect(findingOf(access('home.example/log/2', 3, [head(HOME, 7)]), [revokedAt(7)])).toBe('concurrent')
    const later = { from: at('home.example/log/2', 0), until: null, knew: [] }
    expect(findingOf(access(AWAY, 3, [head(HOME, 100)]), [later])).toBe('concurrent')
    expect(findingOf(access(HOME, 99, [head(HOME, 99)]), [later])).toBeNull()
  })
})

/** What may happen at two replicas, of which `home` owns the consent. */
type Step =
  | { readonly kind: 'grant' | 'revoke' }
  | { readonly kind: 'hear'; readonly who: 'home' | 'away' }
  | { readonly kind: 'read'; readonly who: 'home' | 'away'; readonly emergency: boolean }
  /** Something else that is recorded. */
  | { readonly kind: 'note'; readonly who: 'home' | 'away' }

const who = fc.constantFrom('home' as const, 'away' as const)
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constantFrom('grant' as const, 'revoke' as const) }),
    fc.record({ kind: fc.constant('hear' as const), who }),
    fc.record({ kind: fc.constant('read' as const), who, emergency: fc.boolean() }),
    fc.record({ kind: fc.constant('note' as const), who }),
  ),
  { maxLength: 40 },
)

/** An event with everything that its author knew, itself included: the slow way to say what came before what. */
interface Event {
  readonly id: number
  readonly what: Step
  readonly place: { readonly origin: string; readonly index: number }
  readonly past: ReadonlySet<number>
  readonly heads: { readonly origin: string; readonly size: number; readonly root: Uint8Array }[]
}

/** Runs the steps: each side knows its own log, and of the other what it heard last. */
function run(all: readonly Step[]): Event[] {
  const events: Event[] = []
  const logs = { home: [] as Event[], away: [] as Event[] }
  const heard = { home: 0, away: 0 }
  const other = { home: 'away', away: 'home' } as const
  const origins = { home: HOME, away: AWAY }
  for (const what of all) {
    const side = 'who' in what ? what.who : 'home'
    if (what.kind === 'hear') {
      heard[side] = logs[other[side]].length
      continue
    }
    const known = [...logs[side], ...logs[other[side]].slice(0, heard[side])]
    const past = new Set(known.flatMap((event) => [...event.past]))
    const id = events.length
    const heads = [head(origins[side], logs[side].length), head(origins[other[side]], heard[side])]
    const event = { id, what, place: at(origins[side], logs[side].length), past: past.add(id), heads }
    events.push(event)
    logs[side].push(event)
  }
  return events
}

/** Times without consent, as the home log has them, with what it had cited until then. */
function withdrawalsIn(
  events: readonly Event[],
): (Withdrawal & { readonly event: Event; readonly end: Event | null })[] {
  const decisions = events.filter(({ what }) => what.kind === 'grant' || what.kind === 'revoke')
  return decisions.flatMap((event, i) => {
    const isFirst = event.what.kind === 'revoke' && decisions[i - 1]?.what.kind !== 'revoke'
    if (!isFirst) return []
    const end = decisions.slice(i).find(({ what }) => what.kind === 'grant') ?? null
    const knew = event.heads.filter(({ origin }) => origin !== HOME)
    return [{ from: event.place, until: end?.place ?? null, knew, event, end }]
  })
}

it('is a violation exactly when the reader’s past holds the revocation and nothing after it that gives consent again', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const events = run(all)
      const withdrawals = withdrawalsIn(events)
      for (const read of events) {
        if (read.what.kind !== 'read') continue
        const { emergency } = read.what
        const knows = (event: Event | null) => event !== null && read.past.has(event.id)
        const isViolation = withdrawals.some(({ event, end }) => knows(event) && !knows(end))
        const isConcurrent = withdrawals.some(({ event }) => !knows(event) && !event.past.has(read.id))
        const expected = emergency ? null : isViolation ? 'violation' : isConcurrent ? 'concurrent' : null
        const checked = { ...read.place, heads: read.heads, isEmergency: emergency }
        expect(findingOf(checked, withdrawals)).toBe(expected)
      }
    }),
    { numRuns: 500 },
  )
})
