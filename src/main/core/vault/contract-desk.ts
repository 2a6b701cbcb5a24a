/**
 * Contracts as this site decides about them: what a text would change, publishing, approving, recording.
 *
 * @remarks
 * Calls must not overlap. Proven by `tests/main/core/vault/governance.test.ts`.
 *
 * @packageDocumentation
 */
import { CONTRACT_LANGUAGE, decideDeed, decideView, parseContract } from '../../../ledger/contract.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { type ContractPublished, encodeContractFields } from '../../../ledger/fields.ts'
import type { ContractText } from '../../../ledger/governance.ts'
import type * as api from '../../../shared/api/schemas.ts'
import { equalBytes, toHex } from '../../../shared/bytes.ts'
import { ApiFailure } from '../failure.ts'
import { nodeHasher as h } from '../hasher.ts'
import { policyEngine } from '../policy-engine.ts'
import { actorFor, utf8, type Clinic } from './clinic.ts'
import { ContractVotes, type WaitingContract } from './contract-votes.ts'
import { rulesChanged } from './governance-views.ts'
import { contractInForce, decisionDraft, presentToGovern, rosterInForce, unlessRefused } from './governing.ts'

/** See the module's comment. */
export class ContractDesk {
  readonly #clinic: Clinic
  readonly #votes: ContractVotes

  constructor(clinic: Clinic) {
    this.#clinic = clinic
    this.#votes = new ContractVotes({
      clinic,
      now: () => ({ roster: rosterInForce(clinic).roster, version: contractInForce(clinic).version }),
      isContract: (contract) => this.#isContract(contract),
      record: (contract) => this.#record(contract),
    })
  }

  /**
   * Reads a text as the next contract.
   *
   * @throws ApiFailure `BAD_CONTRACT`.
   */
  check(text: string): api.ContractCheck {
    const { role } = actorFor(this.#clinic, 'administer.contract')
    const { version, published } = contractInForce(this.#clinic)
    const document = utf8(text)
    const contract = badContract(() => parseContract(policyEngine(), document))
    const isSame = equalBytes(document, published.document)
    if (isSame) throw new ApiFailure('BAD_CONTRACT', { detail: 'the contract in force' })
    // Whoever publishes it must be able to take it back.
    const mayReplace = decideDeed(contract, 'administer.contract', role).allowed
    if (!mayReplace || !decideView(contract, 'ledger', role).allowed)
      throw new ApiFailure('BAD_CONTRACT', { detail: `no rule lets ${role} publish the next one` })
    const before = new TextDecoder().decode(published.document)
    return { version: version + 1, hash: toHex(h.sha256(document)), ...rulesChanged(before, text) }
  }

  /** Publishes a text for this site. Throws ApiFailure as {@link ContractDesk.check}, `RIVAL_PROPOSAL`, and who must be present. */
  async propose(text: string): Promise<void> {
    const { version } = this.check(text)
    presentToGovern(this.#clinic)
    await this.#votes.propose({ version, language: CONTRACT_LANGUAGE, document: utf8(text) })
  }

  /** Approves what waits, by the hash of its text. Throws ApiFailure `NO_PROPOSAL`, and as {@link ContractDesk.propose}. */
  async approve(hash: string): Promise<void> {
    actorFor(this.#clinic, 'administer.contract')
    const waiting = this.#votes.list().find((one) => one.hash === hash)
    if (waiting === undefined) throw new ApiFailure('NO_PROPOSAL')
    this.check(textOf(waiting.file.document))
    presentToGovern(this.#clinic)
    await this.#votes.approve(hash)
  }

  /** Puts away what waits, by the hash of its text. */
  async putAway(hash: string): Promise<void> {
    actorFor(this.#clinic, 'administer.contract')
    presentToGovern(this.#clinic)
    await this.#votes.putAway(hash)
  }

  /** What waits, as people are shown it. */
  views(): api.ContractProposal[] {
    const before = textOf(contractInForce(this.#clinic).published.document)
    return this.#votes.list().map(({ file, hash, approvedBy, votesMissing, isApproved, mayApprove }) => {
      const text = textOf(file.document)
      const { version } = file
      const votes = { approvedBy: [...approvedBy], votesMissing, isApproved, mayApprove }
      return { version, hash, text, ...rulesChanged(before, text), ...votes }
    })
  }

  /** See {@link ContractVotes.list}. */
  list(): WaitingContract[] {
    return this.#votes.list()
  }

  /** See {@link ContractVotes.texts}. */
  texts(): string[] {
    return this.#votes.texts()
  }

  /** See {@link ContractVotes.hear}. */
  hear(text: string): Promise<void> {
    return this.#votes.hear(text)
  }

  /** Records those of a list that follow what is in force. True when there were any. */
  async adopt(contracts: readonly ContractPublished[]): Promise<boolean> {
    let isNew = false
    for (const published of contracts) isNew = (await this.#adopt(published)) || isNew
    return isNew
  }

  async #adopt(published: ContractPublished): Promise<boolean> {
    if (published.version !== contractInForce(this.#clinic).version + 1) return false
    try {
      await this.#record(published)
      return true
    } catch (error) {
      // Not approved by those who must: the writer asks what every replica will ask.
      if (error instanceof LedgerError || (error instanceof ApiFailure && error.code === 'NOT_ALLOWED')) return false
      throw error
    }
  }

  async #record(published: ContractPublished): Promise<void> {
    const { writer, logSigner } = this.#clinic
    await writer.recordDecision(
      decisionDraft(this.#clinic, 'contract', encodeContractFields(published), logSigner),
      null,
    )
  }

  /** A text that cannot be read would be in force nowhere: it is not even shown. */
  #isContract({ language, document }: ContractText): boolean {
    return language === CONTRACT_LANGUAGE && unlessRefused(() => parseContract(policyEngine(), document)) !== null
  }
}

function textOf(document: Uint8Array): string {
  return new TextDecoder().decode(document)
}

function badContract<Value>(read: () => Value): Value {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof LedgerError)
      throw new ApiFailure('BAD_CONTRACT', { cause, detail: cause.message.slice(0, 300) })
    throw cause
  }
}
