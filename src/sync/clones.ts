/**
 * Two installations that write one log.
 *
 * @remarks
 * A disk that was copied while its node went on would make the log contradict itself. Both copies have one transport key,
 * so they take each other's place at every peer, and never two of them are connected at once. But every hello names the
 * run of the program that says it. One that starts again has a new name and never comes back to the old one: whoever
 * does, and answers, runs beside the one that took its place. Nothing of it needs either to write. Proven by
 * `tests/sync/clones.test.ts`, and with two real nodes by `tests/main/core/network/two-copies.test.ts`.
 *
 * @packageDocumentation
 */
import { toHex } from '../shared/bytes.ts'
import type { Hello } from './messages.ts'
import type { SelfIdentity } from './ports.ts'

/** Runs of one log that are remembered: a node that starts again and again must not fill the memory. */
const MAX_REMEMBERED = 16

/** Runs that spoke for one log. */
interface Runs {
  /** In the order in which each spoke last, newest last. */
  readonly seen: Uint8Array[]
  /** Runs that came back after another one had taken their place, and have not answered since. */
  readonly back: Set<string>
  /** When the place changed hands last, counted in such changes. */
  changedAt: number
}

/** What a node remembers of those that spoke for each log. The logs are of the roster, so there are few. */
export class Clones {
  readonly #logs = new Map<string, Runs>()
  readonly #connectedAt = new WeakMap<object, number>()
  #changes = 0

  /** A session begins: this node says hello on it now. */
  connected(session: object): void {
    this.#connectedAt.set(session, this.#changes)
  }

  /**
   * A peer said hello.
   *
   * @param session - That began with {@link connected}.
   * @param hello - Of a node that the transport proved to be the one that writes the log.
   */
  greeted(session: object, { log, instance }: Hello): void {
    const runs = this.#logs.get(log) ?? { seen: [], back: new Set<string>(), changedAt: 0 }
    this.#logs.set(log, runs)
    const name = toHex(instance)
    const known = runs.seen.findIndex((run) => toHex(run) === name)
    if (known >= 0 && known === runs.seen.length - 1) return
    // What was under way when the other one spoke may be older than that, and proves nothing.
    const isLater = (this.#connectedAt.get(session) ?? -1) >= runs.changedAt
    if (known >= 0) runs.seen.splice(known, 1)
    if (known >= 0 && isLater) runs.back.add(name)
    runs.seen.push(Uint8Array.from(instance))
    if (runs.seen.length > MAX_REMEMBERED) runs.back.delete(toHex(runs.seen.shift() ?? instance))
    runs.changedAt = ++this.#changes
  }

  /**
   * A peer answered the hello of this node, so it runs now, after everybody who spoke before.
   *
   * @returns The run that had taken its place before it came back; null when it is not known to be a copy.
   */
  answered({ log, instance }: Hello): Uint8Array | null {
    const runs = this.#logs.get(log)
    // Once for each return: whoever only lost its link has not been replaced.
    return runs?.back.delete(toHex(instance)) === true ? (runs.seen.at(-2) ?? null) : null
  }
}

/** True when a peer is a copy of this node. */
export function isCloneOf(self: SelfIdentity, hello: Hello): boolean {
  return hello.log === self.log && toHex(hello.instance) !== toHex(self.instance)
}
