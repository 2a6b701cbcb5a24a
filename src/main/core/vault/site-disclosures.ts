/**
 * What logs of this site say about patients whom another log of it registered: with whom it is shared, and the keys that are
 * handed over for it.
 *
 * @remarks
 * Shared is as the patient decided in the log that registered them. The node of that log hands over the keys of what its
 * sisters recorded, and each node those of what it recorded itself: every node of a site holds the epoch keys of all of its
 * logs, and seals with the same key. Once another decision was heard, nothing is sent before it was worked out. Proven by
 * `tests/main/core/network/three-logs.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes, fromHex, toHex } from '../../../shared/bytes.ts'
import type { NewEpochKey } from '../../store/store.ts'
import { EpochClassKeys, sealClassKeys } from '../class-keys.ts'
import { EnvelopeError } from '../envelope.ts'
import type { Clinic } from './clinic.ts'
import { SHARED_TYPES } from './foreign-log.ts'
import { unlessDamaged } from './log-replica.ts'
import { isRegisteredHere } from './patient-logs.ts'
import { openSealedRow, type SealedRow } from './sharing-ring.ts'
import type { Handover, Sharing } from './subject-keys.ts'

/** What one log says about a patient of another. */
interface Pair {
  /** Without incarnation. */
  readonly log: string
  readonly handle: string
}

/** With whom it is shared, and what that was worked out from. */
interface Worked {
  readonly sharing: Sharing
  /** How many versions of consents there were. */
  readonly decisions: number
  /** Epochs whose keys are here. */
  readonly epochs: readonly number[]
  /** What of them was handed over to whom, as text. */
  readonly given: string
}

/** Patients worked out before other requests get a turn. */
const SLICE = 64

type SharingClinic = Pick<Clinic, 'replica' | 'store' | 'foreign' | 'identity' | 'ring'>

/** See the module's comment. */
export class SiteDisclosures {
  readonly #clinic: SharingClinic
  /** Patients of other logs about whom the own log says something. */
  #abroad: Set<string> | null = null
  readonly #worked = new Map<string, Worked>()
  #run: Promise<unknown> = Promise.resolve()

  constructor(clinic: SharingClinic) {
    this.#clinic = clinic
  }

  /** Something was recorded in the own log about a patient. */
  recorded(handle: string): void {
    if (!isRegisteredHere(this.#clinic, handle)) this.#own().add(handle)
  }

  /** Works out everything anew: consents begin and end by the day. */
  load(): Promise<void> {
    this.#worked.clear()
    return this.#inTurn(() => {
      this.#worked.clear()
      return this.#workOutAll()
    })
  }

  /** Works out what was decided, or recorded, since. */
  follow(): Promise<void> {
    return this.#inTurn(() => this.#workOutAll())
  }

  /** Of two at once, the one that knows less could be the last to seal keys. */
  #inTurn(body: () => Promise<void>): Promise<void> {
    const mine = this.#run.then(body, body)
    this.#run = mine.catch(() => undefined)
    return mine
  }

  async #workOutAll(): Promise<void> {
    const { foreign, identity } = this.#clinic
    const own = [...this.#own()].map((handle) => ({ log: identity.log, handle }))
    for (const [n, pair] of [...own, ...(foreign?.measured() ?? [])].entries()) {
      // Many patients must not keep a colleague's signature waiting.
      if (n % SLICE === SLICE - 1) await new Promise((next) => setImmediate(next))
      await this.#workOut(pair)
    }
  }

  /** Whether a site gets what a log recorded about a patient under an epoch: for every log but that of the patient. */
  isShared(pair: Pair, epoch: number, recipient: Uint8Array): boolean {
    const worked = this.#worked.get(nameOf(pair))
    if (worked === undefined || worked.decisions !== this.#clinic.foreign?.decisions(pair.handle)) return false
    return worked.sharing.of(epoch).some((one) => equalBytes(one.recipient, recipient))
  }

  /** Whether a site gets anything of a log. */
  isSharedWith(log: string, recipient: Uint8Array): boolean {
    for (const [name, { sharing, epochs }] of this.#worked)
      if (name.startsWith(`${log} `))
        for (const epoch of epochs)
          if (sharing.of(epoch).some((one) => equalBytes(one.recipient, recipient))) return true
    return false
  }

  #own(): Set<string> {
    const { replica } = this.#clinic
    this.#abroad ??= new Set(
      [...SHARED_TYPES]
        .flatMap((type) => replica.subjectsWith(type))
        .filter((handle) => !isRegisteredHere(this.#clinic, handle)),
    )
    return this.#abroad
  }

  async #workOut(pair: Pair): Promise<void> {
    const { foreign, store, identity } = this.#clinic
    const { log, handle } = pair
    const name = nameOf(pair)
    const decisions = foreign?.decisions(handle) ?? null
    const sharing = decisions === null ? null : ((await foreign?.sharing(handle, log)) ?? null)
    if (decisions === null || sharing === null) {
      this.#worked.delete(name)
      return
    }
    const held = this.#held(pair)
    const epochs = held.map(({ row }) => row.epoch)
    const given = epochs.map((epoch) => `${epoch} ${sharing.of(epoch).map(textOf).join()}`).join()
    if (this.#worked.get(name)?.given !== given) {
      const rows: NewEpochKey[] = []
      for (const sealed of held) rows.push(...(await this.#handover(pair, sealed, sharing)))
      if (rows.length > 0) store.putMirroredPayloads(identity.origin, [], rows)
    }
    this.#worked.set(name, { sharing, decisions, epochs, given })
  }

  /** Epoch keys of a log about a patient that are sealed to this site: of each epoch the newest. */
  #held({ log, handle }: Pair): SealedRow[] {
    const { store, ring } = this.#clinic
    const rows = (unlessDamaged(() => store.epochKeys(fromHex(handle))) ?? []).filter((row) => row.log === log)
    const epochs = [...new Set(rows.map(({ epoch }) => epoch))]
    return epochs.flatMap((epoch) => ring.rowsFor(rows, { epoch, log }).slice(0, 1))
  }

  async #handover({ log, handle }: Pair, sealed: SealedRow, sharing: Sharing): Promise<NewEpochKey[]> {
    const { epoch } = sealed.row
    const subject = fromHex(handle)
    const to = sharing.of(epoch)
    if (to.length === 0) return []
    const key = await openSealedRow(sealed, subject).catch(nullIfSealed)
    if (key === null) return []
    const keys = new EpochClassKeys(key)
    const context = { subject, epoch, sender: this.#clinic.ring.now }
    const rows = await Promise.all(
      to.map(async ({ recipient, classes }) => {
        const bundle = new Map(classes.map((keyClass) => [keyClass, keys.keyOf(keyClass)]))
        return { subject, epoch, recipient, log, sealed: await sealClassKeys(bundle, recipient, context) }
      }),
    )
    keys.wipe()
    return rows
  }
}

function textOf({ recipient, classes }: Handover): string {
  return `${toHex(recipient)} ${classes.join(' ')}`
}

function nameOf({ log, handle }: Pair): string {
  return `${log} ${handle}`
}

function nullIfSealed(error: unknown): null {
  if (error instanceof EnvelopeError) return null
  throw error
}
