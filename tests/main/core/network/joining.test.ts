import { join } from 'node:path'
import fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { encodeCbor } from '../../../../src/ledger/cbor.ts'
import { encodeContractFields, encodeRosterFields } from '../../../../src/ledger/fields.ts'
import { rosterMessage } from '../../../../src/ledger/governance.ts'
import type { RosterSite } from '../../../../src/ledger/roster.ts'
import { encodeInvitation } from '../../../../src/sync/invitation.ts'
import type { RecordedDocument } from '../../../../src/sync/join.ts'
import { guestSite, makeGuestKeys, openInvitation, writeJoined } from '../../../../src/main/core/network/joining.ts'
import { readJoining } from '../../../../src/main/core/network/joining-state.ts'
import type { Clinic } from '../../../../src/main/core/vault/clinic.ts'
import { SECRETS, signerOf } from '../../../../src/main/core/vault/genesis.ts'
import type { Governance } from '../../../../src/main/core/vault/governance.ts'
import { governanceSignerOf } from '../../../../src/main/core/vault/role-keys.ts'
import { createKeystore } from '../../../../src/main/keystore/keystore.ts'
import { openStore } from '../../../../src/main/store/open.ts'
import { ApiFailure } from '../../../../src/main/core/failure.ts'
import {
  codeOf,
  furnish,
  NODE_SECRET,
  type OpenVault,
  PIN,
  startVault,
  temporaryFolder,
} from '../../../faults/support/clinic.ts'
import { clinicOf } from '../../../support/consent-world.ts'
import { testKey, testSite } from '../../../support/ledger-world.ts'
import { insideOf } from '../../../support/inside.ts'

const random = (size: number) => crypto.getRandomValues(new Uint8Array(size))

/** A clinic that invites. */
interface Host {
  readonly open: OpenVault
  readonly clinic: Clinic
  readonly governance: Governance
}

async function hosting(): Promise<Host> {
  const open = await startVault(temporaryFolder())
  const staff = await furnish(open)
  await open.vault.signIn(staff.it, PIN)
  const { governance } = insideOf<{ governance: Governance }>(open.vault)
  return { open, clinic: clinicOf(open), governance }
}

// Each takes in one site: after that, two would have to vote.
let host: Host
beforeEach(async () => {
  host = await hosting()
}, 60_000)

function invitationOf({ clinic }: Host, sign = (message: Uint8Array) => governanceSignerOf(clinic).sign(message)) {
  const { network, site, log } = clinic.identity
  const invitation = {
    ...({ kind: 'site', network, site, log, transportKey: testKey('transport').publicKey } as const),
    ...{ addresses: ['/ip4/127.0.0.1/tcp/4101'], seed: random(32), expiresS: Math.floor(Date.now() / 1000) + 3600 },
  }
  return encodeInvitation(invitation, sign)
}

/** In the order of the host's log. */
function documentsOf({ clinic }: Host): RecordedDocument[] {
  const { rosters, contracts } = clinic.replica.directory
  return [
    ...rosters.map(({ from, signed }) => ({ from, type: 'roster' as const, fields: encodeRosterFields(signed) })),
    ...contracts.map(({ from, published }) => {
      return { from, type: 'contract' as const, fields: encodeContractFields(published) }
    }),
  ]
    .toSorted((x, y) => x.from - y.from)
    .map(({ type, fields }) => ({ type, fields: encodeCbor(fields) }))
}

/** A guest with keys, before anything was written. */
async function guest(invitation: string) {
  const folder = temporaryFolder()
  const unlock = { kind: 'system', nodeSecret: NODE_SECRET } as const
  const keystore = await createKeystore(join(folder, 'keystore'), unlock, { scryptLogN: 10 })
  await makeGuestKeys(keystore, { clinicName: 'Hill', administrator: null, invitation }, random)
  const state = readJoining(keystore)
  const site = guestSite(keystore, state)
  let stores = 0
  const write = async (documents: readonly RecordedDocument[], as: RosterSite = site) => {
    const store = openStore(join(folder, `${stores++}.db`), { mode: 'create' })
    try {
      const identity = await writeJoined({ keystore, store, state, site: as }, documents, { random, nowMs: Date.now() })
      return { identity, checkpoint: store.newestCheckpoint(identity.origin), log: store.logs() }
    } finally {
      store.close()
    }
  }
  return { keystore, site, write, state }
}

/** Takes a guest into the host's network. */
async function takeIn({ clinic, governance }: Host, { keystore, site }: Awaited<ReturnType<typeof guest>>) {
  const document = governance.rosterWith(site)
  if (document === null) throw new Error('nothing else is decided')
  const signer = signerOf('governance', keystore.secrets.get(SECRETS.governance) ?? new Uint8Array())
  const signature = signer.sign(rosterMessage(clinic.identity.network, document))
  await governance.admit(document, { publicKey: site.governanceKey, signature })
}

const detailOf = async (run: () => Promise<unknown>): Promise<unknown> => {
  try {
    await run()
    return null
  } catch (error) {
    return error instanceof ApiFailure ? [error.code, error.detail] : error
  }
}

describe('a guest', () => {
  it('writes its first block once it is in, and the same again when a crash came before the folder was moved', async () => {
    const one = await guest(invitationOf(host))
    await takeIn(host, one)
    const documents = documentsOf(host)
    const first = await one.write(documents)
    expect(first.identity).toMatchObject({ site: one.site.id, clinic: 'Hill', network: host.clinic.identity.network })
    expect(first.checkpoint?.block).toBe(0)
    const mark = one.keystore.highWater.read()
    expect(mark).toMatchObject({ note: first.checkpoint?.note })
    const again = await one.write(documents)
    expect(again.identity.origin).toBe(first.identity.origin)
    expect(one.keystore.highWater.read()).toMatchObject({ note: again.checkpoint?.note })
    one.keystore.close()
  })

  it('believes no rosters that do not list it, or list it with other keys', async () => {
    const one = await guest(invitationOf(host))
    expect(await detailOf(() => one.write(documentsOf(host)))).toEqual(['BAD_INVITATION', 'roster'])
    await takeIn(host, one)
    const others = testSite('x').site
    for (const key of ['governanceKey', 'sharingKey', 'recoveryKey', 'mirrorKey'] as const) {
      const bent = { ...one.site, [key]: others[key] }
      expect(await detailOf(() => one.write(documentsOf(host), bent))).toEqual(['BAD_INVITATION', 'roster'])
    }
    expect(one.keystore.highWater.read()).not.toMatchObject({ size: expect.any(Number) as number })
    one.keystore.close()
  })

  it('believes no other network than the one that it was invited to', async () => {
    const stranger = await hosting()
    const one = await guest(invitationOf(host))
    await takeIn(stranger, one)
    expect(await codeOf(() => one.write(documentsOf(stranger)))).toBe('BAD_INVITATION')
    const mixed = [...documentsOf(host).slice(0, 1), ...documentsOf(stranger).slice(1)]
    expect(await codeOf(() => one.write(mixed))).toBe('BAD_INVITATION')
    one.keystore.close()
  })

  it('believes no invitation that no listed site signed', async () => {
    const one = await guest(invitationOf(host, (message) => testKey('somebody').sign(message)))
    await takeIn(host, one)
    expect(await detailOf(() => one.write(documentsOf(host)))).toEqual(['BAD_INVITATION', 'signature'])
    one.keystore.close()
  })

  it('believes no contract that the sites did not approve, in the order in which they did', async () => {
    const one = await guest(invitationOf(host))
    await takeIn(host, one)
    const [founding, first, second] = documentsOf(host)
    const [published] = host.clinic.replica.directory.contracts.map((contract) => contract.published)
    if (founding === undefined || first === undefined || second === undefined || published === undefined)
      throw new Error('a network of two has two rosters and a contract')
    const bent = { ...published, document: new TextEncoder().encode('permit (principal, action, resource);') }
    const forged: RecordedDocument = { type: 'contract', fields: encodeCbor(encodeContractFields(bent)) }
    for (const [documents, why] of [
      [[founding, forged, second], 'SIGNATURE_INVALID'],
      [[founding, second, first], 'QUORUM_MISSING'],
      [[first, founding, second], 'NO_ROSTER'],
      [[founding, first, first, second], 'CONTRACT_NOT_NEXT'],
    ] as const)
      expect(await detailOf(() => one.write(documents))).toEqual(['BAD_INVITATION', why])
    one.keystore.close()
  })

  it('writes nothing for documents that are none, or come without a contract', async () => {
    const one = await guest(invitationOf(host))
    await takeIn(host, one)
    const good = documentsOf(host)
    const types = fc.constantFrom('roster' as const, 'contract' as const)
    const hostile = fc.oneof(
      fc.array(fc.record({ type: types, fields: fc.uint8Array({ maxLength: 60 }) }), { maxLength: 3 }),
      fc.array(fc.record({ type: types, fields: fc.constantFrom(...good.map(({ fields }) => fields)) }), {
        maxLength: 3,
      }),
      fc.constant(good.filter(({ type }) => type === 'roster')),
      fc.constant(good.toReversed().filter(({ type }) => type === 'roster')),
      fc.constant([{ type: 'roster' as const, fields: encodeCbor([1, 'x']) }]),
    )
    await fc.assert(
      fc.asyncProperty(hostile, async (documents) => {
        expect(await codeOf(() => one.write(documents))).toBe('BAD_INVITATION')
      }),
      { numRuns: 25 },
    )
    one.keystore.close()
  })

  it('opens no text that is no invitation, or one that is over', () => {
    const text = invitationOf(host)
    expect(openInvitation(text, Date.now()).site).toBe(host.clinic.identity.site)
    expect(() => openInvitation(text, Date.now() + 2 * 3_600_000)).toThrow(ApiFailure)
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.nat(text.length - 1).map((at) => text.slice(0, at)),
        ),
        (bent) => {
          expect(() => openInvitation(bent, Date.now())).toThrow(ApiFailure)
        },
      ),
    )
  })
})
