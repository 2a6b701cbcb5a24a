/** What holds after every step, and what holds when everything has come to rest. */
import { expect } from 'vitest'
import { decodeEntry } from '../../../../src/ledger/entry.ts'
import type { Chart } from '../../../../src/shared/api/schemas.ts'
import { fromHex, toHex } from '../../../../src/shared/bytes.ts'
import { codeOf } from '../clinic.ts'
import { weightsIn, PIN } from '../../../support/consent-world.ts'
import { ALL, type Clinics, CUSTODIAN, type Inside, isQuiet, SITES } from './clinics.ts'
import { maySee, type Model, type Person } from './model.ts'

/** A log as one clinic holds it; null while it is not worked out there. */
function heldAt({ clinic, network }: Inside, origin: string) {
  const log = network.logs.cosigned(origin)
  if (log === null) return null
  const rootAt = (size: number): string => toHex(log.trusted.tree.rootAt(size))
  return { size: log.head.size, final: clinic.standing.grades.finalSize(log), rootAt }
}

const isOn = (model: Model, i: number): boolean => !model.off.has(i)

/** What must hold at any moment. */
export function checkAlways(model: Model, clinics: Clinics): void {
  expect(clinics.faults).toEqual([])
  for (const i of ALL.filter((i) => isOn(model, i))) {
    expect([i, clinics.node(i).state]).toEqual([i, 'ready'])
    checkOwn(model, clinics, i)
    for (const origin of clinics.founded.origins) checkLog(model, clinics.node(i).inside, { i, origin })
  }
}

/** What was acknowledged is in the log that it was written to. */
function checkOwn(model: Model, clinics: Clinics, i: number): void {
  const { head, origin } = clinics.node(i).inside.clinic.replica.live
  expect(origin).toBe(clinics.founded.origins[i])
  expect(head.size).toBeGreaterThanOrEqual(model.acknowledged.get(i) ?? 0)
}

/** One history, and nothing final that becomes less or another. */
function checkLog(model: Model, inside: Inside, { i, origin }: { i: number; origin: string }): void {
  const held = heldAt(inside, origin)
  if (held === null) return
  const roots = model.roots.get(origin) ?? new Map<number, string>()
  model.roots.set(origin, roots)
  for (const [size, root] of roots) if (size <= held.size) expect([i, origin, size, held.rootAt(size)]).toContain(root)
  for (const size of [held.size, held.final]) if (size > 0) roots.set(size, held.rootAt(size))
  model.finals.set(origin, Math.max(held.final, model.finals.get(origin) ?? 0))
  const place = `${i} ${origin}`
  if (!model.damaged.has(i))
    expect([place, held.final]).toEqual([place, Math.max(held.final, model.finalAt.get(place) ?? 0)])
  model.finalAt.set(place, held.final)
}

/** An answer was given: all that the clinic's own log holds now must never go. */
export function acknowledge(model: Model, clinics: Clinics, i: number): void {
  const { head, trusted, origin } = clinics.node(i).inside.clinic.replica.live
  model.acknowledged.set(i, head.size)
  const roots = model.roots.get(origin) ?? new Map<number, string>()
  model.roots.set(origin, roots.set(head.size, toHex(trusted.tree.rootAt(head.size))))
}

/** Why the clinics have not come to rest; null when they have. */
export function unrest(model: Model, clinics: Clinics): string | null {
  for (const i of ALL) {
    const { inside } = clinics.node(i)
    if (!isQuiet(inside)) return `${i}: ${JSON.stringify(inside.network.health())}`
    for (const [of, origin] of clinics.founded.origins.entries()) {
      const [here, there] = [heldAt(inside, origin), heldAt(clinics.node(of).inside, origin)]
      if (here === null || here.size !== there?.size || here.final !== here.size)
        return `${i}: log ${of} is at ${here?.size ?? '-'}, final ${here?.final ?? '-'}, of ${there?.size ?? '-'}`
    }
    for (const person of model.people) {
      const wrong = wrongRows(clinics, person, i)[0]
      if (wrong !== undefined) return wrong
    }
  }
  return null
}

/** Every row about a patient that is missing at a clinic, or should not be there. */
function wrongRows(clinics: Clinics, person: Person, i: number): string[] {
  const { clinic } = clinics.node(i).inside
  const home = clinics.node(person.home).inside.clinic
  const { store, identity } = clinic
  const subject = fromHex(person.holder.handle)
  const held = store.epochKeys(subject).filter(({ recipient }) => toHex(recipient) === toHex(identity.sharingKey))
  const epochs = new Set(held.map(({ epoch }) => epoch))
  const all = store.epochKeys(subject).length
  const who = `clinic ${i}, patient ${person.holder.handle} of ${person.home}`
  if (person.isErased && all > 0) return [`${who}: ${all} keys are left`]
  return home.replica.chain(person.holder.handle).links.flatMap(({ log, index }) => {
    const bytes = store.entry(log.origin, index)
    if (bytes === null) return [`${who}: entry ${index} is missing`]
    const { payload } = decodeEntry(bytes).body
    if (payload === null || log.origin !== home.identity.origin) return []
    const due = dueAt(person, i, index)
    const [row, key] = [store.payload(log.origin, index) !== null, epochs.has(payload.epoch)]
    const problems: string[] = []
    if (due.row !== null && due.row !== row) problems.push(`${who}: payload ${index} is ${row ? 'there' : 'missing'}`)
    if (due.key !== null && due.key !== key)
      problems.push(`${who}: key ${payload.epoch} is ${key ? 'there' : 'missing'}`)
    return problems
  })
}

/** Whether a clinic must have (true), must not have (false), or may have a payload and the key to it. */
function dueAt(
  { home, shares, isErased }: Person,
  i: number,
  index: number,
): { row: boolean | null; key: boolean | null } {
  if (isErased) return { row: false, key: false }
  if (i === home) return { row: true, key: true }
  const share = shares.get(i)
  const isKeeper = home === 0 && i === CUSTODIAN
  if (share?.isGranted === true) return { row: true, key: true }
  // What was shared once may be there or not, by when it was fetched.
  const isPast = share !== undefined && index < share.upTo
  return { row: isKeeper ? true : isPast ? null : false, key: isPast ? null : false }
}

/** What a chart shows of weights: those that stand, and null for each that is hidden. */
function standing({ readings, ...chart }: Chart): (string | null)[] {
  return weightsIn({
    ...chart,
    readings: readings.filter((row) => row.status !== 'verified' || row.record.correction === undefined),
  })
}

/** Everybody sees of each patient what they should, and nothing else. */
export async function checkCharts(model: Model, clinics: Clinics): Promise<void> {
  for (const i of ALL) {
    const { vault, team } = clinics.world(i)
    await vault.signIn(team.physician, PIN)
    for (const person of model.people) await checkChart(clinics, person, i)
  }
}

async function checkChart(clinics: Clinics, person: Person, i: number): Promise<void> {
  const { holder, weights, maybe } = person
  const { on: vault } = clinics.node(i)
  let chart: Chart | null = null
  const code = await codeOf(async () => (chart = await vault.chart(holder.handle, 1)))
  const seen = chart === null ? [] : standing(chart)
  if (!maySee(person, i)) {
    // That there is somebody is in the log; who it is, and how they are, is not shown.
    expect([i, [null, 'UNKNOWN_PATIENT'].includes(code), seen.filter(isNumber)]).toEqual([i, true, []])
    expect(JSON.stringify(chart)).not.toContain(holder.familyName)
    return
  }
  expect([i, code, seen.every(isNumber)]).toEqual([i, null, true])
  const certain = seen.filter((value) => value === null || !maybe.has(value))
  expect([i, certain.toSorted()]).toEqual([i, [...weights.values()].toSorted()])
}

const isNumber = (shown: string | null): boolean => shown !== null && /^\d/.test(shown)

/** The same bytes of every log everywhere. */
export function checkSame(clinics: Clinics): void {
  for (const [of, origin] of clinics.founded.origins.entries()) {
    const size = clinics.node(of).inside.clinic.replica.live.head.size
    const bytesAt = (i: number): string[] => {
      const rows = clinics.node(i).inside.clinic.store.entries(origin, 0, size + 1)
      return rows.map(({ index, bytes }) => `${index} ${toHex(bytes)}`)
    }
    const written = bytesAt(of)
    expect(written).toHaveLength(size)
    for (const i of ALL) expect([i, bytesAt(i)]).toEqual([i, written])
  }
  expect(clinics.nodes).toHaveLength(SITES)
}
