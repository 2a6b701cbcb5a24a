/**
 * One set of observations: whose it is, what was read for it, and what of that may be signed.
 *
 * @remarks
 * Proven by `tests/main/core/captures.test.ts`.
 *
 * @packageDocumentation
 */
import { ApiFailure } from './failure.ts'
import { Gate } from './gate.ts'
import type { LiveRun } from './live-run.ts'
import type { HeldDraft } from './vault-service.ts'

/** Values reduced from one stable window. */
export interface Take {
  /** One of them was signed: the others were left out on purpose. */
  signed: boolean
}

interface Held {
  readonly connectionId: string
  readonly held: HeldDraft
  /** Null for what came out of a memory. */
  readonly take: Take | null
}

/** An open capture. */
export class Capture {
  readonly id: string
  /** Patient. */
  readonly handle: string
  /** Practitioner. */
  readonly owner: string
  /** Two identifiers were confirmed, and nobody has been away since. */
  confirmed = false
  /** The signing that is under way. */
  signing: Promise<unknown> | null = null
  /** The ending that is under way. */
  ending: Promise<void> | null = null
  /** Aborted when the capture ends. */
  readonly over = new AbortController()
  /** Passes when the owner may see what was read. */
  readonly shown = new Gate()
  readonly runs = new Map<string, LiveRun>()
  readonly #held = new Map<string, Held>()

  constructor(id: string, handle: string, owner: string) {
    this.id = id
    this.handle = handle
    this.owner = owner
  }

  get isClosed(): boolean {
    return this.over.signal.aborted
  }

  /**
   * Holds what was read from a device. A take replaces the one before; a memory's records stay until they are signed or
   * put aside, because the device may have dropped the oldest since.
   */
  hold(connectionId: string, drafts: readonly HeldDraft[], take: Take | null): void {
    if (take !== null) for (const [id, one] of this.#held) if (one.connectionId === connectionId) this.#held.delete(id)
    for (const held of drafts) this.#held.set(held.draft.draftId, { connectionId, held, take })
  }

  /**
   * A draft to be signed.
   *
   * @throws ApiFailure `UNKNOWN_DRAFT` or `DEVICE_NOT_ENROLLED`.
   */
  toSign(draftId: string): HeldDraft {
    const one = this.#held.get(draftId)
    if (one === undefined) throw new ApiFailure('UNKNOWN_DRAFT')
    if (one.held.device === null) throw new ApiFailure('DEVICE_NOT_ENROLLED')
    return one.held
  }

  /** Drafts that are records now. */
  forgetSigned(drafts: readonly HeldDraft[]): void {
    for (const { draft } of drafts) {
      const take = this.#held.get(draft.draftId)?.take
      if (take !== undefined && take !== null) take.signed = true
      this.#held.delete(draft.draftId)
    }
  }

  /** What would be lost if the capture ended now. */
  unsigned(): HeldDraft[] {
    return [...this.#held.values()]
      .filter(({ held, take }) => held.device !== null && !held.draft.alreadyRecorded && take?.signed !== true)
      .map(({ held }) => held)
  }
}
