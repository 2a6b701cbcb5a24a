/** What may happen to four clinics. */
import Database from 'better-sqlite3'
import fc from 'fast-check'
import { expect } from 'vitest'
import { instantText } from '../../../../src/clinical/instant.ts'
import { granted, holder, PIN, takenBack, type World } from '../../../support/consent-world.ts'
import { databaseOf, weight } from '../clinic.ts'
import { ALL, type Clinics, SITES } from './clinics.ts'
import { acknowledge, checkAlways } from './invariants.ts'
import { maySee, type Model, newPerson, newWeight, type Person } from './model.ts'

/** One thing that happens. */
export type Command = fc.AsyncCommand<Model, Clinics>

const DAY_MS = 86_400_000
const day = (fromNow: number): string => instantText(Date.now() + fromNow * DAY_MS, 0).slice(0, 10)

/** Something that a clinic does while it is on. */
class At implements Command {
  readonly name: string
  readonly site: number
  readonly act: (model: Model, clinics: Clinics, site: number) => Promise<void>
  readonly may: (model: Readonly<Model>, site: number) => boolean

  constructor(name: string, site: number, act: At['act'], may: At['may'] = () => true) {
    this.name = name
    this.site = site
    this.act = act
    this.may = may
  }

  check = (model: Readonly<Model>) => !model.off.has(this.site) && this.may(model, this.site)

  async run(model: Model, clinics: Clinics): Promise<void> {
    await this.act(model, clinics, this.site)
    if (!model.off.has(this.site)) acknowledge(model, clinics, this.site)
    checkAlways(model, clinics)
  }

  toString = () => `${this.name}(${this.site})`
}

const peopleOf = (model: Readonly<Model>, site: number): Person[] =>
  model.people.filter(({ home, isErased }) => home === site && !isErased)

/** One of a clinic's patients, chosen by a number. */
function chosen(
  model: Readonly<Model>,
  site: number,
  n: number,
  fits: (person: Person) => boolean = () => true,
): Person | null {
  const all = peopleOf(model, site).filter(fits)
  return all[n % Math.max(1, all.length)] ?? null
}

/** Something that is done for one of the clinic's patients who fits. */
function forOne(
  name: string,
  fits: (person: Person) => boolean,
  act: (model: Model, clinics: Clinics, person: Person) => Promise<void>,
): (site: number, n: number) => Command {
  return (site, n) =>
    new At(
      name,
      site,
      async (model, clinics) => {
        const person = chosen(model, site, n, fits)
        if (person !== null) await act(model, clinics, person)
      },
      (model) => chosen(model, site, n, fits) !== null,
    )
}

const register = (site: number): Command =>
  new At('register', site, async (model, clinics) => {
    model.people.push(newPerson(site, await holder(clinics.world(site), model.next++)))
  })

async function asNurse(clinics: Clinics, site: number) {
  const world = clinics.world(site)
  await world.vault.signIn(world.team.nurse, PIN)
  return world
}

function recording({ vault, team }: World, { holder: { handle } }: Person, value: string) {
  return vault.signReadings({ as: team.nurse, handle, drafts: [], manual: [weight(value)], late: null })
}

const read = forOne(
  'read',
  () => true,
  async (model, clinics, person) => {
    const world = await asNurse(clinics, person.home)
    const value = newWeight(model)
    const [row] = await recording(world, person, value)
    // What may not be seen is recorded all the same.
    expect(row?.status === 'verified' || row?.step).toBe(maySee(person, person.home) || 'access')
    person.weights.set((row?.status === 'verified' ? row.position.index : row?.index) ?? -1, value)
  },
)

const amend = forOne(
  'amend',
  (person) => person.weights.size > 0 && maySee(person, person.home),
  async (model, clinics, person) => {
    const { vault, clinic } = await asNurse(clinics, person.home)
    const index = [...person.weights.keys()][0] ?? 0
    const value = newWeight(model)
    const ref = { origin: clinic().identity.origin, index }
    const { handle } = person.holder
    const rows = await vault.amendReading({ handle, ref, value: weight(value), reason: 'typed wrong' })
    person.weights.delete(index)
    for (const row of rows)
      if (row.status === 'verified' && row.record.correction === undefined)
        person.weights.set(row.position.index, value)
  },
)

const grant = (site: number, n: number, others: readonly number[]): Command => {
  const to = others.filter((other) => other !== site)
  const act = forOne(
    `grant to ${to.join(' and ')}`,
    ({ consentId }) => consentId === null,
    async (_, clinics, person) => {
      const world = await asNurse(clinics, site)
      const sites = [site, ...to].map((i) => clinics.founded.sites[i] ?? '').toSorted()
      const terms = { sites, from: day(-2), until: day(100) }
      const { consentId } = await granted(world, person.holder, terms)
      Object.assign(person, { consentId, hasDecided: true })
      for (const i of to) person.shares.set(i, { isGranted: true, upTo: 0 })
    },
  )
  return act(site, n)
}

const revoke = forOne(
  'revoke',
  ({ consentId }) => consentId !== null,
  async (_, clinics, person) => {
    const world = await asNurse(clinics, person.home)
    await takenBack(world, person.holder, person.consentId ?? '')
    person.consentId = null
    const { size } = world.clinic().replica.live.head
    for (const share of person.shares.values())
      Object.assign(share, share.isGranted ? { isGranted: false, upTo: size } : {})
  },
)

const erase = forOne(
  'erase',
  () => true,
  async (_, clinics, person) => {
    const { vault, team } = clinics.world(person.home)
    await vault.signIn(team.physician, PIN)
    const why = { reason: 'patient-request', authority: 'gdpr-17', pin: PIN } as const
    const { id } = await vault.requestErasure({ handle: person.holder.handle, records: null, ...why })
    await vault.signIn(team.it, PIN)
    await vault.approveErasure({ id, pin: PIN })
    person.isErased = true
  },
)

/** Something that happens to the lines. */
class OnLines implements Command {
  readonly name: string
  readonly act: (clinics: Clinics) => void

  constructor(name: string, act: OnLines['act']) {
    this.name = name
    this.act = act
  }

  check = () => true

  run(model: Model, clinics: Clinics): Promise<void> {
    this.act(clinics)
    checkAlways(model, clinics)
    return Promise.resolve()
  }

  toString = () => this.name
}

const cut = (a: number, b: number, keep: number): Command =>
  new OnLines(`cut(${a}, ${b}, keeping ${keep})`, (clinics) => {
    clinics.board.cut(clinics.key(a), clinics.key(b), keep)
  })
const hold = (a: number, b: number): Command =>
  new OnLines(`hold(${a} to ${b})`, (clinics) => {
    clinics.board.hold(clinics.key(a), clinics.key(b))
  })
const stutter = (a: number, b: number): Command =>
  new OnLines(`stutter(${a} to ${b})`, (clinics) => {
    clinics.board.stutter(clinics.key(a), clinics.key(b))
  })
const heal = (): Command =>
  new OnLines('heal', ({ board }) => {
    board.heal()
  })

class Pass implements Command {
  readonly ms: number
  constructor(ms: number) {
    this.ms = ms
  }
  check = () => true
  async run(model: Model, clinics: Clinics): Promise<void> {
    clinics.time.skip(this.ms)
    await turns(this.ms / 20)
    checkAlways(model, clinics)
  }
  toString = () => `pass(${this.ms})`
}

/** Lets everything else have so many turns of the event loop. */
async function turns(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await new Promise((done) => setImmediate(done))
}

/** The plug is pulled, perhaps while something is being recorded. */
class Kill implements Command {
  readonly site: number
  readonly keep: number
  /** Turns of the event loop that a recording has had. */
  readonly into: number
  constructor(site: number, keep: number, into: number) {
    this.site = site
    this.keep = keep
    this.into = into
  }
  check = (model: Readonly<Model>) => !model.off.has(this.site)
  async run(model: Model, clinics: Clinics): Promise<void> {
    const person = chosen(model, this.site, this.into)
    const world = await asNurse(clinics, this.site)
    let isAnswered = true
    if (person !== null && this.into > 0) {
      const value = newWeight(model)
      isAnswered = false
      person.maybe.add(value)
      recording(world, person, value).then(
        () => (isAnswered = true),
        () => undefined,
      )
      await turns(this.into)
    }
    if (isAnswered) acknowledge(model, clinics, this.site)
    await clinics.node(this.site).kill(clinics.key(this.site), this.keep, clinics.newFolder())
    model.off.add(this.site)
    checkAlways(model, clinics)
  }
  toString = () => `kill(${this.site}, keeping ${this.keep}, ${this.into} turns into a recording)`
}

class Stop implements Command {
  readonly site: number
  constructor(site: number) {
    this.site = site
  }
  check = (model: Readonly<Model>) => !model.off.has(this.site)
  async run(model: Model, clinics: Clinics): Promise<void> {
    model.off.add(this.site)
    await clinics.node(this.site).close()
    checkAlways(model, clinics)
  }
  toString = () => `stop(${this.site})`
}

/** Starts it again, perhaps after somebody changed a byte of another clinic's log in its files. */
export class Start implements Command {
  readonly site: number
  readonly flips: number | null
  constructor(site: number, flips: number | null) {
    this.site = site
    this.flips = flips
  }
  check = (model: Readonly<Model>) => model.off.has(this.site)
  async run(model: Model, clinics: Clinics): Promise<void> {
    const node = clinics.node(this.site)
    if (this.flips !== null) {
      flip(databaseOf(node.folder), clinics.founded.origins[this.site] ?? '', this.flips)
      model.damaged.add(this.site)
    }
    await node.start()
    model.off.delete(this.site)
    checkAlways(model, clinics)
  }
  toString = () => (this.flips === null ? `start(${this.site})` : `start(${this.site}, byte ${this.flips} changed)`)
}

/** Changes a byte of an entry that another clinic wrote. */
function flip(file: string, own: string, n: number): void {
  const db = new Database(file)
  try {
    const from = 'FROM entry JOIN log ON log.id = entry.log WHERE origin <> ?'
    const { count } = db.prepare(`SELECT count(*) AS count ${from}`).get(own) as { count: number }
    if (count === 0) return
    const row = db
      .prepare(`SELECT entry.rowid AS at, bytes ${from} ORDER BY 1 LIMIT 1 OFFSET ?`)
      .get(own, n % count) as {
      at: number
      bytes: Uint8Array
    }
    const bytes = Uint8Array.from(row.bytes)
    bytes[n % bytes.length] = (bytes[n % bytes.length] ?? 0) ^ (1 + (n % 255))
    db.prepare('UPDATE entry SET bytes = ? WHERE rowid = ?').run(bytes, row.at)
  } finally {
    db.close()
  }
}

class SetClock implements Command {
  readonly site: number
  readonly minutes: number
  constructor(site: number, minutes: number) {
    this.site = site
    this.minutes = minutes
  }
  check = () => true
  run(model: Model, clinics: Clinics): Promise<void> {
    clinics.node(this.site).clockMs = this.minutes * 60_000
    checkAlways(model, clinics)
    return Promise.resolve()
  }
  toString = () => `clock(${this.site}, ${this.minutes} min)`
}

const site = fc.nat({ max: SITES - 1 })
const two = fc.uniqueArray(site, { minLength: 2, maxLength: 2 }) as fc.Arbitrary<[number, number]>
const n = fc.nat({ max: 1000 })

/** Anything that may happen, as often as it is to. */
export const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  { weight: 1, arbitrary: site.map(register) },
  { weight: 8, arbitrary: fc.tuple(site, n).map(([at, who]) => read(at, who)) },
  { weight: 2, arbitrary: fc.tuple(site, n).map(([at, who]) => amend(at, who)) },
  {
    weight: 5,
    arbitrary: fc
      .tuple(site, n, fc.subarray([...ALL], { minLength: 2 }))
      .map(([at, who, others]) => grant(at, who, others)),
  },
  { weight: 3, arbitrary: fc.tuple(site, n).map(([at, who]) => revoke(at, who)) },
  { weight: 1, arbitrary: fc.tuple(site, n).map(([at, who]) => erase(at, who)) },
  { weight: 4, arbitrary: fc.tuple(two, fc.nat({ max: 5 })).map(([[a, b], keep]) => cut(a, b, keep)) },
  { weight: 1, arbitrary: two.map(([a, b]) => hold(a, b)) },
  { weight: 1, arbitrary: two.map(([a, b]) => stutter(a, b)) },
  { weight: 2, arbitrary: fc.constant(heal()) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 5000 }).map((ms) => new Pass(ms)) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(site, fc.nat({ max: 5 }), fc.nat({ max: 40 }))
      .map(([at, keep, into]) => new Kill(at, keep, into)),
  },
  { weight: 1, arbitrary: site.map((at) => new Stop(at)) },
  { weight: 4, arbitrary: fc.tuple(site, fc.option(n, { freq: 3 })).map(([at, flips]) => new Start(at, flips)) },
  { weight: 1, arbitrary: fc.tuple(site, fc.integer({ min: -50, max: 50 })).map(([at, min]) => new SetClock(at, min)) },
)

/** One of each, in an order in which each matters. */
export const A_LONG_DAY: readonly Command[] = [
  ...[
    grant(0, 0, [1, 2]),
    read(0, 0),
    cut(0, 1, 1),
    read(0, 0),
    new Kill(2, 2, 12),
    amend(0, 0),
    revoke(0, 0),
    read(0, 0),
  ],
  ...[new SetClock(1, 40), register(1), read(1, 1), grant(1, 1, [0, 3]), hold(3, 0), new Pass(2000), new Start(2, 77)],
  ...[heal(), read(2, 0), grant(2, 0, [1]), stutter(2, 1), new Pass(4000), new Stop(3), erase(2, 0), read(1, 1)],
  ...[new Start(3, 5), cut(1, 3, 0), revoke(1, 1), read(1, 1), new Kill(1, 0, 3), new Start(1, null), grant(0, 0, [3])],
]
