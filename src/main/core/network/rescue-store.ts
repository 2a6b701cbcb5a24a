/**
 * What a node that may not sign asks others for: its own log, as they mirror it.
 *
 * @remarks
 * Everything is kept in a database of its own, that recovery reads like any other copy of the replica: nothing in it is
 * believed. Heads must be signed by the log, packages proven in them, payloads bound by an entry. Nothing is shown to
 * anybody, and nothing signed. Proven by `tests/main/core/network/rescue.test.ts`.
 *
 * @packageDocumentation
 */
import { openCheckpoint, parseCheckpoint } from '../../../ledger/checkpoint.ts'
import { emptyDirectory } from '../../../ledger/directory.ts'
import { decodeEntry } from '../../../ledger/entry.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import type { EntryPackage } from '../../../ledger/mirror.ts'
import { splitOrigin } from '../../../ledger/names.ts'
import { parseNote } from '../../../ledger/note.ts'
import type { Roster } from '../../../ledger/roster.ts'
import type { PayloadRow, SealedKeyRow } from '../../../sync/messages.ts'
import type {
  AdvanceProgress,
  LogStanding,
  OfferAnswer,
  PeerIdentity,
  SelfIdentity,
  SignedHead,
  SyncStore,
  VotesAnswer,
} from '../../../sync/ports.ts'
import { equalBytes } from '../../../shared/bytes.ts'
import { verifier } from '../../keystore/sodium.ts'
import type { Store } from '../../store/store.ts'
import { checkCiphertext, EnvelopeError } from '../envelope.ts'
import { policyEngine } from '../policy-engine.ts'
import type { Identity } from '../vault/identity.ts'
import { unlessDamaged } from '../vault/log-replica.ts'
import { MirroredLog } from '../vault/mirrored-log.ts'

/** What a {@link RescueStore} is made of. */
export interface RescueParts {
  readonly identity: Identity
  /** The newest roster that is here. */
  readonly roster: Roster
  /** Public halves of what epoch keys of the site may be sealed to, 32 bytes each. */
  readonly recipients: readonly Uint8Array[]
  /** Empty: what is fetched goes here. */
  readonly store: Store
  /** Random for this run, 16 bytes. */
  readonly instance: Uint8Array
}

/** See the module's comment. */
export class RescueStore implements SyncStore {
  readonly #parts: RescueParts
  readonly #logs = new Map<string, { readonly log: MirroredLog; readonly keys: readonly Uint8Array[] }>()
  /** Entries below have a payload, or bind none, or nobody asked had it. */
  readonly #scanned = new Map<string, number>()

  constructor(parts: RescueParts) {
    this.#parts = parts
    const { identity, store } = parts
    for (const { origin, logKey } of [...identity.closed, identity]) {
      const keys = [logKey, ...identity.otherLogKeys]
      const empty = emptyDirectory(identity.network, policyEngine())
      const log = MirroredLog.open({
        ...{ store, origin, verifier, network: identity.network, empty, base: () => null },
        ...{ logKeys: () => keys, knows: () => true, cosigned: () => 0, vouched: () => Infinity, cosign: () => null },
      })
      this.#logs.set(origin, { log, keys })
    }
  }

  self(): SelfIdentity {
    const { identity, roster, instance } = this.#parts
    const { network, site, log } = identity
    return { network, site, log, instance, rosterVersion: roster.version, contractVersion: 0, role: 'node' }
  }

  *standings(): Iterable<LogStanding> {
    for (const origin of this.#logs.keys()) yield this.#standingOf(origin)
  }

  standing(origin: string): LogStanding | null {
    return this.#logs.has(origin) ? this.#standingOf(origin) : null
  }

  checkHead(note: string): SignedHead {
    const { origin } = parseCheckpoint(parseNote(note).text)
    for (const publicKey of this.#logs.get(origin)?.keys ?? []) {
      try {
        const { size, root } = openCheckpoint(note, { name: origin, publicKey }, verifier)
        return { origin, size, root, note }
      } catch (error) {
        if (!(error instanceof LedgerError)) throw error
      }
    }
    throw new LedgerError('NOTE_UNSIGNED', 'not signed by a log of this node')
  }

  offerHead({ origin, note }: SignedHead, oldSize: number, proof: readonly Uint8Array[]): OfferAnswer {
    const answer = this.#logs.get(origin)?.log.offer(note, oldSize, proof)
    if (answer === undefined) return { status: 404 }
    return answer.status === 422 ? { status: 422 } : answer
  }

  storePackage(origin: string, offered: EntryPackage): void {
    const known = this.#logs.get(origin)
    if (known === undefined) throw new LedgerError('WRONG_LOG', 'not a log of this node')
    known.log.receive(offered)
  }

  advance(): AdvanceProgress {
    // Recovery judges what it takes.
    return 'mirrored'
  }

  missingPayload(origin: string, from: number): number | null {
    const size = this.#standingOf(origin).stored
    for (let index = from; index < size; index++) if (this.#lacks(origin, index)) return index
    return null
  }

  storePayloads(origin: string, rows: readonly PayloadRow[], keys: readonly SealedKeyRow[]): boolean {
    const { store, recipients } = this.#parts
    const good = rows.filter((row) => this.#fits(origin, row))
    const payloads = good.map(({ index, ciphertext, wrappedKey, salt }) => {
      return { index, payload: { ciphertext, wrappedKey, salt } }
    })
    const { log } = splitOrigin(origin)
    const sealed = keys.filter(({ recipient }) => recipients.some((key) => equalBytes(key, recipient)))
    store.putMirroredPayloads(
      origin,
      payloads,
      sealed.map((key) => ({ ...key, log })),
    )
    return good.length === rows.length
  }

  /** True when nothing that somebody said to hold is missing. */
  hasAll(known: ReadonlyMap<string, number>): boolean {
    return [...this.standings()].every(({ origin, stored, pending }) => {
      return stored === pending && pending >= (known.get(origin) ?? 0)
    })
  }

  /** What is not held here is not shown. */
  note = (): null => null
  ownLines = (): null => null
  offersFor = (): readonly number[] => []
  addVotes = (): VotesAnswer => 'known'
  consistency = (): null => null
  entryPackage = (): null => null
  payloadsFor = (): null => null
  evidence = (): readonly string[] => []
  addEvidence = (): boolean => false
  openings = (): readonly Uint8Array[] => []
  addOpening = (): null => null
  monitor = (): null => null
  monitored = (): void => undefined
  monitorQuestions = (): readonly string[] => []
  governanceAfter = () => ({ documents: [], proposals: [] })
  addGovernance = (): boolean => false
  join = (): null => null
  siteRequest = (): null => null
  cloned = (): void => undefined
  seenTwice = (): void => undefined

  #standingOf(origin: string): LogStanding {
    const state = this.#logs.get(origin)?.log.state
    const [pending, stored] = [state?.pending?.size ?? 0, state?.stored ?? 0]
    const mirrored = stored === pending ? pending : 0
    return {
      ...{ origin, isOwn: false, pending, stored, mirrored, final: 0, cosigned: 0, votes: 0 },
      ...{ refused: null, isFrozen: false },
    }
  }

  #lacks(origin: string, index: number): boolean {
    if (index < (this.#scanned.get(origin) ?? 0)) return false
    const { store } = this.#parts
    const isThere =
      this.#bindingOf(origin, index) === null || unlessDamaged(() => store.payload(origin, index)) !== null
    if (isThere && index === (this.#scanned.get(origin) ?? 0)) this.#scanned.set(origin, index + 1)
    return !isThere
  }

  #bindingOf(origin: string, index: number) {
    const bytes = this.#logs.get(origin)?.log.entry(index) ?? null
    return bytes === null ? null : decodeEntry(bytes).body.payload
  }

  #fits(origin: string, { index, ciphertext }: PayloadRow): boolean {
    const binding = this.#bindingOf(origin, index)
    try {
      if (binding !== null) checkCiphertext(ciphertext, binding)
      return binding !== null
    } catch (error) {
      if (error instanceof EnvelopeError) return false
      throw error
    }
  }
}

/** Peers whose word about the own log is waited for: nodes of other sites. */
export function isOther(who: PeerIdentity, site: string): boolean {
  return who.kind === 'node' && who.site !== site
}
