/**
 * What a guest believes of a network that took it in: a chain of rosters from the network that the invitation names, by a
 * site that signed the invitation, and the contracts that those sites approved.
 *
 * @remarks
 * Nothing that is told is trusted. Proven by `tests/main/core/network/joining.test.ts`.
 *
 * @packageDocumentation
 */
import { decodeCbor, type CborMap } from '../../../ledger/cbor.ts'
import { LedgerError } from '../../../ledger/errors.ts'
import {
  type ContractPublished,
  decodeContractFields,
  decodeRosterFields,
  encodeContractFields,
  encodeRosterFields,
} from '../../../ledger/fields.ts'
import { parseContract } from '../../../ledger/contract.ts'
import { checkContractApprovals, type SignedRoster } from '../../../ledger/governance.ts'
import { MAX_ENTRY_SIZE } from '../../../ledger/body.ts'
import { checkRosterChain } from '../../../ledger/next-roster.ts'
import { decodeRoster, type Roster, type RosterSite } from '../../../ledger/roster.ts'
import { SyncError } from '../../../sync/errors.ts'
import { checkInvitation, decodeInvitation, type ReadInvitation } from '../../../sync/invitation.ts'
import type { RecordedDocument } from '../../../sync/join.ts'
import { equalBytes } from '../../../shared/bytes.ts'
import { verifier } from '../../keystore/sodium.ts'
import { ApiFailure } from '../failure.ts'
import { policyEngine } from '../policy-engine.ts'
import type { JoiningState } from './joining-state.ts'

/**
 * Checks what a guest is told of a network that took it in. Changes nothing.
 *
 * @param documents - Untrusted.
 * @throws ApiFailure `BAD_INVITATION` when they are not of the network that the invitation names.
 */
export function readDocuments(documents: readonly RecordedDocument[], state: JoiningState, site: RosterSite) {
  return checkDocuments(documents, state, (roster) => {
    const listed = roster.sites.find(({ id }) => id === site.id)
    return listed !== undefined && isSameSite(listed, site)
  })
}

/**
 * Checks the chain of rosters, the contracts, and that the site which invited has made the invitation. Changes nothing.
 *
 * @param documents - Untrusted.
 * @param isTakenIn - Whether the newest roster lists this guest as it asked.
 * @throws ApiFailure `BAD_INVITATION`.
 */
export function checkDocuments(
  documents: readonly RecordedDocument[],
  state: JoiningState,
  isTakenIn: (roster: Roster) => boolean,
) {
  const invitation = decodeInvitation(state.invitation)
  const { rosters, contracts, entries } = read(documents, invitation.network)
  const last = rosters.at(-1)
  const roster = last === undefined ? null : decodeRoster(last.document)
  if (roster === null || !isTakenIn(roster)) throw new ApiFailure('BAD_INVITATION', { detail: 'roster' })
  checkInviter(rosters, invitation)
  const newest = contracts.at(-1)
  if (newest === undefined) throw new ApiFailure('BAD_INVITATION', { detail: 'contract' })
  return { invitation, rosters, roster, newest, entries }
}

function read(documents: readonly RecordedDocument[], network: Uint8Array) {
  const rosters: SignedRoster[] = []
  const contracts: ContractPublished[] = []
  try {
    const entries = documents.map(({ type, fields }) => {
      const map = decodeCbor(fields, MAX_ENTRY_SIZE) as CborMap
      if (type === 'roster') {
        const signed = decodeRosterFields(map)
        rosters.push(signed)
        return { type, fields: encodeRosterFields(signed) }
      }
      const published = decodeContractFields(map)
      checkContract(network, rosters, contracts.length, published)
      contracts.push(published)
      return { type, fields: encodeContractFields(published) }
    })
    checkRosterChain(verifier, network, rosters)
    return { rosters, contracts, entries }
  } catch (cause) {
    if (cause instanceof LedgerError) throw new ApiFailure('BAD_INVITATION', { cause, detail: cause.code })
    throw cause
  }
}

/** As every replica asks of an entry: the next contract, approved by the sites of the roster before it. */
function checkContract(
  network: Uint8Array,
  rosters: readonly SignedRoster[],
  version: number,
  published: ContractPublished,
): void {
  const current = rosters.at(-1)
  if (current === undefined) throw new LedgerError('NO_ROSTER', 'nothing comes before the roster')
  if (published.version !== version + 1) throw new LedgerError('CONTRACT_NOT_NEXT', `version ${published.version}`)
  checkContractApprovals(verifier, network, decodeRoster(current.document), published)
  parseContract(policyEngine(), published.document)
}

/**
 * The site that invited, by any roster of the chain, made the invitation.
 *
 * @throws ApiFailure `BAD_INVITATION`.
 */
export function checkInviter(rosters: readonly SignedRoster[], invitation: ReadInvitation): void {
  const keys = rosters.flatMap(({ document }) => listedIn(document, invitation.site)?.governanceKey ?? [])
  const isTheirs = keys.some((key) => {
    try {
      checkInvitation(verifier, invitation, key)
      return true
    } catch (error) {
      if (error instanceof SyncError) return false
      throw error
    }
  })
  if (!isTheirs) throw new ApiFailure('BAD_INVITATION', { detail: 'signature' })
}

/** A site as a roster lists it; null when it does not, or is no roster. */
export function listedIn(document: Uint8Array, id: string): RosterSite | null {
  try {
    return decodeRoster(document).sites.find((site) => site.id === id) ?? null
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}

/** True when every key is the same. */
export function isSameSite(a: RosterSite, b: RosterSite): boolean {
  const keysOf = (site: RosterSite) => [
    ...[site.governanceKey, site.sharingKey, site.recoveryKey, site.mirrorKey],
    ...site.nodes.flatMap(({ logKey, transportKey }) => [logKey, transportKey]),
  ]
  const [one, other] = [keysOf(a), keysOf(b)]
  return one.length === other.length && one.every((key, i) => equalBytes(key, other[i] ?? new Uint8Array()))
}
