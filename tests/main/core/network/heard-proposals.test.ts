import { expect, it } from 'vitest'
import { rosterAt } from '../../../../src/ledger/directory.ts'
import { encodeRoster } from '../../../../src/ledger/roster.ts'
import { addApproval, encodeProposal, type ProposalFile } from '../../../../src/ledger/roster-proposal.ts'
import type { Governance } from '../../../../src/main/core/vault/governance.ts'
import { followingRoster, withGovernanceKey } from '../../../../src/main/core/vault/next-rosters.ts'
import { governanceSignerOf } from '../../../../src/main/core/vault/role-keys.ts'
import { keyPairFromSeed } from '../../../../src/main/keystore/sodium.ts'
import { clinicOf } from '../../../support/consent-world.ts'
import { joinedTo, networkedClinic, until } from '../../../support/two-clinics.ts'
import { insideOf } from '../../../support/inside.ts'

it('lets no member keep out what a site proposes', async () => {
  const a = await networkedClinic()
  const b = await joinedTo(a)
  const { governance } = insideOf<{ governance: Governance }>(a.vault)
  const { identity, replica } = clinicOf(b)
  const inForce = rosterAt(replica.directory, replica.head.size)
  if (inForce === null) throw new Error('a clinic has a roster')
  /** A change of the liar's own entry: as many as it likes. */
  const change = (n: number): ProposalFile => {
    const { publicKey } = keyPairFromSeed(new Uint8Array(32).fill(n))
    const next = withGovernanceKey(followingRoster(inForce), identity.site, publicKey)
    return { network: identity.network, document: encodeRoster(next), approvals: [] }
  }
  const signer = governanceSignerOf(clinicOf(b))
  const approved = (n: number) =>
    encodeProposal(addApproval(change(n), signer.publicKey, (message) => signer.sign(message)))
  const waiting = async () => (await a.vault.governance()).proposal

  await governance.hear(encodeProposal(change(1)))
  expect(await waiting()).toBeNull()
  await governance.hear(approved(1))
  expect((await waiting())?.change).toMatchObject({ kind: 'site-changed', site: identity.site })
  expect(governance.asked()).toBe(1)
  await a.vault.discardProposal()
  for (const n of [1, 2, 3]) await governance.hear(approved(n))
  expect(await waiting()).toBeNull()
  const { proposal } = await a.vault.proposeRoster({ kind: 'policy', policy: 'crash-only' })
  expect(proposal).toMatchObject({ change: { kind: 'policy-changed' }, isApproved: true })
  expect(governance.asked()).toBe(0)
  await governance.hear(approved(4))
  expect((await waiting())?.change.kind).toBe('policy-changed')
}, 120_000)

it('says that the others wait for this site, until it has decided', async () => {
  const a = await networkedClinic()
  const b = await joinedTo(a)
  const asked = () => {
    const told = a.events.findLast((event) => event.kind === 'network')
    return told?.kind === 'network' ? told.network.asked : null
  }
  await b.vault.proposeRoster({ kind: 'policy', policy: 'crash-only' })
  await until('the other clinic is asked', () => asked() === 1)
  await a.vault.approveProposal()
  await until('nothing waits for it any more', () => asked() === 0)
}, 120_000)
