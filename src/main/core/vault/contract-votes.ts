/**
 * Contracts that wait for the approvals of other sites.
 *
 * @remarks
 * A site approves one text for a version, and says so durably before the approval leaves it. It may approve another only after
 * somebody here put that one away: two contracts of one version could then both be complete, each log would be judged by
 * the one that it records, and the next version ends it. Kept beside the keystore; what it holds is checked whenever it is
 * read. Proven by `tests/main/core/vault/contract-votes.test.ts`.
 *
 * @packageDocumentation
 */
import { z } from 'zod'
import type { ContractPublished } from '../../../ledger/fields.ts'
import {
  addContractApproval,
  type ContractFile,
  decodeContractProposal,
  encodeContractProposal,
  openContractProposal,
  type OpenContract,
} from '../../../ledger/contract-proposal.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import type { ContractText } from '../../../ledger/governance.ts'
import type { Roster } from '../../../ledger/roster.ts'
import { toHex } from '../../../shared/bytes.ts'
import { verifier } from '../../keystore/sodium.ts'
import { ApiFailure } from '../failure.ts'
import { nodeHasher as h } from '../hasher.ts'
import type { Clinic } from './clinic.ts'
import { readJson, writeJson } from './identity.ts'
import { type Slotted, withHeard } from './proposal-slots.ts'
import { governanceSignerOf } from './role-keys.ts'

const SECRET = 'contract-votes'
/** Put away at most: an older one that is heard again is shown again. */
const MAX_AWAY = 64
const State = z.strictObject({
  approved: z.strictObject({ version: z.number().int(), hash: z.string().max(64) }).nullable(),
  waiting: z.array(z.string()).max(64),
  away: z.array(z.string().max(64)).max(MAX_AWAY),
})
type State = z.infer<typeof State>
const EMPTY: State = { approved: null, waiting: [], away: [] }

/** A contract that waits, and what this site did about it. */
export interface WaitingContract extends OpenContract {
  /** SHA-256 of the text, lower-case hex. */
  readonly hash: string
  readonly isApproved: boolean
  /** False when this site approved another text for the version. */
  readonly mayApprove: boolean
}

/** What votes on contracts need. */
export interface ContractVotesParts {
  readonly clinic: Clinic
  /** Roster in force, and version of the contract in force. */
  readonly now: () => { readonly roster: Roster; readonly version: number }
  /** True for a text that this version could work by. */
  readonly isContract: (contract: ContractText) => boolean
  /** Records a contract that a quorum approved. */
  readonly record: (contract: ContractPublished) => Promise<void>
}

/** See the module's comment. Calls must not overlap. */
export class ContractVotes {
  readonly #parts: ContractVotesParts

  constructor(parts: ContractVotesParts) {
    this.#parts = parts
  }

  /** What waits for the version after the one in force. */
  list(): WaitingContract[] {
    const { approved, waiting } = this.#state()
    const { version } = this.#parts.now()
    const own = approved?.version === version + 1 ? approved.hash : null
    return waiting.flatMap((text) => {
      const open = this.#openOrNull(text)
      if (open === null) return []
      const hash = hashOf(open.file)
      const { site } = this.#parts.clinic.identity
      return [{ ...open, hash, isApproved: open.approvedBy.includes(site), mayApprove: own === null || own === hash }]
    })
  }

  /** The texts of all that waits, for other sites. */
  texts(): string[] {
    return this.list().map(({ file }) => encodeContractProposal(file))
  }

  /**
   * Approves a text for this site, and records it when that is enough.
   *
   * @throws ApiFailure `RIVAL_PROPOSAL` when this site approved another for the version.
   */
  async propose(contract: ContractText): Promise<void> {
    const { network } = this.#parts.clinic.identity
    const known = this.list().find(({ hash }) => hash === hashOf(contract))
    await this.#approve(known?.file ?? { ...contract, network, approvals: [] })
  }

  /**
   * Approves what waits.
   *
   * @param hash - Of its text, lower-case hex.
   * @throws ApiFailure `NO_PROPOSAL`, `RIVAL_PROPOSAL`.
   */
  async approve(hash: string): Promise<void> {
    await this.#approve(this.#named(hash).file)
  }

  /** Puts away what waits: this site may approve another. What it approved already, others may still count. */
  async putAway(hash: string): Promise<void> {
    this.#named(hash)
    const { approved, waiting, away } = this.#state()
    await this.#save({
      approved: approved?.hash === hash ? null : approved,
      waiting: waiting.filter((text) => this.#hashIn(text) !== hash),
      away: [...away.filter((other) => other !== hash), hash].slice(-MAX_AWAY),
    })
  }

  /**
   * Takes a proposal of another site: more approvals, or one more that waits. A complete one is recorded.
   *
   * @param text - Untrusted.
   */
  async hear(text: string): Promise<void> {
    const heard = this.#openOrNull(text)
    if (heard === null || !this.#parts.isContract(heard.file)) return
    const known = this.list()
    const before = known.find(({ hash }) => hash === hashOf(heard.file)) ?? null
    if (before === null && this.#state().away.includes(hashOf(heard.file)) && heard.votesMissing > 0) return
    const merged = before === null ? heard : this.#merged(before, heard)
    const kept = withHeard(known.map(slotOf), slotOf(merged))
    if (kept.some((slot) => slot.open === merged)) await this.#keep(kept.map(({ open }) => open))
    await this.#recordIfComplete(merged)
  }

  #merged(before: OpenContract, heard: OpenContract): OpenContract {
    const known = new Set(before.file.approvals.map(({ publicKey }) => toHex(publicKey)))
    const more = heard.file.approvals.filter(({ publicKey }) => !known.has(toHex(publicKey)))
    return this.#open({ ...before.file, approvals: [...before.file.approvals, ...more] })
  }

  async #approve(file: ContractFile): Promise<void> {
    const hash = hashOf(file)
    const { approved } = this.#state()
    if (approved?.version === file.version && approved.hash !== hash) throw new ApiFailure('RIVAL_PROPOSAL')
    const signer = governanceSignerOf(this.#parts.clinic)
    const open = this.#open(addContractApproval(file, signer.publicKey, (message) => signer.sign(message)))
    if (open.votesMissing > 0) {
      await this.#save({ ...this.#state(), approved: { version: file.version, hash } })
      await this.#keep(withHeard(this.list().map(slotOf), slotOf(open)).map((slot) => slot.open))
    }
    await this.#recordIfComplete(open)
  }

  async #recordIfComplete({ file, votesMissing }: OpenContract): Promise<void> {
    if (votesMissing > 0) return
    const { version, language, document, approvals } = file
    await this.#parts.record({ version, language, document, approvals })
    // Nothing that waited can follow the new one.
    if (this.#state().waiting.length > 0) await this.#save(EMPTY)
  }

  #named(hash: string): WaitingContract {
    const waiting = this.list().find((one) => one.hash === hash)
    if (waiting === undefined) throw new ApiFailure('NO_PROPOSAL')
    return waiting
  }

  async #keep(open: readonly OpenContract[]): Promise<void> {
    await this.#save({ ...this.#state(), waiting: open.map(({ file }) => encodeContractProposal(file)) })
  }

  #open(file: ContractFile): OpenContract {
    const { clinic, now } = this.#parts
    return openContractProposal(verifier, clinic.identity.network, now(), file)
  }

  #openOrNull(text: string): OpenContract | null {
    try {
      return this.#open(decodeContractProposal(text))
    } catch (error) {
      if (error instanceof LedgerError) return null
      throw error
    }
  }

  #hashIn(text: string): string | null {
    const open = this.#openOrNull(text)
    return open === null ? null : hashOf(open.file)
  }

  #state(): State {
    const state = State.safeParse(readJson(this.#parts.clinic.keystore.secrets, SECRET) ?? EMPTY)
    if (!state.success) throw new ApiFailure('KEYSTORE_DAMAGED')
    return state.data
  }

  async #save(state: State): Promise<void> {
    await writeJson(this.#parts.clinic.keystore.secrets, SECRET, state)
  }
}

function hashOf({ document }: Pick<ContractText, 'document'>): string {
  return toHex(h.sha256(document))
}

function slotOf(open: OpenContract): Slotted & { readonly open: OpenContract } {
  return { key: hashOf(open.file), round: 0, supporters: open.approvedBy, open }
}
