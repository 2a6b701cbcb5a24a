/** What sites decided, as a fake core and a fake vault tell it. */
import type { ContractProposal, Governance, ProposedChange, RosterProposal } from '../../src/shared/api/schemas.ts'
import { hashOf } from './fake-data.ts'

const fingerprint = (n: number): string => hashOf(n).slice(0, 32)

/** The first roster and the first contract of a clinic alone, as IT sees them. */
export const GOVERNANCE: Governance = {
  roster: {
    version: 1,
    hash: hashOf(50),
    index: 0,
    sites: [
      {
        id: 'chartseal.local/site-1',
        isOwn: true,
        governanceKey: fingerprint(51),
        mirrorKey: fingerprint(52),
        sharingKey: fingerprint(53),
        recoveryKey: fingerprint(54),
        nodes: [
          {
            log: 'chartseal.local/site-1/node-1',
            isOwn: true,
            isCoordinator: true,
            logKey: fingerprint(55),
            transportKey: fingerprint(56),
          },
        ],
        witnesses: [],
      },
    ],
    policy: 'witness site-1 key\nquorum site-1\n',
    policyMode: 'solo',
    quorum: 1,
    frozen: [],
    history: [{ version: 1, hash: hashOf(50), index: 0 }],
  },
  contract: {
    version: 1,
    hash: hashOf(57),
    index: 1,
    text: '@id("record-access")\npermit (principal, action, resource);\n',
    rules: [{ id: 'record-access', effect: 'permit', advice: 'Whoever looks signs that they looked.' }],
    history: [{ version: 1, hash: hashOf(57), index: 1 }],
  },
  proposal: null,
  isBound: false,
  contractProposals: [],
  mayPublish: true,
  mayPropose: true,
}

/** A proposal that waits for another site. */
export const WAITING: RosterProposal = {
  version: 2,
  attempt: 0,
  hash: hashOf(58),
  change: {
    kind: 'site-added',
    site: 'chartseal.local/site-2',
    parts: [],
    frozen: [],
    before: null,
    after: null,
  },
  missingKeys: [fingerprint(59)],
  votesMissing: 1,
  isApproved: false,
  mayApprove: true,
}

/** A contract that another site approved. */
export const WAITING_CONTRACT: ContractProposal = {
  ...{ version: 2, hash: hashOf(72), text: '@id("record-access")\npermit (principal, action, resource);\n// again\n' },
  ...{ added: ['new-rule'], removed: [], changed: ['record-access'] },
  ...{ approvedBy: ['chartseal.local/site-2'], votesMissing: 1, isApproved: false, mayApprove: true },
}

/** The next version of either, recorded. */
export function nextRoster(now: Governance, change: ProposedChange): Governance {
  const { roster } = now
  const [version, hash] = [roster.version + 1, hashOf(60 + roster.version)]
  const [site] = roster.sites
  const sites =
    site === undefined || change.kind !== 'mirror-key' ? roster.sites : [{ ...site, mirrorKey: hash.slice(0, 32) }]
  const history = [...roster.history, { version, hash, index: 9 }]
  return { ...now, proposal: null, roster: { ...roster, version, hash, index: 9, sites, history } }
}

export function nextContract(now: Governance, text: string): Governance {
  const { contract } = now
  const [version, hash] = [contract.version + 1, hashOf(70 + contract.version)]
  const history = [...contract.history, { version, hash, index: 8 }]
  return { ...now, contractProposals: [], contract: { ...contract, version, hash, index: 8, text, history } }
}
