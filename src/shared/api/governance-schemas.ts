/**
 * What the sites of a network decide together, as it crosses the API.
 *
 * @packageDocumentation
 */
import { z } from 'zod'
import { Hash } from './primitives.ts'

/** SHA-256 of a public key, its first 16 bytes. */
const Fingerprint = z.string().regex(/^[0-9a-f]{32}$/)
const SiteName = z.string().max(200)
const Version = z.object({
  version: z.number().int().positive(),
  hash: Hash,
  /** Entry of the live log that recorded it; null when an earlier incarnation did. */
  index: z.number().int().nonnegative().nullable(),
})

/** Longest text of a contract. */
export const ContractText = z.string().min(1).max(60_000)

export const RosterSite = z.object({
  id: SiteName,
  isOwn: z.boolean(),
  governanceKey: Fingerprint,
  mirrorKey: Fingerprint,
  sharingKey: Fingerprint,
  recoveryKey: Fingerprint,
  nodes: z.array(
    z.object({
      log: SiteName,
      isOwn: z.boolean(),
      isCoordinator: z.boolean(),
      logKey: Fingerprint,
      transportKey: Fingerprint,
    }),
  ),
  /** Nodes of the site that see hashes alone. */
  witnesses: z.array(z.object({ name: SiteName, witnessKey: Fingerprint, transportKey: Fingerprint })),
})

/** The one thing that a roster changes. */
export const RosterChange = z.object({
  kind: z.enum(['founded', 'site-added', 'site-removed', 'site-changed', 'policy-changed', 'coordinator-changed']),
  /** Of the kinds about one site. */
  site: SiteName.nullable(),
  parts: z.array(
    z.object({
      kind: z.enum([
        'governance-key',
        'sharing-key',
        'recovery-key',
        'mirror-key',
        'node-added',
        'node-removed',
        'witness-added',
        'witness-removed',
        'log-key',
        'transport-key',
      ]),
      log: SiteName.nullable(),
    }),
  ),
  /** Where logs end that leave with it. */
  frozen: z.array(z.object({ origin: z.string().max(200), size: z.number().int().nonnegative() })),
  /** Policy or coordinator, of the kinds about them. */
  before: z.string().nullable(),
  after: z.string().nullable(),
})
export type RosterChange = z.infer<typeof RosterChange>

/** A roster that waits for approvals. */
export const RosterProposal = z.object({
  version: z.number().int().positive(),
  /** 0, or which attempt of a recovery ceremony. */
  attempt: z.number().int().nonnegative(),
  hash: Hash,
  change: RosterChange,
  /** Keys that must still approve. */
  missingKeys: z.array(Fingerprint),
  /** Sites that must still approve, whichever they are. */
  votesMissing: z.number().int().nonnegative(),
  isApproved: z.boolean(),
  /** False when this site approved something else for the same version. */
  mayApprove: z.boolean(),
})
export type RosterProposal = z.infer<typeof RosterProposal>

/** A contract that waits for approvals of other sites. */
export const ContractProposal = z.object({
  version: z.number().int().positive(),
  hash: Hash,
  text: ContractText,
  /** Ids of rules, against the contract in force. */
  added: z.array(z.string()),
  removed: z.array(z.string()),
  changed: z.array(z.string()),
  approvedBy: z.array(SiteName),
  /** Sites that must still approve, whichever they are. */
  votesMissing: z.number().int().nonnegative(),
  isApproved: z.boolean(),
  /** False when this site approved another text for the version. */
  mayApprove: z.boolean(),
})
export type ContractProposal = z.infer<typeof ContractProposal>

/** What sites decided together: who they are, and by which rules they work. */
export const Governance = z.object({
  roster: Version.extend({
    sites: z.array(RosterSite),
    policy: z.string(),
    policyMode: z.enum(['solo', 'quorum', 'unanimous', 'crash-only', 'groups']),
    /** Sites that must approve what comes next. */
    quorum: z.number().int().positive(),
    frozen: z.array(z.object({ origin: z.string().max(200), size: z.number().int().nonnegative() })),
    history: z.array(Version),
  }),
  contract: Version.extend({
    text: ContractText,
    rules: z.array(z.object({ id: z.string(), effect: z.enum(['permit', 'forbid']), advice: z.string() })),
    history: z.array(Version),
  }),
  proposal: RosterProposal.nullable(),
  /** This site approved a change that was put away: what it proposes now has to be approved by every site. */
  isBound: z.boolean(),
  contractProposals: z.array(ContractProposal),
  mayPublish: z.boolean(),
  mayPropose: z.boolean(),
})
export type Governance = z.infer<typeof Governance>

/** What a contract would change. */
export const ContractCheck = z.object({
  version: z.number().int().positive(),
  hash: Hash,
  /** Ids of rules. */
  added: z.array(z.string()),
  removed: z.array(z.string()),
  changed: z.array(z.string()),
})
export type ContractCheck = z.infer<typeof ContractCheck>

/** A change that this site proposes. */
export const ProposedChange = z.discriminatedUnion('kind', [
  z.object({ kind: z.enum(['log-key', 'mirror-key', 'governance-key', 'sharing-key']) }),
  z.object({ kind: z.literal('policy'), policy: z.enum(['quorum', 'unanimous', 'crash-only']) }),
  z.object({ kind: z.literal('custom-policy'), text: z.string().min(1).max(32_768) }),
  /** The others go on without a site; its logs end at what is final of them. */
  z.object({ kind: z.literal('remove-site'), site: SiteName }),
  /** The own site goes on without one of its workstations or servers, by the name of its log, or without a witness. */
  z.object({ kind: z.literal('remove-machine'), name: SiteName }),
  /** The change that waits, once more: a recovery ceremony, approved by every site that stays. */
  z.object({ kind: z.literal('ceremony') }),
])
export type ProposedChange = z.infer<typeof ProposedChange>

/** A proposal as a file that goes from site to site. */
export const ProposalFile = z.object({
  fileName: z.string().regex(/^[a-z0-9.-]{1,200}\.roster$/),
  text: z.string().max(140_000),
})
export type ProposalFile = z.infer<typeof ProposalFile>
