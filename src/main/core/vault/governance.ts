/**
 * Contracts and rosters as this site decides about them: publish, propose, approve, record.
 *
 * @remarks
 * Nothing here is trusted because it is here: what is recorded passes the rules of `ledger/next-roster.ts` and
 * `ledger/governance.ts` like every entry of another site. Order of a change of keys, and what a crash means after each
 * step:
 * 1. the new seed is durable in the keystore beside the old one: nothing has changed, the seed is overwritten by the next;
 * 2. the proposal is durable: it waits, and can be approved or discarded;
 * 3. that this site approves it is durable, then its approvals: the next start records a proposal that is complete;
 * 4. the block that records it is committed, closed under the new log key: the next start finds which key is in force;
 * 5. keystore and log table follow, and the proposal is forgotten.
 * Proven by `tests/main/core/vault/governance.test.ts`.
 *
 * @packageDocumentation
 */
import { decideDeed, type Deed } from '../../../ledger/contract.ts'
import { CONTRACT_PROPOSAL } from '../../../ledger/contract-proposal.ts'
import { listedKey } from '../../../ledger/directory.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import { type ContractPublished, encodeRosterFields } from '../../../ledger/fields.ts'
import { type Approval, type SignedRoster } from '../../../ledger/governance.ts'
import { mayApprove, neededApprovals } from '../../../ledger/next-roster.ts'
import {
  encodeRoster,
  type FrozenLog,
  type Roster,
  type RosterNode,
  type RosterSite,
  type RosterWitness,
} from '../../../ledger/roster.ts'
import {
  addApproval,
  decodeProposal,
  encodeProposal,
  openProposal,
  type OpenProposal,
  type ProposalFile,
} from '../../../ledger/roster-proposal.ts'
import type * as api from '../../../shared/api/schemas.ts'
import { equalBytes, fromHex, toHex } from '../../../shared/bytes.ts'
import { CodedError } from '../../../shared/errors.ts'
import { verifier } from '../../keystore/sodium.ts'
import { ApiFailure } from '../failure.ts'
import { actorFor, viewerFor, type Clinic } from './clinic.ts'
import { ContractDesk } from './contract-desk.ts'
import type { EntrySigner } from './entry-signer.ts'
import { SECRETS, signerOf } from './genesis.ts'
import { readState, writeState, type GovernanceState } from './governance-state.ts'
import { contractView, proposalView, rosterView } from './governance-views.ts'
import { contractInForce, decisionDraft, presentToGovern, rosterInForce, unlessRefused } from './governing.ts'
import {
  followingRoster,
  inCeremony,
  type KnownVotes,
  withNewNode,
  withNewSite,
  withNewWitness,
} from './next-rosters.ts'
import { isBefore, isOf, mergedFile, namesIn } from './proposal-rules.ts'
import { governs, logSeedOf, seedOf, settleKeys } from './role-keys.ts'
import { isOwnKey, RosterChanges } from './roster-changes.ts'
import { holdsSharing } from './sharing-ring.ts'

/** See the module's comment. */
export class Governance {
  readonly #clinic: Clinic
  readonly #keysChanged: () => Promise<void>
  readonly #contracts: ContractDesk
  readonly #changes: RosterChanges
  /** Where logs of a site stand, for those that are to end; set by whoever knows the logs of others. */
  endsOf: (site: RosterSite) => readonly FrozenLog[] = () => []
  /** One step at a time: two approvals at once could be of rivals. */
  #running: Promise<unknown> = Promise.resolve()

  /** @param keysChanged - Keeps the copies that are sealed with the site's keys. */
  constructor(clinic: Clinic, keysChanged: () => Promise<void>) {
    this.#clinic = clinic
    this.#keysChanged = keysChanged
    this.#contracts = new ContractDesk(clinic)
    this.#changes = new RosterChanges(clinic, (site) => this.endsOf(site))
  }

  /** Everything that is in force, and what waits. */
  view(): api.Governance {
    viewerFor(this.#clinic, 'ledger')
    const { replica, identity } = this.#clinic
    const state = this.#state()
    const open = this.#waiting(state)
    return {
      roster: rosterView(rosterInForce(this.#clinic), replica.directory, identity),
      contract: contractView(contractInForce(this.#clinic), replica.directory),
      proposal: open === null ? null : proposalView(open, this.#ownPart(open, state)),
      isBound: open === null && this.#approvedNext(),
      contractProposals: this.#contracts.views(),
      mayPublish: governs(this.#clinic) && this.#may('administer.contract'),
      mayPropose: governs(this.#clinic) && this.#may('administer.network'),
    }
  }

  /** How many changes wait for the word of this site: it approved neither them nor a rival. */
  asked(): number {
    const state = this.#state()
    const open = this.#waiting(state)
    const waiting = [...(open === null ? [] : [this.#ownPart(open, state)]), ...this.#contracts.list()]
    return waiting.filter(({ isApproved, mayApprove }) => mayApprove && !isApproved).length
  }

  /** See {@link ContractDesk.check}. */
  checkContract(text: string): api.ContractCheck {
    return this.#contracts.check(text)
  }

  /**
   * Makes a text the contract, approved by this site, as soon as enough others approve it as well. Entries before it stay judged by the one before.
   *
   * @throws ApiFailure `BAD_CONTRACT`, `RIVAL_PROPOSAL`, `REAUTH_NEEDED`, `COORDINATOR_ONLY`.
   */
  async publishContract(text: string): Promise<api.Governance> {
    return this.#alone(async () => {
      await this.#contracts.propose(text)
      return this.view()
    })
  }

  /**
   * Approves a contract that another site proposed, and records it when that is enough.
   *
   * @param hash - Of its text, lower-case hex.
   * @throws ApiFailure `NO_PROPOSAL`, `RIVAL_PROPOSAL`, `BAD_CONTRACT`, `REAUTH_NEEDED`, `COORDINATOR_ONLY`.
   */
  async approveContract(hash: string): Promise<api.Governance> {
    return this.#alone(async () => {
      await this.#contracts.approve(hash)
      return this.view()
    })
  }

  /** Puts a contract away that waits, so that this site may approve another. */
  async discardContract(hash: string): Promise<api.Governance> {
    return this.#alone(async () => {
      await this.#contracts.putAway(hash)
      return this.view()
    })
  }

  /**
   * Proposes a change, approves it for this site, and records it when that is enough.
   *
   * @throws ApiFailure `COORDINATOR_ONLY`, `RIVAL_PROPOSAL` while another one waits, `BAD_PROPOSAL` when it changes nothing or may not be,
   *   `NO_PROPOSAL` for a ceremony about nothing.
   */
  async propose(change: api.ProposedChange): Promise<api.Governance> {
    return this.#alone(async () => {
      this.#actor()
      const waiting = this.#waiting(this.#state())
      if (change.kind !== 'ceremony' && waiting !== null) throw new ApiFailure('RIVAL_PROPOSAL')
      // Before any seed is overwritten: what was approved may still become the next roster.
      if (isOwnKey(change) && this.#approvedNext() && this.#changes.hasNextSeed())
        throw new ApiFailure('RIVAL_PROPOSAL')
      const next =
        change.kind === 'ceremony' ? this.#ceremony(waiting) : this.#besideLast(await this.#changes.make(change))
      const { network } = this.#clinic.identity
      const open = badProposal(() => this.#opened({ network, document: encodeRoster(next), approvals: [] }))
      // A ceremony repeats what another site may have proposed.
      this.#checkEnds(open)
      this.#checkOwnKeys(open)
      await this.#save({ proposal: encodeProposal(open.file) })
      await this.#approve(open)
      return this.view()
    })
  }

  /**
   * Approves the proposal that waits.
   *
   * @throws ApiFailure `COORDINATOR_ONLY`, `NO_PROPOSAL`, `RIVAL_PROPOSAL`.
   */
  async approve(): Promise<api.Governance> {
    return this.#alone(async () => {
      this.#actor()
      const waiting = this.#waiting(this.#state())
      if (waiting === null) throw new ApiFailure('NO_PROPOSAL')
      this.#checkEnds(waiting)
      this.#checkOwnKeys(waiting)
      await this.#approve(waiting)
      return this.view()
    })
  }

  /**
   * Takes a proposal, or more approvals of the one that waits, from a file. A complete one is recorded.
   *
   * @param text - Untrusted.
   * @throws ApiFailure `BAD_PROPOSAL`; `RIVAL_PROPOSAL` when this site approved the one that waits.
   */
  async import(text: string): Promise<api.Governance> {
    return this.#alone(async () => {
      actorFor(this.#clinic, 'administer.network')
      const open = badProposal(() => this.#opened(decodeProposal(text)))
      const state = this.#state()
      const waiting = this.#waiting(state)
      const file = waiting === null ? open.file : mergedFile(waiting, open)
      const isNewer = waiting === null || open.roster.attempt > waiting.roster.attempt
      if (file === null && !isNewer && this.#ownPart(waiting, state).isApproved) throw new ApiFailure('RIVAL_PROPOSAL')
      await this.#save({ proposal: encodeProposal(file ?? open.file) })
      await this.#recordIfComplete()
      return this.view()
    })
  }

  /**
   * The proposal that waits, as a file.
   *
   * @throws ApiFailure `NO_PROPOSAL`.
   */
  file(): api.ProposalFile {
    actorFor(this.#clinic, 'administer.network')
    const waiting = this.#waiting(this.#state())
    if (waiting === null) throw new ApiFailure('NO_PROPOSAL')
    const { version, attempt } = waiting.roster
    const suffix = attempt === 0 ? '' : `-ceremony-${attempt}`
    return { fileName: `roster-${version}${suffix}.roster`, text: encodeProposal(waiting.file) }
  }

  /**
   * Puts away what waits, if it is about taking in somebody whom this site does not invite any more. Other sites that heard
   * of it may still decide it.
   *
   * @param name - Of a site, a log or a witness.
   */
  async dropGuest(name: string): Promise<void> {
    await this.#alone(async () => {
      const waiting = this.#waiting(this.#state())
      if (
        waiting !== null &&
        namesIn(waiting.roster).has(name) &&
        !namesIn(rosterInForce(this.#clinic).roster).has(name)
      )
        await this.#putAway(waiting)
    })
  }

  /** The texts of what waits here for approvals, for other sites. */
  texts(): string[] {
    const waiting = this.#waiting(this.#state())
    return [...(waiting === null ? [] : [encodeProposal(waiting.file)]), ...this.#contracts.texts()]
  }

  /**
   * The roster with one more site, as that has to approve it. Null while something else waits, or was approved.
   *
   * @param site - Of whoever holds an invitation of this site; untrusted.
   */
  rosterWith(site: RosterSite): Uint8Array | null {
    return this.#documentOf((next) => withNewSite(next, site))
  }

  /**
   * The same with one more node of this site.
   *
   * @param node - Of whoever holds an invitation of this site; untrusted.
   */
  rosterWithNode(node: RosterNode): Uint8Array | null {
    return this.#documentOf((next) => withNewNode(next, this.#clinic.identity.site, node))
  }

  /** The same with one more witness of this site. `witness` is untrusted. */
  rosterWithWitness(witness: RosterWitness): Uint8Array | null {
    return this.#documentOf((next) => withNewWitness(next, this.#clinic.identity.site, witness))
  }

  #documentOf(change: (next: Roster) => Roster): Uint8Array | null {
    const state = this.#state()
    if (this.#waiting(state) !== null) return null
    try {
      const document = encodeRoster(this.#besideLast(change(followingRoster(rosterInForce(this.#clinic)))))
      const { hash } = this.#opened({ network: this.#clinic.identity.network, document, approvals: [] })
      // What somebody here put away does not come back because the guest asks again.
      return this.#approvedNext() && state.last !== null && equalBytes(state.last.hash, hash) ? null : document
    } catch (error) {
      if (error instanceof LedgerError) return null
      throw error
    }
  }

  /**
   * Proposes, and approves for this site, a roster that {@link rosterWith} or {@link rosterWithNode} made: IT did so by
   * inviting, or by letting the node in.
   *
   * @param approval - Of the site that joins, untrusted; null for a node of this one.
   * @throws ApiFailure `BAD_PROPOSAL`, `RIVAL_PROPOSAL`.
   */
  async admit(document: Uint8Array, approval: Approval | null): Promise<void> {
    await this.#alone(async () => {
      const { network } = this.#clinic.identity
      const approvals = approval === null ? [] : [approval]
      const open = badProposal(() => this.#opened({ network, document, approvals }))
      await this.#approve(open)
    })
  }

  /**
   * Takes a proposal from another site. This site approves nothing by it, and records what is complete.
   *
   * @param text - Untrusted; what may not follow the roster in force is left.
   */
  async hear(text: string): Promise<void> {
    await this.#alone(async () => {
      if (text.startsWith(CONTRACT_PROPOSAL)) {
        await this.#contracts.hear(text)
        return
      }
      const open = unlessRefused(() => this.#opened(decodeProposal(text)))
      if (open === null) return
      const state = this.#state()
      const waiting = this.#waiting(state)
      const merged = waiting === null ? null : mergedFile(waiting, open)
      // What no site approved has no place, and who was refused one gets none for the same round.
      if (merged === null && !this.#supportersOf(open).some((site) => this.#isHeard(site, open))) return
      if (waiting !== null && merged === null) {
        const isNewer = open.roster.attempt > waiting.roster.attempt
        if (!isNewer || this.#ownPart(waiting, state).isApproved) return
      }
      await this.#save({ proposal: encodeProposal(merged ?? open.file) })
      await this.#recordIfComplete()
    })
  }

  /** Ids of the sites in force that approved a proposal. */
  #supportersOf({ file }: OpenProposal): string[] {
    const approved = new Set(file.approvals.map(({ publicKey }) => toHex(publicKey)))
    return rosterInForce(this.#clinic)
      .roster.sites.filter((site) => approved.has(toHex(site.governanceKey)))
      .map(({ id }) => id)
  }

  #isHeard(site: string, { roster }: OpenProposal): boolean {
    const { refused } = this.#state()
    return !refused.some((one) => one.site === site && one.version === roster.version && one.attempt >= roster.attempt)
  }

  /**
   * Records what other sites decided: rosters and contracts that follow those in force here, each with its approvals.
   *
   * @returns True when anything was recorded.
   */
  async adopt(rosters: readonly SignedRoster[], contracts: readonly ContractPublished[]): Promise<boolean> {
    return this.#alone(async () => {
      // A contract is judged by the roster before it: a later one may be without those who approved it.
      let isNew = await this.#contracts.adopt(contracts)
      for (const signed of rosters) {
        if (!(await this.#adoptRoster(signed))) continue
        await this.#contracts.adopt(contracts)
        isNew = true
      }
      return isNew
    })
  }

  async #adoptRoster({ document, approvals }: SignedRoster): Promise<boolean> {
    const { network } = this.#clinic.identity
    const open = unlessRefused(() => this.#opened({ network, document, approvals: [...approvals] }))
    if (open === null || open.missing.length > 0 || open.votesMissing > 0) return false
    await this.#save({ proposal: encodeProposal(open.file) })
    await this.#recordIfComplete()
    return true
  }

  /**
   * Puts the proposal away. What this site approved stays remembered: whatever it approves later for the same version says
   * so, and needs every site.
   */
  async discard(): Promise<api.Governance> {
    return this.#alone(async () => {
      actorFor(this.#clinic, 'administer.network')
      if (!this.#approvedNext()) await this.#changes.dropSeeds()
      const waiting = this.#waiting(this.#state())
      if (waiting === null) await this.#save({ proposal: null })
      else await this.#putAway(waiting)
      return this.view()
    })
  }

  /** The others say it again and again: whoever put it away is not asked a second time. */
  async #putAway(waiting: OpenProposal): Promise<void> {
    const { version, attempt } = waiting.roster
    const supporters = this.#supportersOf(waiting)
    const others = this.#state().refused.filter((one) => one.version === version && !supporters.includes(one.site))
    await this.#save({
      proposal: null,
      away: encodeProposal(waiting.file),
      refused: [...others, ...supporters.map((site) => ({ site, version, attempt }))],
    })
  }

  /** At the start: what a crash cut off is recorded, or forgotten where something else was. Fails without a word. */
  async resume(): Promise<void> {
    await this.#alone(async () => {
      try {
        const state = this.#state()
        const waiting = this.#waiting(state)
        if (waiting === null) await this.#forget()
        else if (isOf(state.last, waiting)) await this.#approve(waiting)
        else await this.#recordIfComplete()
      } catch (error) {
        // It still waits, and the page says so: a full disk must not keep anybody from reading.
        if (!(error instanceof CodedError)) throw error
      }
    })
  }

  #actor(): void {
    actorFor(this.#clinic, 'administer.network')
    presentToGovern(this.#clinic)
  }

  /** What is final here stays: nobody may end a log before it, also by mistake. */
  #checkEnds({ change }: OpenProposal): void {
    if (change.kind !== 'site-removed' && change.kind !== 'site-changed') return
    const site = rosterInForce(this.#clinic).roster.sites.find(({ id }) => id === change.site)
    const known = site === undefined || change.frozen.length === 0 ? [] : this.endsOf(site)
    const isCut = known.some((end) => change.frozen.some((frozen) => isBefore(frozen, end)))
    if (isCut) throw new ApiFailure('BAD_PROPOSAL', { detail: 'ENDS_BEFORE_FINAL' })
  }

  /** Everybody seals to the keys that are listed for this site: another may have put in some that nobody here has. */
  #checkOwnKeys({ roster, change }: OpenProposal): void {
    const { identity, keystore } = this.#clinic
    if (change.kind !== 'site-changed' || change.site !== identity.site) return
    const site = roster.sites.find(({ id }) => id === identity.site)
    if (site === undefined) return
    // The printed key is never changed.
    const isOurs = holdsSharing(keystore.secrets, site.sharingKey) && equalBytes(site.recoveryKey, identity.recoveryKey)
    if (!isOurs) throw new ApiFailure('BAD_PROPOSAL', { detail: 'KEY_UNKNOWN' })
  }

  async #approve(open: OpenProposal): Promise<void> {
    const { identity } = this.#clinic
    const { roster, hash } = open
    const { last } = this.#state()
    if (!mayApprove(identity.site, last, open)) throw new ApiFailure('RIVAL_PROPOSAL')
    await this.#save({ last: { version: roster.version, attempt: roster.attempt, hash } })
    await this.#save({ proposal: encodeProposal(this.#signed(open)) })
    await this.#recordIfComplete()
  }

  /** The file with an approval under each key of this site that has a say. */
  #signed({ file, roster, change }: OpenProposal): ProposalFile {
    const { required, voters } = neededApprovals(rosterInForce(this.#clinic).roster, roster, change)
    return [...new Set([...required, ...voters])].reduce((signed, key) => {
      const signer = this.#ownSigner(fromHex(key))
      return signer === null ? signed : addApproval(signed, signer.publicKey, (message) => signer.sign(message))
    }, file)
  }

  #ownSigner(key: Uint8Array): EntrySigner | null {
    const { secrets } = this.#clinic.keystore
    const governance = seedOf(secrets, SECRETS.governance, key)
    const seed = governance ?? seedOf(secrets, SECRETS.mirror, key) ?? logSeedOf(secrets, key)
    return seed === null ? null : signerOf('governance', seed)
  }

  async #recordIfComplete(): Promise<void> {
    const open = this.#waiting(this.#state())
    if (open === null || open.missing.length > 0 || open.votesMissing > 0) return
    const { writer, logSigner, standing } = this.#clinic
    const successor = this.#successor(open.roster)
    const { document, approvals } = open.file
    // A disk may end with the commit: the new key must be in every copy of the database that has its roster.
    await this.#keysChanged()
    // The old key signs the entry, whoever signs after it.
    const now: EntrySigner = { role: 'log', publicKey: logSigner.publicKey, sign: (message) => logSigner.sign(message) }
    await writer.recordDecision(
      decisionDraft(this.#clinic, 'roster', encodeRosterFields({ document, approvals }), now),
      successor,
    )
    await settleKeys(this.#clinic)
    this.#clinic.ring.reload(this.#clinic.keystore.secrets)
    await this.#save({ proposal: null })
    standing.rosterChanged()
    await this.#keysChanged()
  }

  /** Who signs as the log once `next` is in force; null when that stays. */
  #successor(next: Roster): EntrySigner | null {
    const { identity, keystore } = this.#clinic
    const [before, after] = [rosterInForce(this.#clinic).roster, next].map((roster) => listedKey(roster, identity.log))
    // A roster without this log ends it: there is nothing that this node could sign after it.
    if (before === undefined || before === null || after === undefined || after === null)
      throw new ApiFailure('BAD_PROPOSAL', { detail: 'LOG_REMOVED' })
    if (equalBytes(before, after)) return null
    const seed = logSeedOf(keystore.secrets, after)
    if (seed === null) throw new ApiFailure('KEYSTORE_DAMAGED')
    return signerOf('log', seed)
  }

  /** Whether this site approved a roster that may follow the one in force. */
  #approvedNext(): boolean {
    return this.#state().last?.version === rosterInForce(this.#clinic).roster.version + 1
  }

  #ceremony(waiting: OpenProposal | null): Roster {
    if (waiting === null) throw new ApiFailure('NO_PROPOSAL')
    return inCeremony(waiting.roster, this.#votes(waiting))
  }

  /**
   * A change after this site approved another for the same version, which was put away: as a ceremony that says so, since the
   * other one may have been decided elsewhere. Else the change as it is.
   */
  #besideLast(next: Roster): Roster {
    if (!this.#approvedNext()) return next
    const { away } = this.#state()
    return inCeremony(next, this.#votes(this.#waiting({ proposal: away })))
  }

  #votes(before: OpenProposal | null): KnownVotes {
    const known = before === null ? null : { ...before, approvals: before.file.approvals }
    const { last } = this.#state()
    return { current: rosterInForce(this.#clinic).roster, before: known, site: this.#clinic.identity.site, last }
  }

  /** The stored proposal, or null when it does not follow the roster in force (any more). */
  #waiting({ proposal }: Pick<GovernanceState, 'proposal'>): OpenProposal | null {
    return proposal === null ? null : unlessRefused(() => this.#opened(decodeProposal(proposal)))
  }

  #opened(file: ProposalFile): OpenProposal {
    return openProposal(verifier, this.#clinic.identity.network, rosterInForce(this.#clinic), file)
  }

  #ownPart(open: OpenProposal, { last }: GovernanceState): { isApproved: boolean; mayApprove: boolean } {
    const { identity } = this.#clinic
    const key = rosterInForce(this.#clinic).roster.sites.find(({ id }) => id === identity.site)?.governanceKey
    const isApproved = key !== undefined && open.file.approvals.some(({ publicKey }) => equalBytes(publicKey, key))
    return { isApproved, mayApprove: mayApprove(identity.site, last, open) }
  }

  async #forget(): Promise<void> {
    if (this.#state().proposal === null) return
    await this.#changes.dropSeeds()
    await this.#save({ proposal: null })
  }

  #state(): GovernanceState {
    return readState(this.#clinic.keystore.secrets)
  }

  async #save(change: Partial<GovernanceState>): Promise<void> {
    await writeState(this.#clinic.keystore.secrets, { ...this.#state(), ...change })
  }

  #may(deed: Deed): boolean {
    const { viewer } = this.#clinic
    return viewer !== null && decideDeed(contractInForce(this.#clinic).contract, deed, viewer.role).allowed
  }

  async #alone<Value>(work: () => Promise<Value>): Promise<Value> {
    const turn = this.#running.catch(() => undefined).then(work)
    this.#running = turn
    return turn
  }
}

function badProposal<Value>(read: () => Value): Value {
  try {
    return read()
  } catch (cause) {
    if (cause instanceof LedgerError) throw new ApiFailure('BAD_PROPOSAL', { cause, detail: cause.code })
    throw cause
  }
}
