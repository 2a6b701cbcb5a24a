import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { decodeEntry } from '../../../../src/ledger/entry.ts'
import type { SealedKeyRow } from '../../../../src/sync/messages.ts'
import type { PayloadsOut, PeerIdentity } from '../../../../src/sync/ports.ts'
import { openClassKeys, sealClassKeys } from '../../../../src/main/core/class-keys.ts'
import { FOREIGN_FROM, UNSHARED } from '../../../../src/main/core/vault/subject-keys.ts'
import { equalBytes, fromHex, toHex } from '../../../../src/shared/bytes.ts'
import { forWholeFile, PIN } from '../../../faults/support/clinic.ts'
import { takenBack, weigh, weightsIn } from '../../../support/consent-world.ts'
import { partsOf, type SharedRecords, sharedRecords } from '../../../support/shared-records.ts'
import { until } from '../../../support/two-clinics.ts'

let world: SharedRecords
beforeAll(async () => {
  world = await forWholeFile(sharedRecords)
}, 90_000)

const all = (size: number) => [0, size] as const

/** Whose payloads and keys these are, as handles. */
function subjectsOf(out: PayloadsOut | null, bytesAt: (index: number) => Uint8Array | null) {
  const handles = (out?.rows ?? []).map(({ index }) => {
    const subject = decodeEntry(bytesAt(index) ?? new Uint8Array()).body.subject
    return subject === null ? '' : toHex(subject)
  })
  return { payloads: [...new Set(handles)], keys: [...new Set((out?.keys ?? []).map(({ subject }) => toHex(subject)))] }
}

/** What node `a` sends of its own log. */
async function sentTo(peer: PeerIdentity, setUp?: (parts: ReturnType<typeof partsOf>) => Promise<void>) {
  const parts = partsOf(world.a)
  await parts.disclosures.load()
  await setUp?.(parts)
  const { store, replica } = parts.clinic
  const out = parts.disclosures.for(peer, world.a.origin, ...all(replica.head.size))
  return { out, ...subjectsOf(out, (index) => store.entry(world.a.origin, index)) }
}

describe('what of the own log is sent', () => {
  it('is everything to nodes of the own site, with the keys for it', async () => {
    const { payloads, keys, out } = await sentTo({ kind: 'node', site: world.a.site, log: 'another' })
    expect(payloads).toEqual(expect.arrayContaining([world.shared.handle, world.kept.handle]))
    expect(keys.toSorted()).toEqual(payloads.toSorted())
    const recovery = toHex(partsOf(world.a).clinic.identity.recoveryKey)
    const recipients = new Set(out?.keys.map(({ recipient }) => toHex(recipient)))
    expect(recipients).toEqual(new Set([toHex(world.a.pair.publicKey), recovery]))
  })

  it('is what a patient consents to, to the sites that they name, with keys sealed to those', async () => {
    const { payloads, keys, out } = await sentTo(world.b.peer)
    expect([payloads, keys]).toEqual([[world.shared.handle], [world.shared.handle]])
    expect(out?.keys.every(({ recipient }) => toHex(recipient) === toHex(world.b.pair.publicKey))).toBe(true)
  })

  it('is nothing to a witness, also to one of the own site', async () => {
    expect((await sentTo({ kind: 'witness', site: world.a.site, log: 'w1' })).out).toBeNull()
  })

  it('is nothing to a site that no roster lists, or to a guest', async () => {
    expect((await sentTo({ kind: 'node', site: 'elsewhere.example/site', log: 'x' })).out).toBeNull()
    expect((await sentTo({ kind: 'guest', transportKey: new Uint8Array(32) })).out).toBeNull()
  })

  it('is ciphertext of everything to a custodian, and what opens it sealed to the owner alone', async () => {
    const custody = ({ disclosures }: ReturnType<typeof partsOf>) => disclosures.setCustodians([world.b.site])
    const { payloads, keys, out } = await sentTo(world.b.peer, custody)
    await partsOf(world.a).disclosures.setCustodians([])
    expect(payloads).toEqual(expect.arrayContaining([world.shared.handle, world.kept.handle]))
    expect(keys.toSorted()).toEqual(payloads.toSorted())
    const owner = [world.a.pair.publicKey, partsOf(world.a).clinic.identity.recoveryKey].map(toHex)
    const theirs = (out?.keys ?? []).filter(({ recipient }) => !owner.includes(toHex(recipient)))
    expect([...new Set(theirs.map(({ subject }) => toHex(subject)))]).toEqual([world.shared.handle])
  })

  it('is nothing before it was worked out who may', () => {
    const { disclosures, clinic } = partsOf(world.a)
    expect(disclosures.for(world.b.peer, world.a.origin, ...all(clinic.replica.head.size))).toBeNull()
  })

  it('is nothing new once a consent was taken back', async () => {
    const { world: open } = world.a
    const before = partsOf(world.a).clinic.replica.head.size
    await open.vault.signIn(open.team.nurse, PIN)
    await takenBack(open, world.shared, world.consentId)
    await weigh(open, world.shared, '70.9')
    const { out } = await sentTo(world.b.peer)
    const { store } = partsOf(world.a).clinic
    const late = (out?.rows ?? []).filter(({ index }) => index >= before)
    const types = late.map(({ index }) => decodeEntry(store.entry(world.a.origin, index) ?? new Uint8Array()).body.type)
    expect(types).not.toContain('reading')
  })
})

describe('what another site sends', () => {
  /** The key by which `b` reads the shared patient, as it is stored. */
  const held = (): SealedKeyRow => {
    const subject = fromHex(world.shared.handle)
    const rows = partsOf(world.b).clinic.store.epochKeys(subject)
    const row = rows.find(({ recipient }) => toHex(recipient) === toHex(world.b.pair.publicKey))
    if (row === undefined) throw new Error('the key was handed over')
    return { subject, ...row }
  }
  const bundle = new Map([['vital-signs', new Uint8Array(32).fill(9)]] as const)
  const sealedBy = async (sender: SharedRecords['a'] | SharedRecords['b'], row: Omit<SealedKeyRow, 'sealed'>) => {
    const { subject, epoch, recipient } = row
    return { ...row, sealed: await sealClassKeys(bundle, recipient, { subject, epoch, sender: sender.pair }) }
  }

  it('is kept only where a proven entry binds it', () => {
    const { disclosures, clinic } = partsOf(world.b)
    const rowsBefore = clinic.store.payloadPlaces(world.a.origin, 0, 1000)
    const hostile = fc.record({
      index: fc.nat(2000),
      ciphertext: fc.uint8Array({ minLength: 1, maxLength: 300 }),
      wrappedKey: fc.uint8Array({ maxLength: 80 }),
      salt: fc.uint8Array({ maxLength: 80 }),
    })
    fc.assert(
      fc.property(
        fc.array(hostile, { minLength: 1, maxLength: 4 }),
        fc.constantFrom(world.a.origin, 'x/y/1'),
        (rows, origin) => {
          expect(disclosures.store(origin, rows, [])).toBe(false)
        },
      ),
      { numRuns: 40 },
    )
    expect(clinic.store.payloadPlaces(world.a.origin, 0, 1000)).toEqual(rowsBefore)
  })

  it('never takes the place of a payload that is here', () => {
    const { disclosures, clinic } = partsOf(world.b)
    const [place] = clinic.store.payloadPlaces(world.a.origin, 0, 1000)
    const stored = clinic.store.payload(world.a.origin, place ?? -1)
    if (place === undefined || stored === null) throw new Error('something is shared')
    expect(disclosures.store(world.a.origin, [{ index: place, ...stored, wrappedKey: new Uint8Array(72) }], [])).toBe(
      true,
    )
    expect(clinic.store.payload(world.a.origin, place)).toEqual(stored)
  })

  it('is asked of the site that owns it alone', () => {
    const { disclosures, logs } = partsOf(world.b)
    const all = disclosures.missing(world.a.origin, 0, null)
    expect(all).not.toBeNull()
    expect(disclosures.missing(world.a.origin, 0, world.a.peer)).toBe(all)
    expect(disclosures.missing(world.a.origin, 0, { kind: 'node', site: 'third.example/site', log: 'x' })).toBeNull()
    expect(disclosures.missing(world.b.origin, 0, null)).toBeNull()
    expect(logs.mirror(world.a.origin)).not.toBeNull()
  })

  it('is no key of an epoch that no entry names, or for somebody else', async () => {
    const { disclosures, clinic } = partsOf(world.b)
    const key = held()
    const before = clinic.store.epochKeys(key.subject)
    const other = { ...key, recipient: new Uint8Array(32).fill(9) }
    const keys = [await sealedBy(world.a, { ...key, epoch: 7 }), await sealedBy(world.a, other)]
    disclosures.store(world.a.origin, [], keys)
    expect(clinic.store.epochKeys(key.subject)).toEqual(before)
    const stranger = { ...key, subject: new Uint8Array(16).fill(5) }
    disclosures.store(world.a.origin, [], [await sealedBy(world.a, stranger)])
    expect(clinic.store.epochKeys(stranger.subject)).toEqual([])
  })

  it('is a key sealed to the owner of the log, which is kept for it and given back to nobody else', async () => {
    const { disclosures, clinic } = partsOf(world.b)
    const key = await sealedBy(world.a, { ...held(), recipient: world.a.pair.publicKey })
    disclosures.store(world.a.origin, [], [key])
    const kept = clinic.store.epochKeys(key.subject).filter(({ recipient }) => equalBytes(recipient, key.recipient))
    expect(kept).toMatchObject([{ sealed: key.sealed }])
    const back = (site: string) =>
      disclosures.for({ kind: 'node', site, log: 'x' }, world.a.origin, ...all(clinic.store.entryCount(world.a.origin)))
    expect(back(world.a.site)?.keys.map(({ sealed }) => toHex(sealed))).toContain(toHex(key.sealed))
    expect(back(world.b.site)).toBeNull()
  })

  it('is never a key for a patient of this site, whatever it opens with', async () => {
    const { disclosures, clinic } = partsOf(world.a)
    const subject = fromHex(world.kept.handle)
    const before = clinic.store.epochKeys(subject)
    const [own] = before.filter(({ recipient }) => toHex(recipient) === toHex(world.a.pair.publicKey))
    if (own === undefined) throw new Error('a patient has a key')
    for (const epoch of [own.epoch, own.epoch + 1, 4_000_000_000]) {
      const key = await sealedBy(world.b, { subject, epoch, recipient: own.recipient })
      disclosures.store(world.b.origin, [], [key])
    }
    await new Promise((done) => setTimeout(done, 100))
    expect(clinic.store.epochKeys(subject)).toEqual(before)
  })

  it('says nothing about the epochs of what this site writes itself', async () => {
    const { clinic } = partsOf(world.b)
    const key = await sealedBy(world.b, { ...held(), epoch: 0xffff_ffff })
    clinic.store.putMirroredPayloads(world.a.origin, [], [{ ...key, log: 'third.example/site/1' }])
    const { epoch } = await clinic.keys.next(key.subject, UNSHARED)
    expect(epoch).toBe(FOREIGN_FROM)
    clinic.store.eraseRecords({ records: [], keys: { subject: key.subject, epochs: [0xffff_ffff] } })
  })

  it('is read whatever another site handed over before for the same epoch, and erased by no other either', async () => {
    const { disclosures, clinic } = partsOf(world.b)
    const genuine = held()
    const { subject, epoch } = genuine
    const log = 'third.example/site/1'
    clinic.store.eraseRecords({ records: [], keys: { subject, epochs: [epoch] } })
    const lie = await sealedBy(world.b, genuine)
    clinic.store.putMirroredPayloads(world.a.origin, [], [{ ...lie, log }])
    disclosures.store(world.a.origin, [], [genuine])
    const kept = clinic.store.epochKeys(subject)
    expect(kept.map(({ log: of }) => of).toSorted()).toEqual([world.a.log, log].toSorted())
    const { vault } = world.b.open
    const glass = { handle: world.shared.handle, reason: 'unconscious', text: 'Found unconscious', pin: PIN } as const
    await vault.breakGlass(glass)
    expect(weightsIn(await vault.chart(world.shared.handle, 1))[0]).toBe('70.1')
    clinic.store.eraseRecords({ records: [], keys: { subject, epochs: [epoch], logs: [log] } })
    const left = clinic.store.epochKeys(subject).filter((row) => row.epoch === epoch)
    expect(left.map(({ sealed }) => toHex(sealed))).toEqual([toHex(genuine.sealed)])
  })

  it('replaces a key only by one that its owner sealed and that opens', async () => {
    const { disclosures, clinic } = partsOf(world.b)
    const key = held()
    const garbage = { ...key, sealed: key.sealed.map((byte) => byte ^ 1) }
    const theirs = await sealedBy(world.b, key)
    disclosures.store(world.a.origin, [], [garbage, theirs])
    const better = await sealedBy(world.a, key)
    disclosures.store(world.a.origin, [], [better])
    await until('the better key is here', () => toHex(held().sealed) === toHex(better.sealed))
    const context = { subject: key.subject, epoch: key.epoch, sender: world.a.pair.publicKey }
    expect(await openClassKeys(held().sealed, world.b.pair, context)).toEqual(bundle)
    // As it was: other tests read with it.
    disclosures.store(world.a.origin, [], [key])
    await until('the first is back', () => toHex(held().sealed) === toHex(key.sealed))
    expect(clinic.store.epochKeys(key.subject).filter(({ epoch }) => epoch === key.epoch)).toHaveLength(1)
  })
})
