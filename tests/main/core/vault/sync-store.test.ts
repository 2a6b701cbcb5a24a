import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { signCheckpoint } from '../../../../src/ledger/checkpoint.ts'
import { mirrorNameOf } from '../../../../src/ledger/roster.ts'
import { LedgerError } from '../../../../src/ledger/errors.ts'
import { NetworkLogs } from '../../../../src/main/core/vault/network-logs.ts'
import { SECRETS, signerOf } from '../../../../src/main/core/vault/genesis.ts'
import type { Clinic } from '../../../../src/main/core/vault/clinic.ts'
import { type SyncEvents, VaultSyncStore } from '../../../../src/main/core/vault/sync-store.ts'
import type { Store } from '../../../../src/main/store/store.ts'
import { forWholeFile } from '../../../faults/support/clinic.ts'
import { testKey } from '../../../support/ledger-world.ts'
import { partsOf, type SharedRecords, type SharingSite, sharedRecords } from '../../../support/shared-records.ts'
import { until } from '../../../support/two-clinics.ts'

let sites: SharedRecords
beforeAll(async () => {
  sites = await forWholeFile(sharedRecords)
}, 90_000)

/** The store of a site as its sessions have it, and what it told. */
function storeOf(site: SharingSite, decided = Infinity) {
  const parts = partsOf(site)
  const told: unknown[][] = []
  const tell =
    (what: keyof SyncEvents) =>
    (...about: unknown[]) => {
      told.push([what, ...about])
    }
  const events: SyncEvents = {
    ...{ adopt: tell('adopt'), proposal: tell('proposal'), ahead: tell('ahead'), cloned: tell('cloned') },
    ...{
      signed: () => undefined,
      seenTwice: tell('seenTwice'),
      grown: tell('grown'),
      join: () => null,
      people: () => null,
      proposals: () => [],
      decided: () => decided,
    },
  }
  return { ...parts, told, store: new VaultSyncStore({ ...parts, instance: new Uint8Array(16), events }) }
}

const codeOf = (run: () => unknown): unknown => {
  try {
    run()
    return null
  } catch (error) {
    return error instanceof LedgerError ? error.code : error
  }
}

/** A checkpoint that the log of a site signs over anything. */
function signed(site: SharingSite, size: number, root = new Uint8Array(32).fill(7)): string {
  const { keystore, identity } = partsOf(site).clinic
  const log = signerOf('log', keystore.secrets.get(SECRETS.log) ?? new Uint8Array())
  const { origin, logKey } = identity
  return signCheckpoint({ origin, size, root }, { name: origin, publicKey: logKey }, (message) => log.sign(message))
}

const anyNote = () =>
  fc.oneof(
    fc.string(),
    fc.constant(signed(sites.b, 5)).map((note) => note.slice(0, -4)),
    fc.constant('x/y/1\n1\n\n'),
  )

it('a log is as fresh as the newest vote of another site, and what this site cosigned says nothing', async () => {
  await until('their vote is here', () => partsOf(sites.a).logs.newestVoteMs(sites.b.origin) > 0, 10_000)
  const { clinic, logs } = partsOf(sites.a)
  const votedMs = logs.newestVoteMs(sites.b.origin)
  expect(Math.abs(Date.now() - votedMs)).toBeLessThan(600_000)
  const own = mirrorNameOf(sites.a.site)
  const onlyOwn: Store['cosignaturesAt'] = (...where) =>
    clinic.store.cosignaturesAt(...where).filter(({ name }) => name === own)
  expect(onlyOwn(sites.b.origin, logs.mirror(sites.b.origin)?.head.size ?? 0)).toHaveLength(1)
  const store = new Proxy(clinic.store, {
    get: (held, name: keyof Store) => (name === 'cosignaturesAt' ? onlyOwn : held[name].bind(held)),
  })
  const alone = new NetworkLogs({ ...clinic, store })
  for (const log of alone.mirrored) log.prepare(100_000)
  expect(alone.newestVoteMs(sites.b.origin)).toBe(0)
  expect(logs.newestVoteMs('x.example/y/1')).toBe(0)
})

describe('heads', () => {
  it('that no log of the network signed are none', () => {
    const { store } = storeOf(sites.a)
    fc.assert(
      fc.property(anyNote(), (note) => {
        expect(() => store.checkHead(note)).toThrow(LedgerError)
      }),
    )
    const other = testKey('somebody')
    const note = signCheckpoint(
      { origin: sites.b.origin, size: 9, root: new Uint8Array(32) },
      { name: sites.b.origin, publicKey: other.publicKey },
      (message) => other.sign(message),
    )
    expect(codeOf(() => store.checkHead(note))).not.toBeNull()
  })

  it('of a branch change nothing, and leave a proof that convicts the log', () => {
    const { store, clinic, told } = storeOf(sites.a)
    const before = store.standing(sites.b.origin)
    const { stored } = before ?? { stored: 0 }
    const head = store.checkHead(signed(sites.b, stored + 3))
    const mirror = clinic.store.mirror(sites.b.origin)
    expect(store.offerHead(head, stored, [])).toEqual({ status: 422 })
    expect(clinic.store.mirror(sites.b.origin)).toEqual(mirror)
    expect(store.evidence()).toEqual([])
    expect(told).toEqual([])
  })

  it('of the own log, or of nobody, are never offered', () => {
    const { store } = storeOf(sites.a)
    const head = store.checkHead(signed(sites.a, 1))
    expect(store.offerHead(head, 0, [])).toEqual({ status: 404 })
    expect(
      codeOf(() => {
        store.storePackage(sites.a.origin, { index: 0, entries: [], proof: [] })
      }),
    ).toBe('WRONG_LOG')
    expect([store.standing('x.example/y/1'), store.advance('x.example/y/1')]).toEqual([null, 'incomplete'])
  })
})

describe('what another site says of the own log', () => {
  it('is asked of every node until it has answered', () => {
    const { store } = storeOf(sites.a)
    const other = { kind: 'node', site: 'third.example/site', log: 'third.example/site/n1' } as const
    expect(store.monitorQuestions(sites.b.peer)).toEqual([sites.a.origin])
    store.monitored(sites.b.peer, sites.a.origin, null)
    expect(store.monitorQuestions(sites.b.peer)).toEqual([])
    expect(store.monitorQuestions(other)).toEqual([sites.a.origin])
    expect(store.monitorQuestions({ kind: 'guest', transportKey: new Uint8Array(32) })).toEqual([])
  })

  it('ends the log when it signed more than is here', () => {
    const { store, told, clinic } = storeOf(sites.a)
    const note = signed(sites.a, clinic.replica.live.head.size + 1)
    store.monitored(sites.b.peer, sites.a.origin, note)
    expect(told).toEqual([['ahead', note]])
  })

  it('ends it as well when a witness saw more, which is asked as every node is', () => {
    const { store, told, clinic } = storeOf(sites.a)
    const witness = { kind: 'witness', site: sites.b.site, log: `${sites.b.site}/w1` } as const
    expect(store.monitorQuestions(witness)).toEqual([sites.a.origin])
    const note = signed(sites.a, clinic.replica.live.head.size + 1)
    store.monitored(witness, sites.a.origin, note)
    expect([told, store.monitorQuestions(witness)]).toEqual([[['ahead', note]], []])
  })

  it('says nothing when it is about another log, however long', () => {
    const { store, told } = storeOf(sites.a)
    const note = signed(sites.b, 1_000_000)
    expect(
      codeOf(() => {
        store.monitored(sites.b.peer, sites.a.origin, note)
      }),
    ).toBe('WRONG_ORIGIN')
    expect(
      codeOf(() => {
        store.monitored(sites.b.peer, sites.b.origin, note)
      }),
    ).toBeNull()
    expect(told).toEqual([])
  })

  it('says nothing when nobody signed it', () => {
    const { store, told } = storeOf(sites.a)
    fc.assert(
      fc.property(anyNote(), (note) => {
        expect(() => {
          store.monitored(sites.b.peer, sites.a.origin, note)
        }).toThrow(LedgerError)
      }),
    )
    expect(told).toEqual([])
  })
})

describe('what others are shown', () => {
  it('of the own log is what it is decided about who may have it', () => {
    const { clinic } = partsOf(sites.a)
    const { size } = clinic.replica.live.head
    const sizeAt = (decided: number) => storeOf(sites.a, decided).store.standing(sites.a.origin)?.pending
    expect([sizeAt(size), sizeAt(size - 1), sizeAt(Infinity)]).toEqual([size, size - 1, size])
    const { store } = storeOf(sites.a, size - 1)
    expect([store.note(sites.a.origin, size), store.entryPackage(sites.a.origin, size, 0)]).toEqual([null, null])
    expect(store.consistency(sites.a.origin, 1, size)).toBeNull()
  })

  it('of a range that is not held is nothing', () => {
    const { store } = storeOf(sites.a)
    for (const origin of [sites.a.origin, sites.b.origin]) {
      expect(store.entryPackage(origin, 1e9, 0)).toBeNull()
      expect(store.consistency(origin, 5, 1e9)).toBeNull()
      expect(store.consistency(origin, 3, 2)).toBeNull()
    }
    expect(store.payloadsFor(sites.b.peer, 'x.example/y/1', 0, 10)).toBeNull()
  })
})

describe('governed documents', () => {
  it('that are none are refused, and nothing is told', () => {
    const { store, told } = storeOf(sites.a)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, isRoster) => {
        const [rosters, contracts] = isRoster ? [[bytes], []] : [[], [bytes]]
        expect(() => store.addGovernance({ rosters, contracts, proposals: [] })).toThrow(LedgerError)
      }),
    )
    expect(told).toEqual([])
  })

  it('that are in force already are not new', () => {
    const { store, told } = storeOf(sites.a)
    const { documents } = store.governanceAfter(0, 0)
    expect(documents.map(({ type, version }) => `${type} ${version}`)).toEqual(['roster 1', 'contract 1', 'roster 2'])
    expect(store.governanceAfter(1, 1).documents).toEqual(documents.slice(2))
    const of = (kind: string) => documents.flatMap(({ type, fields }) => (type === kind ? [fields] : []))
    const [rosters, contracts] = [of('roster'), of('contract')]
    expect(store.addGovernance({ rosters, contracts, proposals: [] })).toBe(false)
    expect(told).toEqual([])
  })
})

it('a fork proof of nobody convicts nobody', () => {
  const { store } = storeOf(sites.a)
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(() => store.addEvidence(text)).toThrow(LedgerError)
    }),
  )
})

it('a head that somebody cites is unknown, and nobody is blamed, while the log that has it is damaged here', () => {
  const { clinic } = partsOf(sites.a)
  const { size } = clinic.replica.live.head
  const isDamaged = { now: false }
  const store = new Proxy(clinic.store, {
    get: (held, name: keyof Store) =>
      name === 'tile' && isDamaged.now ? () => new Uint8Array(8192) : held[name].bind(held),
  })
  const logs = new NetworkLogs({ ...clinic, store } satisfies Clinic)
  const theirs = logs.mirror(sites.b.origin)
  theirs?.prepare(100_000)
  const root = theirs?.trusted.tree.rootAt(2) ?? new Uint8Array()
  const cited = { origin: sites.b.origin, size: 2, root, note: '' }
  expect([logs.knows(cited), logs.knows({ ...cited, root: new Uint8Array(32) })]).toEqual([true, false])
  expect(logs.knows({ ...cited, origin: sites.a.origin, size: size + 5 })).toBe(false)
  isDamaged.now = true
  const blind = new NetworkLogs({ ...clinic, store } satisfies Clinic)
  expect(blind.knows(cited)).toBe(false)
})
