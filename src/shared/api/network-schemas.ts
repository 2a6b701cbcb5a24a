/**
 * Other nodes: what crosses the API about peers, logs, invitations, and how this node reaches and is reached.
 *
 * @packageDocumentation
 */
import { z } from 'zod'
import { hexOf, Instant } from './primitives.ts'

const SiteName = z.string().max(200)
/** `host:port` or a multiaddr, as people write it. */
const Address = z.string().trim().min(3).max(300)

/** How a node stands with another one. */
export const PeerLinkState = z.object({
  state: z.enum(['connected', 'connecting', 'unreachable']),
  /** When the present link began, or the last one ended; null for never. */
  since: Instant.nullable(),
  address: z.string().max(300).nullable(),
  isRelayed: z.boolean(),
  isInbound: z.boolean(),
  /** Why the last attempt failed: a code; null when it did not. */
  problem: z.string().max(60).nullable(),
  bytesIn: z.number().nonnegative(),
  bytesOut: z.number().nonnegative(),
})
export type PeerLinkState = z.infer<typeof PeerLinkState>

/** A node of the roster. */
export const NetworkNode = z.object({
  log: SiteName,
  isOwn: z.boolean(),
  /** SHA-256 of the transport key, its first 16 bytes. */
  transportKey: hexOf(16),
  /** Null for this node. */
  link: PeerLinkState.nullable(),
  /** Addresses that are dialled, as somebody typed them or they were found. */
  addresses: z.array(Address).max(16),
  role: z.enum(['node', 'mirror', 'witness']).nullable(),
  /** Of a witness: how much of the own log it signed to have seen, and when. Null for a node that holds entries. */
  seen: z.object({ size: z.number().int().nonnegative(), at: Instant.nullable() }).nullable(),
  /** When two installations of it were seen to run at once, since this node was started; null for never. */
  twiceAt: Instant.nullable(),
  /** Logs of which it says, and does not show, that it has more than anybody: nothing is taken on its word. */
  unshown: z.number().int().nonnegative(),
})
export type NetworkNode = z.infer<typeof NetworkNode>

/** One log, as far as it is here. */
export const NetworkLog = z.object({
  origin: z.string().max(200),
  site: SiteName,
  isOwn: z.boolean(),
  /** Entries that its node has signed, as far as it was shown here: what peers only say does not count. */
  known: z.number().int().nonnegative(),
  /** Entries that are here and proven. */
  have: z.number().int().nonnegative(),
  /** Entries whose every signature and rule was checked. */
  verified: z.number().int().nonnegative(),
  final: z.number().int().nonnegative(),
  /** Sites of the network that cosigned its newest cosigned head. */
  votes: z.number().int().nonnegative(),
  state: z.enum(['current', 'behind', 'closed', 'contested', 'refused', 'frozen', 'lost']),
  /** Which rule an entry broke, and where; null when none did. */
  refused: z.object({ index: z.number().int(), code: z.string().max(60) }).nullable(),
  /** Why it is contested without two versions of it; null for any other log. */
  doubt: z.enum(['opened-twice', 'contradicts', 'drops-final']).nullable(),
  /** Patients whom another workstation of the own clinic registered there, without those who were erased; null for any other log. */
  patients: z.number().int().nonnegative().nullable(),
})
export type NetworkLog = z.infer<typeof NetworkLog>

/** What people of a clinic call another one. */
export const SiteLabel = z.string().trim().min(1).max(80)

/** An invitation of this site. The text itself is shown once. */
export const NetworkInvitation = z.object({
  id: hexOf(16),
  createdAt: Instant,
  expiresAt: Instant,
  /** What people here call the clinic that is invited; null where nobody said. */
  name: SiteLabel.nullable(),
  /** For another clinic, or for another workstation or server of this one; a witness says so when it asks. */
  kind: z.enum(['site', 'workstation', 'witness']),
  state: z.enum(['open', 'asked', 'used', 'expired', 'withdrawn']),
  /** Site that asked with it, or name of the workstation or witness. */
  site: SiteName.nullable(),
  /** Somebody here compared the code of the workstation. */
  isLetIn: z.boolean(),
})
export type NetworkInvitation = z.infer<typeof NetworkInvitation>

/** How this node reaches others and is reached. */
export const NetworkSettings = z.object({
  /** TCP port to listen on; null for none: this node only dials. */
  port: z.number().int().min(1).max(65_535).nullable(),
  /** Found, and finding, in the local network. */
  discovery: z.boolean(),
  /** Passes on the traffic of members who cannot reach each other. */
  relay: z.boolean(),
  /** Under which addresses others can reach this node from outside, for invitations. */
  announce: z.array(Address).max(4),
  /** Where to dial each node, by log. */
  peers: z.array(z.object({ log: SiteName, addresses: z.array(Address).max(8) })).max(256),
  /** Sites that keep sealed copies of this site's records, without keys. */
  custodians: z.array(SiteName).max(64),
  /** What people of this clinic call other sites. Shown here only. */
  names: z
    .array(z.object({ site: SiteName, name: SiteLabel }))
    .max(256)
    .optional(),
})
export type NetworkSettings = z.infer<typeof NetworkSettings>

/** Everything that the network page shows. */
export const NetworkStatus = z.object({
  /** False while this clinic is alone and invites nobody. */
  isOn: z.boolean(),
  /** Multiaddrs that this node can be dialled at. */
  listening: z.array(z.string().max(300)).max(32),
  /** Why it does not listen: a code; null when it does, or is not meant to. */
  problem: z.string().max(60).nullable(),
  sites: z.array(z.object({ id: SiteName, isOwn: z.boolean(), isReachable: z.boolean(), nodes: z.array(NetworkNode) })),
  quorum: z.object({
    sites: z.number().int().positive(),
    faulty: z.number().int().nonnegative(),
    needed: z.number().int().positive(),
    /** Sites that can cosign now, the own one included. */
    reachable: z.number().int().nonnegative(),
    isThere: z.boolean(),
  }),
  logs: z.array(NetworkLog),
  /** What would be lost with this disk alone. */
  copies: z.object({
    /** Other nodes that hold every entry of the own log. */
    logs: z.number().int().nonnegative(),
    /** Sites chosen to keep sealed copies. */
    custodians: z.array(SiteName),
  }),
  invitations: z.array(NetworkInvitation),
  settings: NetworkSettings,
})
export type NetworkStatus = z.infer<typeof NetworkStatus>

/** One line for everybody. */
export const NetworkSummary = z.object({
  sites: z.number().int().positive(),
  /** Other sites that are connected now. */
  connected: z.number().int().nonnegative(),
  isQuorumThere: z.boolean(),
  /** Changes of the network that wait for the approval of this site. */
  asked: z.number().int().nonnegative(),
})
export type NetworkSummary = z.infer<typeof NetworkSummary>

/** What an invitation says of itself; whether it is true, only the network that it names can say. */
export const InvitationFacts = z.object({
  kind: z.enum(['site', 'workstation']),
  inviter: SiteName,
  expiresAt: Instant,
})
export type InvitationFacts = z.infer<typeof InvitationFacts>

/** Where joining another network stands. */
export const JoiningStatus = z.object({
  inviter: SiteName,
  state: z.enum(['calling', 'asked', 'voting', 'refused', 'expired']),
  problem: z.string().max(60).nullable(),
  expiresAt: Instant,
  /** For a workstation of the inviting clinic: what IT there types to let it in. Null for a clinic of its own. */
  code: z.string().max(20).nullable(),
})
export type JoiningStatus = z.infer<typeof JoiningStatus>
