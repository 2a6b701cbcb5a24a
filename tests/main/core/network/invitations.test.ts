import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { Invitations } from '../../../../src/main/core/network/invitations.ts'
import { openNodeSecrets } from '../../../../src/main/core/network/node-secrets.ts'
import { generateSharingKeyPair, sharingPublicKeyOf } from '../../../../src/main/core/epoch-keys.ts'
import { keepNextSharing, settleSharing } from '../../../../src/main/core/vault/sharing-ring.ts'
import type { Clinic } from '../../../../src/main/core/vault/clinic.ts'
import type { RosterSite } from '../../../../src/ledger/roster.ts'
import { checkInvitation, decodeInvitation, oneTimeKeyOf } from '../../../../src/sync/invitation.ts'
import {
  decodeJoinAnswer,
  encodeJoinRequest,
  joinCode,
  type JoinAnswer,
  type JoinRequest,
} from '../../../../src/sync/join.ts'
import { SyncError } from '../../../../src/sync/errors.ts'
import { fromHex } from '../../../../src/shared/bytes.ts'
import { codeOf, forWholeFile, furnish, startVault, temporaryFolder } from '../../../faults/support/clinic.ts'
import { clinicOf } from '../../../support/consent-world.ts'
import { until } from '../../../support/two-clinics.ts'
import { testKey, testSite, verifier, testWitness } from '../../../support/ledger-world.ts'

const DAY_MS = 86_400_000
const { site } = testSite('guest.example/site')
const other = testSite('other.example/site').site
const document = new Uint8Array([1, 2, 3])
const ASK: JoinRequest = { step: 'ask', site }
const APPROVE: JoinRequest = { step: 'approve', site, document, signature: new Uint8Array(64).fill(7) }

let real: Clinic
beforeAll(async () => {
  real = await forWholeFile(async () => {
    const open = await startVault(temporaryFolder())
    await furnish(open)
    return clinicOf(open)
  })
}, 60_000)

/** The invitations of a clinic whose clock and roster a test moves. */
function world() {
  const now = { ms: Date.UTC(2026, 4, 1), sealedMs: 0 }
  const members: RosterSite[] = []
  const asked = {
    admitted: 0,
    changed: 0,
    faults: [] as unknown[],
    isBusy: false,
    dropped: [] as string[],
    named: [] as string[],
  }
  const { directory } = real.replica
  const newest = directory.rosters.at(-1)
  if (newest === undefined) throw new Error('a clinic has a roster')
  const replica = {
    head: real.replica.head,
    get directory() {
      const roster = { ...newest.roster, sites: [...members, ...newest.roster.sites] }
      return { ...directory, rosters: [...directory.rosters.slice(0, -1), { ...newest, roster }] }
    },
  }
  const gate = { dayMs: () => Math.max(now.ms, now.sealedMs) } as Clinic['gate']
  const clinic = { ...real, gate, nowMs: () => now.ms, replica: replica as unknown as Clinic['replica'] }
  const open = () =>
    new Invitations({
      clinic,
      governance: {
        rosterWith: () => (asked.isBusy ? null : document),
        rosterWithNode: () => (asked.isBusy ? null : document),
        rosterWithWitness: () => (asked.isBusy ? null : document),
        admit: async () => {
          asked.admitted += 1
          await Promise.resolve()
        },
        dropGuest: async (name) => {
          asked.dropped.push(name)
          await Promise.resolve()
        },
      },
      named: (id, name) => asked.named.push(`${id} ${name}`),
      changed: () => (asked.changed += 1),
      fault: (error) => asked.faults.push(error),
    })
  const invitations = open()
  const make = async (days = 1, kind: 'site' | 'workstation' = 'site', name: string | null = null) => {
    const { id, text } = await invitations.make(days, ['/ip4/127.0.0.1/tcp/4101'], kind, name)
    const invitation = decodeInvitation(text)
    return { id, invitation, key: oneTimeKeyOf(invitation) }
  }
  const ask = (key: string, request: JoinRequest, at = invitations): JoinAnswer | null => {
    const body = at.answer(fromHex(key), encodeJoinRequest(request))
    return body === null ? null : decodeJoinAnswer(body)
  }
  return { now, members, asked, invitations, open, make, ask }
}

beforeEach(() => {
  real.keystore.secrets.remove('invitations')
})

describe('an invitation', () => {
  it('is signed by the site, and by nobody else', async () => {
    const { invitation } = await world().make()
    const own = real.replica.directory.rosters.at(-1)?.roster.sites[0]?.governanceKey ?? new Uint8Array(32)
    checkInvitation(verifier, invitation, own)
    expect(() => {
      checkInvitation(verifier, invitation, testKey('somebody').publicKey)
    }).toThrow(SyncError)
  })

  it('leads from the question to the vote, and to the documents once the site is in', async () => {
    const { make, ask, members, asked, invitations } = world()
    const { key } = await make()
    expect(ask(key, ASK)).toEqual({ state: 'propose', document })
    expect(invitations.list()).toMatchObject([{ state: 'asked', site: site.id }])
    expect(ask(key, APPROVE)).toEqual({ state: 'waiting' })
    expect(asked.admitted).toBe(1)
    members.push(site)
    expect(ask(key, ASK)).toMatchObject({ state: 'admitted', documents: [{ type: 'roster' }, { type: 'contract' }] })
    expect(invitations.list()).toMatchObject([{ state: 'used', site: site.id }])
    expect(asked.faults).toEqual([])
  })

  it('gives a clinic the name that it was invited under, once it is in and no earlier', async () => {
    const { make, ask, members, asked, invitations } = world()
    const [{ key }, nameless] = [await make(1, 'site', 'Hill Road'), await make()]
    expect(ask(key, ASK)).toEqual({ state: 'propose', document })
    expect(invitations.list().map(({ name }) => name)).toEqual([null, 'Hill Road'])
    expect(asked.named).toEqual([])
    members.push(site)
    for (const one of [key, key, nameless.key]) expect(ask(one, ASK)).toMatchObject({ state: 'admitted' })
    expect(asked.named).toEqual([`${site.id} Hill Road`])
  })

  it('takes the vote for whoever asked along when it is withdrawn', async () => {
    const { make, ask, asked, invitations } = world()
    const [unused, used] = [await make(), await make()]
    await invitations.withdraw(unused.id)
    expect(asked.dropped).toEqual([])
    ask(used.key, ASK)
    ask(used.key, APPROVE)
    await invitations.withdraw(used.id)
    expect(asked.dropped).toEqual([site.id])
    expect(ask(used.key, ASK)).toEqual({ state: 'refused' })
  })

  it('waits while something else is decided, and takes no approval of what was not proposed', async () => {
    const { make, ask, asked } = world()
    const { key } = await make()
    expect(ask(key, APPROVE)).toEqual({ state: 'waiting' })
    asked.isBusy = true
    expect(ask(key, ASK)).toEqual({ state: 'waiting' })
    asked.isBusy = false
    ask(key, ASK)
    expect(ask(key, { ...APPROVE, document: new Uint8Array([9]) })).toEqual({ state: 'waiting' })
    expect(asked.admitted).toBe(0)
    // The same approval twice is one.
    ask(key, APPROVE)
    ask(key, APPROVE)
    expect(asked.admitted).toBe(1)
  })

  it('is for the site that asked first, also after it was used', async () => {
    const { make, ask, members } = world()
    const { key } = await make()
    ask(key, ASK)
    expect(ask(key, { step: 'ask', site: other })).toEqual({ state: 'refused' })
    members.push(site, other)
    expect(ask(key, ASK)).toMatchObject({ state: 'admitted' })
    expect(ask(key, { step: 'ask', site: other })).toEqual({ state: 'refused' })
  })

  it('is for the very keys that were asked with first, whichever of them another brings', async () => {
    const { make, ask, members } = world()
    const { key } = await make()
    const fresh = testSite('another.example/site').site
    expect(ask(key, ASK)).toEqual({ state: 'propose', document })
    const [node] = site.nodes
    const stolen: RosterSite[] = [
      ...(['governanceKey', 'sharingKey', 'recoveryKey', 'mirrorKey'] as const).map((name) => ({
        ...site,
        [name]: fresh[name],
      })),
      ...(['logKey', 'transportKey'] as const).map((name) => ({
        ...site,
        nodes: [{ ...node!, [name]: fresh.nodes[0]![name] }],
      })),
    ]
    for (const one of stolen) {
      expect(ask(key, { step: 'ask', site: one })).toEqual({ state: 'refused' })
      expect(ask(key, { ...APPROVE, site: one })).toEqual({ state: 'refused' })
    }
    expect(ask(key, APPROVE)).toEqual({ state: 'waiting' })
    members.push(site)
    expect(ask(key, ASK)).toMatchObject({ state: 'admitted' })
  })

  it('stays over when the clock is put back after something was sealed', async () => {
    const { make, ask, now, invitations } = world()
    const { key } = await make(1)
    now.sealedMs = now.ms + 2 * DAY_MS
    expect(invitations.list()).toMatchObject([{ state: 'expired' }])
    expect(ask(key, ASK)).toEqual({ state: 'refused' })
    expect(invitations.keys()).toEqual([])
  })

  it('is void when it expired before anybody asked, or was withdrawn', async () => {
    const { make, ask, invitations, now, asked } = world()
    const [late, withdrawn] = [await make(), await make()]
    await invitations.withdraw(withdrawn.id)
    expect(invitations.keys()).toEqual([late.key])
    expect(ask(withdrawn.key, ASK)).toEqual({ state: 'refused' })
    now.ms += DAY_MS + 1
    expect(ask(late.key, ASK)).toEqual({ state: 'refused' })
    expect(invitations.keys()).toEqual([])
    expect(invitations.list().map(({ state }) => state)).toEqual(['withdrawn', 'expired'])
    expect(asked.changed).toBe(3)
    expect(await codeOf(() => invitations.withdraw('nothing'))).toBe('UNKNOWN_INVITATION')
  })

  it('lets in whoever asked in time while others vote, and when the answer was lost', async () => {
    const { make, ask, invitations, now, members } = world()
    const { key } = await make()
    ask(key, ASK)
    now.ms += 3 * DAY_MS
    expect(invitations.keys()).toEqual([key])
    // Nothing new is proposed for it: what was proposed in time may still be decided.
    expect(ask(key, ASK)).toEqual({ state: 'waiting' })
    members.push(site)
    expect(ask(key, ASK)).toMatchObject({ state: 'admitted' })
    expect(invitations.keys()).toEqual([key])
    expect(ask(key, ASK)).toMatchObject({ state: 'admitted' })
    now.ms += 30 * DAY_MS
    expect([invitations.keys(), ask(key, ASK)]).toEqual([[], { state: 'refused' }])
    members.length = 0
    expect(ask(key, ASK)).toEqual({ state: 'refused' })
  })

  it('does not take another site with the same name and other keys for the one that was let in', async () => {
    const { make, ask, members } = world()
    const { key } = await make()
    members.push({ ...site, governanceKey: other.governanceKey })
    expect(ask(key, ASK)).toMatchObject({ state: 'propose' })
  })

  it('survives a restart', async () => {
    const { make, ask, open } = world()
    const { key } = await make()
    ask(key, ASK)
    await new Promise((done) => setImmediate(done))
    const again = open()
    expect(again.list()).toMatchObject([{ state: 'asked', site: site.id }])
    expect(ask(key, { step: 'ask', site: other }, again)).toEqual({ state: 'refused' })
  })
})

describe('an invitation of a workstation', () => {
  const [node] = other.nodes
  if (node === undefined) throw new Error('a site has a node')
  const ASK_NODE: JoinRequest = { step: 'node', node, agreementKey: other.sharingKey }
  const codeOfRequest = (request: JoinRequest = ASK_NODE) => joinCode(real.identity.network, encodeJoinRequest(request))

  /** The node stands in the roster, under the own site. */
  function list({ members }: ReturnType<typeof world>): void {
    const own = real.replica.directory.rosters.at(-1)?.roster.sites[0]
    if (own === undefined || node === undefined) throw new Error('a clinic has a site')
    members.unshift({ ...own, nodes: [...own.nodes, node] })
  }

  it('leads to nothing before somebody typed the code of that very request', async () => {
    const { make, ask, asked, invitations } = world()
    const { id, key, invitation } = await make(1, 'workstation')
    expect(invitation.kind).toBe('workstation')
    expect(await codeOf(() => invitations.letIn(id, codeOfRequest()))).toBe('UNKNOWN_INVITATION')
    expect([ask(key, ASK_NODE), ask(key, ASK_NODE)]).toEqual([{ state: 'waiting' }, { state: 'waiting' }])
    expect([asked.admitted, invitations.list()[0]]).toMatchObject([0, { state: 'asked', isLetIn: false }])
    const stranger = codeOfRequest({ ...ASK_NODE, agreementKey: site.sharingKey })
    for (const wrong of [stranger, '', '----', codeOfRequest().slice(0, -1)])
      expect(await codeOf(() => invitations.letIn(id, wrong))).toBe('WRONG_JOIN_CODE')
    ask(key, ASK_NODE)
    expect(asked.admitted).toBe(0)
    // As people read it out and type it.
    await invitations.letIn(id, codeOfRequest().toLowerCase().replaceAll('-', ' '))
    expect(ask(key, ASK_NODE)).toEqual({ state: 'waiting' })
    expect(asked.admitted).toBe(1)
  })

  it('is for the machine that asked first, and for nothing else', async () => {
    const { make, ask, invitations } = world()
    const { id, key } = await make(1, 'workstation')
    expect(ask(key, ASK)).toEqual({ state: 'refused' })
    ask(key, ASK_NODE)
    expect(ask(key, { ...ASK_NODE, agreementKey: site.sharingKey })).toEqual({ state: 'refused' })
    await invitations.letIn(id, codeOfRequest())
    expect(ask(key, { ...ASK_NODE, node: { ...node, log: 'other.example/site/node-9' } })).toEqual({ state: 'refused' })
    const { key: ofSite } = await make(1, 'site')
    expect(ask(ofSite, ASK_NODE)).toEqual({ state: 'refused' })
  })

  it('gives the listed node what it may read, sealed to its request, and nobody the governance key', async () => {
    const at = world()
    const { id, key } = await at.make(1, 'workstation')
    const agreement = await generateSharingKeyPair()
    const request: JoinRequest = { ...ASK_NODE, agreementKey: agreement.publicKey }
    at.ask(key, request)
    // A machine that somebody listed otherwise is given nothing either, before it is let in.
    list(at)
    expect(at.ask(key, request)).toEqual({ state: 'waiting' })
    await at.invitations.letIn(id, codeOfRequest(request))
    let answer = at.ask(key, request)
    await until('it is sealed', () => (answer = at.ask(key, request))?.state === 'admitted')
    if (answer?.state !== 'admitted' || answer.secrets === null) throw new Error('it has secrets')
    const { secrets } = answer
    const to = { network: real.identity.network, site: real.identity.site, log: node.log }
    const opened = await openNodeSecrets(secrets, agreement.privateKey, to)
    expect(opened).toMatchObject({ clinic: real.identity.clinic, demo: false })
    expect([...opened.secrets.keys()].toSorted()).toEqual(['dedupe-key', 'pin-pepper', 'sharing-private', 'tray-key'])
    expect(at.invitations.list()).toMatchObject([{ state: 'used' }])
    for (const wrong of [
      { ...to, log: 'x' },
      { ...to, site: 'x' },
      { ...to, network: new Uint8Array(32) },
    ])
      expect(await codeOf(() => openNodeSecrets(secrets, agreement.privateKey, wrong))).toBe('BAD_INVITATION')
    expect(at.asked.faults).toEqual([])
  })

  it('gives the listed node the sharing key in force, also when that changed before it fetched what was sealed', async () => {
    const at = world()
    const { id, key } = await at.make(1, 'workstation')
    const agreement = await generateSharingKeyPair()
    const request: JoinRequest = { ...ASK_NODE, agreementKey: agreement.publicKey }
    at.ask(key, request)
    await at.invitations.letIn(id, codeOfRequest(request))
    list(at)
    const to = { network: real.identity.network, site: real.identity.site, log: node.log }
    const given = async (): Promise<Uint8Array> => {
      let answer = at.ask(key, request)
      await until('it is sealed', () => (answer = at.ask(key, request))?.state === 'admitted')
      if (answer?.state !== 'admitted' || answer.secrets === null) throw new Error('it has secrets')
      const { secrets } = await openNodeSecrets(answer.secrets, agreement.privateKey, to)
      return sharingPublicKeyOf(secrets.get('sharing-private') ?? new Uint8Array())
    }
    const { secrets } = real.keystore
    const before = await given()
    try {
      const next = await keepNextSharing(secrets, [before])
      await settleSharing(secrets, next)
      real.ring.reload(secrets)
      expect(await given()).toEqual(next)
    } finally {
      await settleSharing(secrets, before)
      real.ring.reload(secrets)
    }
  })

  it('lets a witness in under its code, and gives it rosters and no secret', async () => {
    const { make, ask, asked, invitations, members } = world()
    const { id, key } = await make(1, 'workstation')
    const { listed } = testWitness('other.example/site/w1')
    const request: JoinRequest = { step: 'witness', witness: listed }
    expect(ask(key, request)).toEqual({ state: 'waiting' })
    expect(invitations.list()).toMatchObject([{ kind: 'witness', state: 'asked', site: listed.name }])
    expect(ask(key, ASK_NODE)).toEqual({ state: 'refused' })
    expect(ask(key, { step: 'witness', witness: testWitness(listed.name + 'x').listed })).toEqual({ state: 'refused' })
    expect([ask(key, request), asked.admitted]).toEqual([{ state: 'waiting' }, 0])
    await invitations.letIn(id, codeOfRequest(request))
    expect([ask(key, request), asked.admitted]).toEqual([{ state: 'waiting' }, 1])
    const own = real.replica.directory.rosters.at(-1)?.roster.sites[0]
    if (own === undefined) throw new Error('a clinic has a site')
    members.unshift({ ...own, witnesses: [{ ...listed, witnessKey: site.mirrorKey }] })
    expect(ask(key, request)).toEqual({ state: 'waiting' })
    members[0] = { ...own, witnesses: [listed] }
    expect(ask(key, request)).toMatchObject({ state: 'admitted', documents: [{ type: 'roster' }], secrets: null })
    expect(invitations.list()).toMatchObject([{ kind: 'witness', state: 'used' }])
  })

  it('remembers over a restart whom it let in', async () => {
    const { make, ask, open, invitations, asked } = world()
    const { id, key } = await make(1, 'workstation')
    ask(key, ASK_NODE)
    await invitations.letIn(id, codeOfRequest())
    const again = open()
    expect(again.list()).toMatchObject([{ kind: 'workstation', state: 'asked', isLetIn: true, site: node.log }])
    ask(key, ASK_NODE, again)
    expect(asked.admitted).toBe(1)
  })
})

it('keeps no more open than anybody can oversee', async () => {
  const { invitations, make } = world()
  for (let n = 0; n < 16; n++) await make()
  expect(await codeOf(() => make())).toBe('INVALID_REQUEST')
  expect(invitations.keys()).toHaveLength(16)
})

it('answers nobody whose key is of no invitation, and refuses what is no request', async () => {
  const { invitations, make, ask } = world()
  const { key } = await make()
  expect(ask('00'.repeat(32), ASK)).toBeNull()
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (body) => {
      const answer = invitations.answer(fromHex(key), body)
      expect(answer === null ? null : decodeJoinAnswer(answer)).toEqual({ state: 'refused' })
    }),
  )
  expect(invitations.list()).toMatchObject([{ state: 'open' }])
})
