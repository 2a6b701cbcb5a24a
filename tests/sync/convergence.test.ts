import fc from 'fast-check'
import { expect, it } from 'vitest'
import { realSignatures } from '../../bench/simulate/keys.ts'
import { MemoryStore } from '../../bench/simulate/memory-store.ts'
import { buildWorld, seededRandom } from '../../bench/simulate/world.ts'
import { leastCosignatures } from '../../src/ledger/policy.ts'
import { utf8 } from '../../src/ledger/hash.ts'
import { toHex } from '../../src/shared/bytes.ts'
import { MAX_ASKED_BYTES, MAX_WANTS } from '../../src/sync/limits.ts'
import { runs } from '../support/budget.ts'
import { Network, originOfSite, write } from './support/world.ts'

/**
 * Four sites with real signatures in simulated time. One of them may be copied, disk and all, so that its log writes two
 * histories: the one fault that four sites tolerate. Links are cut and healed, nodes are killed in the middle of whatever
 * they do and start from what is stored.
 */
const SITES = 4
const COPY = SITES
const ALL = Array.from({ length: SITES }, (_, i) => i)
const SEED = Number(process.env.CHARTSEAL_SEED ?? Date.now() % 2 ** 31)
const RUNS = runs(40, 400)

/** What must stay true, and what was done. */
interface Model {
  readonly cuts: Set<string>
  readonly off: Set<number>
  /** Site that was copied; null for none. */
  copied: number | null
  /** For each log, the largest size that was final anywhere, and the root there. */
  readonly finals: Map<number, { size: number; root: string }>
}

const pairOf = (a: number, b: number): string => `${Math.min(a, b)} ${Math.max(a, b)}`

class Real {
  readonly network: Network
  readonly quorum: number

  constructor(seed: number) {
    let nowMs = () => 0
    const nowS = () => 1_767_225_660 + Math.floor(nowMs() / 1000)
    const { stores, net } = buildWorld({ sites: SITES, voters: SITES, signatures: realSignatures(), nowS })
    // The place of a copy is there from the beginning, with a log that no roster lists until it is made.
    const empty = new MemoryStore({ ...stores[0]!.identity, origin: 'sim.local/none/1', log: 'sim.local/none' }, net)
    this.network = new Network([...stores, empty], { latencyMs: 15, windowBytes: 64 * 1024 }, seededRandom(seed))
    this.network.kill(COPY)
    this.quorum = leastCosignatures(net.electorate.policy)
    this.net = net
    nowMs = () => this.network.nowMs
  }

  readonly net: ConstructorParameters<typeof MemoryStore>[1]

  /** Links everything that is on and not cut. */
  relink(model: Model): void {
    for (const a of [...ALL, COPY]) {
      for (const b of [...ALL, COPY]) if (a < b && !model.cuts.has(pairOf(a, b))) this.network.link(a, b)
    }
  }

  /** Copies the disk of a node: the copy goes on alone, and writes something else. */
  copy(site: number): void {
    const original = this.network.stores[site]!
    const instance = new Uint8Array(16).fill(0xcc)
    const copy = new MemoryStore({ ...original.identity, instance }, this.net)
    const entries = original.logs.get(originOfSite(site))?.entries ?? []
    if (entries.length > 0) copy.append(entries)
    copy.append([utf8(`another history of ${site}`)])
    ;(this.network.stores as MemoryStore[])[COPY] = copy
    this.network.start(COPY)
  }
}

/** Everything that must hold after every step. */
function check(model: Model, { network, quorum }: Real): void {
  for (const of of ALL) {
    const origin = originOfSite(of)
    for (const i of ALL) checkFinal(model, network, i, of, quorum)
    const seen = model.finals.get(of)
    for (const i of ALL) {
      const log = network.stores[i]?.logs.get(origin)
      if (seen === undefined || log?.held == null || log.held.size < seen.size || model.copied === of) continue
      expect(toHex(log.rootAt(seen.size))).toBe(seen.root)
    }
  }
  for (const i of ALL) {
    const node = network.node(i)
    expect(node?.askedBytes ?? 0).toBeLessThanOrEqual(2 * MAX_ASKED_BYTES)
    for (const { openWants } of node?.facts() ?? []) expect(openWants).toBeLessThanOrEqual(MAX_WANTS)
  }
}

/** What a node calls final is one history with whatever was ever called final, and a quorum holds it. */
function checkFinal(model: Model, network: Network, i: number, of: number, quorum: number): void {
  const log = network.stores[i]?.logs.get(originOfSite(of))
  const size = log?.final ?? 0
  if (log === undefined || size === 0) return
  const root = toHex(log.rootAt(size))
  const seen = model.finals.get(of)
  if (seen !== undefined && seen.size <= size) expect(toHex(log.rootAt(seen.size))).toBe(seen.root)
  if (seen === undefined || seen.size < size) model.finals.set(of, { size, root })
  const holds = (k: number): boolean => {
    const theirs = network.stores[k]?.logs.get(originOfSite(of))
    return theirs?.held != null && theirs.held.size >= size && toHex(theirs.rootAt(size)) === root
  }
  // A copy holds the mirror key of its site as well: that site is the one that may lie.
  const holders = ALL.filter((k) => holds(k) || (k === model.copied && holds(COPY)))
  expect(holders.length).toBeGreaterThanOrEqual(quorum)
}

type Command = fc.Command<Model, Real>

const siteNumber = fc.nat({ max: SITES - 1 })

class Write implements Command {
  readonly site: number
  readonly count: number
  constructor(site: number, count: number) {
    this.site = site
    this.count = count
  }
  check = (model: Readonly<Model>) => !model.off.has(this.site)
  run(model: Model, real: Real): void {
    write(real.network, this.site, this.count)
    check(model, real)
  }
  toString = () => `write(${this.site}, ${this.count})`
}

class Pass implements Command {
  readonly forMs: number
  constructor(forMs: number) {
    this.forMs = forMs
  }
  check = () => true
  run(model: Model, real: Real): void {
    real.network.run(this.forMs)
    check(model, real)
  }
  toString = () => `pass(${this.forMs})`
}

class Cut implements Command {
  readonly a: number
  readonly b: number
  constructor(a: number, b: number) {
    this.a = a
    this.b = b
  }
  check = () => this.a !== this.b
  run(model: Model, real: Real): void {
    model.cuts.add(pairOf(this.a, this.b))
    real.network.cut(this.a, this.b)
    check(model, real)
  }
  toString = () => `cut(${this.a}, ${this.b})`
}

class Heal implements Command {
  check = () => true
  run(model: Model, real: Real): void {
    model.cuts.clear()
    real.relink(model)
    check(model, real)
  }
  toString = () => 'heal'
}

class Kill implements Command {
  readonly site: number
  constructor(site: number) {
    this.site = site
  }
  check = (model: Readonly<Model>) => !model.off.has(this.site)
  run(model: Model, real: Real): void {
    model.off.add(this.site)
    real.network.kill(this.site)
    check(model, real)
  }
  toString = () => `kill(${this.site})`
}

class Start implements Command {
  readonly site: number
  constructor(site: number) {
    this.site = site
  }
  check = (model: Readonly<Model>) => model.off.has(this.site)
  run(model: Model, real: Real): void {
    model.off.delete(this.site)
    real.network.start(this.site)
    real.relink(model)
    check(model, real)
  }
  toString = () => `start(${this.site})`
}

class Copy implements Command {
  readonly site: number
  constructor(site: number) {
    this.site = site
  }
  check = (model: Readonly<Model>) => model.copied === null
  run(model: Model, real: Real): void {
    model.copied = this.site
    real.copy(this.site)
    write(real.network, this.site, 1, 'what the original writes')
    real.relink(model)
    check(model, real)
  }
  toString = () => `copy(${this.site})`
}

const command = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(siteNumber, fc.integer({ min: 1, max: 300 })).map(([s, n]) => new Write(s, n)) },
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 6000 }).map((ms) => new Pass(ms)) },
  { weight: 3, arbitrary: fc.tuple(siteNumber, fc.nat({ max: SITES })).map(([a, b]) => new Cut(a, b)) },
  { weight: 1, arbitrary: fc.constant(new Heal()) },
  { weight: 2, arbitrary: siteNumber.map((s) => new Kill(s)) },
  { weight: 3, arbitrary: siteNumber.map((s) => new Start(s)) },
)
const withCopies = fc.oneof(
  { weight: 18, arbitrary: command },
  { weight: 1, arbitrary: siteNumber.map((s) => new Copy(s)) },
)

/** Everything is healed and switched on, and long enough passes. */
function settle(model: Model, real: Real): void {
  model.cuts.clear()
  for (const site of ALL) real.network.start(site)
  real.relink(model)
  const isSettled = (): boolean =>
    ALL.every((of) => (of === model.copied ? isFrozen(real, of) : isEverywhere(real, of)))
  real.network.runUntil(isSettled, 180_000)
  check(model, real)
  for (const of of ALL) {
    if (of === model.copied) {
      for (const i of ALL) expect([i, real.network.stores[i]?.proofs.has(originOfSite(of))]).toEqual([i, true])
      continue
    }
    const size = real.network.stores[of]?.standing(originOfSite(of))?.pending ?? 0
    for (const i of ALL) {
      const log = real.network.stores[i]?.logs.get(originOfSite(of))
      expect([i, of, log?.digest() ?? '', log?.final ?? 0]).toEqual([i, of, digestOf(real, of), size])
    }
  }
}

function digestOf(real: Real, of: number): string {
  return real.network.stores[of]?.logs.get(originOfSite(of))?.digest() ?? ''
}

function isEverywhere(real: Real, of: number): boolean {
  const size = real.network.stores[of]?.standing(originOfSite(of))?.pending ?? 0
  return ALL.every((i) => {
    const log = real.network.stores[i]?.logs.get(originOfSite(of))
    return (log?.digest() ?? '') === digestOf(real, of) && (log?.final ?? 0) === size
  })
}

function isFrozen(real: Real, of: number): boolean {
  return ALL.every((i) => real.network.stores[i]?.proofs.has(originOfSite(of)) === true)
}

function converges(commands: Iterable<Command>, seed: number): void {
  const model: Model = { cuts: new Set(), off: new Set(), copied: null, finals: new Map() }
  const real = new Real(seed)
  real.relink(model)
  fc.modelRun(() => ({ model, real }), commands)
  settle(model, real)
  const expected = model.copied === null ? [] : real.network.complaints
  expect(real.network.complaints).toEqual(expected)
}

it(`whatever is written, cut, killed and healed, all sites end with the same logs, all of it final (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.commands([command], { maxCommands: 40 }), fc.nat(), (commands, seed) => {
      converges(commands, seed)
    }),
    { numRuns: RUNS, seed: SEED },
  )
}, 600_000)

it(`a log that forked ends with a proof at every site, and nothing final anywhere changed (seed ${SEED})`, () => {
  fc.assert(
    fc.property(fc.commands([withCopies], { maxCommands: 40 }), fc.nat(), siteNumber, (commands, seed, site) => {
      const model: Model = { cuts: new Set(), off: new Set(), copied: null, finals: new Map() }
      const real = new Real(seed)
      real.relink(model)
      fc.modelRun(() => ({ model, real }), commands)
      if (model.copied === null) new Copy(site).run(model, real)
      settle(model, real)
    }),
    { numRuns: RUNS, seed: SEED },
  )
}, 600_000)
