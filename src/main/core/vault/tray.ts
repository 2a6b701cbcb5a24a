import { z } from 'zod'
import { instantText } from '../../../clinical/instant.ts'
import { DeviceCheck, Draft, TrayItem } from '../../../shared/api/schemas.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { openSealed, seal } from '../../keystore/sodium.ts'
import type { TrayRow } from '../../store/store.ts'
import { ApiFailure } from '../failure.ts'
import type { HeldDraft } from '../vault-service.ts'
import { authorFor, offsetMinAt, utf8, viewerFor, type Clinic } from './clinic.ts'
import { isRevoked } from './device-standing.ts'
import { secretOf, SECRETS } from './genesis.ts'

/** A row of the tray whose reason is this was discarded by a person: kept, so that reading the device again adds nothing. */
const DISCARDED = 'discarded'

/** Rows that nobody has to assign. */
const NOT_WAITING: ReadonlySet<string> = new Set([DISCARDED, ...DeviceCheck.shape.reason.options])
/** The log of checks that is shown: weeks of a ward's meters. */
const CHECKS_SHOWN = 500

const Sealed = z.object({
  draft: Draft,
  raw: z.string(),
  device: z.string().nullable(),
  discarded: z.object({ by: z.string(), atMs: z.number(), reason: z.string() }).nullable(),
})

/** What arrived without a patient: sealed in the database until somebody says whose it is. */
export class Tray {
  readonly #clinic: Clinic

  constructor(clinic: Clinic) {
    this.#clinic = clinic
  }

  /** Puts drafts into the tray, except those that are in it, were discarded, or are in the ledger. */
  put(reason: TrayItem['reason'] | DeviceCheck['reason'], drafts: readonly HeldDraft[]): void {
    const { store, nowMs } = this.#clinic
    const known = new Set(store.tray().map(({ id }) => toHex(id)))
    for (const held of drafts) {
      if (held.draft.alreadyRecorded || known.has(held.draft.draftId)) continue
      known.add(held.draft.draftId)
      store.putTray(this.#row(held, reason, nowMs(), null))
    }
    this.#changed()
  }

  /**
   * What waits, oldest first. Values are clinical data: for those who may see them. What was damaged cannot be shown
   * and does not keep the rest from being shown; {@link Tray.count} still counts it.
   */
  list(): TrayItem[] {
    viewerFor(this.#clinic, 'clinical')
    return this.#waiting().flatMap((row) => {
      const held = this.#tryOpen(row)
      const { data: reason } = TrayItem.shape.reason.safeParse(row.reason)
      if (held === null || reason === undefined) return []
      const receivedAt = instantText(row.receivedAtMs, offsetMinAt(row.receivedAtMs))
      return [{ id: toHex(row.id), receivedAt, reason, draft: held.draft }]
    })
  }

  count(): number {
    return this.#waiting().length
  }

  /** What was measured on nobody, newest first: control solution, rooms and refrigerators. It never becomes a reading. */
  checks(): DeviceCheck[] {
    return this.#clinic.store
      .tray()
      .toSorted((a, b) => b.receivedAtMs - a.receivedAtMs)
      .flatMap((row) => {
        const { data: reason } = DeviceCheck.shape.reason.safeParse(row.reason)
        const held = reason === undefined ? null : this.#tryOpen(row)
        if (held === null || reason === undefined) return []
        const receivedAt = instantText(row.receivedAtMs, offsetMinAt(row.receivedAtMs))
        const { draft, device } = held
        const recorded = this.#clinic.replica.holdsId(fromHex(draft.draftId))
        return [{ id: toHex(row.id), receivedAt, reason, draft, device, recorded }]
      })
      .slice(0, CHECKS_SHOWN)
  }

  /**
   * One check, to be recorded.
   *
   * @throws ApiFailure `UNKNOWN_TRAY_ITEM`, `RECORD_NOT_VERIFIED` when its row was changed.
   */
  check(id: string): { draft: Draft; device: string | null; reason: DeviceCheck['reason']; receivedAtMs: number } {
    const row = this.#clinic.store.tray().find((other) => toHex(other.id) === id)
    const { data: reason } = DeviceCheck.shape.reason.safeParse(row?.reason)
    if (row === undefined || reason === undefined) throw new ApiFailure('UNKNOWN_TRAY_ITEM')
    const { draft, device } = this.#open(row)
    return { draft, device, reason, receivedAtMs: row.receivedAtMs }
  }

  /** @throws ApiFailure `UNKNOWN_TRAY_ITEM`. */
  drafts(ids: readonly string[]): HeldDraft[] {
    authorFor(this.#clinic, 'reading')
    return ids.map((id) => {
      const { draft, raw, device } = this.#open(this.#find(id))
      return { draft, raw: fromHex(raw), device }
    })
  }

  /** Marks items as discarded, by whom and why. They stay sealed in the database. */
  discard(ids: readonly string[], reason: string): void {
    const viewer = authorFor(this.#clinic, 'reading')
    const { store, nowMs } = this.#clinic
    for (const id of ids) {
      const row = this.#find(id)
      const { draft, raw, device } = this.#open(row)
      const held = { draft, raw: fromHex(raw), device }
      // One write: a crash must leave it waiting or discarded, never gone.
      store.putTray(this.#row(held, DISCARDED, row.receivedAtMs, { by: viewer.handle, atMs: nowMs(), reason }))
    }
    this.#changed()
  }

  /** Tells windows how many wait. */
  #changed(): void {
    this.#clinic.emit({ kind: 'tray', count: this.count() })
  }

  #waiting(): TrayRow[] {
    return this.#clinic.store.tray().filter(({ reason }) => !NOT_WAITING.has(reason))
  }

  #find(id: string): TrayRow {
    const row = this.#waiting().find((other) => toHex(other.id) === id)
    if (row === undefined) throw new ApiFailure('UNKNOWN_TRAY_ITEM')
    return row
  }

  #row(
    { draft, raw, device }: HeldDraft,
    reason: string,
    receivedAtMs: number,
    discarded: z.infer<typeof Sealed>['discarded'],
  ): TrayRow {
    const id = fromHex(draft.draftId)
    const text = JSON.stringify({ draft, raw: toHex(raw), device, discarded } satisfies z.infer<typeof Sealed>)
    return { id, receivedAtMs, reason, sealed: seal(this.#key(), utf8(text), context(id)) }
  }

  #open(row: TrayRow): z.infer<typeof Sealed> {
    const held = this.#tryOpen(row)
    if (held === null) throw new ApiFailure('RECORD_NOT_VERIFIED')
    return held
  }

  /** Null when the row was changed. */
  #tryOpen(row: TrayRow): z.infer<typeof Sealed> | null {
    const plain = openSealed(this.#key(), row.sealed, context(row.id))
    return plain === null ? null : this.#asOfNow(Sealed.parse(JSON.parse(new TextDecoder().decode(plain))))
  }

  /** Nothing can be authenticated for a device that was revoked meanwhile; it can still be given to a patient as it is. */
  #asOfNow(held: z.infer<typeof Sealed>): z.infer<typeof Sealed> {
    if (held.device === null || !isRevoked(this.#clinic.replica, held.device)) return held
    return { ...held, device: null, draft: { ...held.draft, method: 'unauthenticated-device' } }
  }

  #key(): Uint8Array {
    return secretOf(this.#clinic.keystore, SECRETS.tray)
  }
}

function context(id: Uint8Array): Uint8Array {
  return utf8(`chartseal/tray/v1\n${toHex(id)}`)
}
