/**
 * What somebody sees who carries the traffic of two clinics, from the invitation to a revocation; and what a stranger
 * gets to know who connects.
 */
import { expect, it } from 'vitest'
import { instantText } from '../../src/clinical/instant.ts'
import { governanceSignerOf } from '../../src/main/core/vault/role-keys.ts'
import { fromHex, toHex } from '../../src/shared/bytes.ts'
import { decodeInvitation, encodeInvitation } from '../../src/sync/invitation.ts'
import { linkOf, newIdentity, tap, until as untilSoon } from '../main/peer/world.ts'
import { clinicOf, granted, holder, takenBack, weigh, weightsIn, type World } from '../support/consent-world.ts'
import { isAllFinal, joinedTo, networkedClinic, until } from '../support/two-clinics.ts'
import { type OpenVault, PIN } from './support/clinic.ts'
import { readable } from './support/spellings.ts'

const day = (fromNow: number) => instantText(Date.now() + fromNow * 86_400_000, 0).slice(0, 10)

/** Two clinics between which everything goes through a tap: the second knows no other address of the first. */
async function tapped(clinicName: string) {
  const a = await networkedClinic()
  const line = await tap(a.port)
  const b = await joinedTo(a, clinicName, (text) => {
    const invitation = decodeInvitation(text)
    const signer = governanceSignerOf(a.clinic())
    return encodeInvitation({ ...invitation, addresses: [line.address] }, (message) => signer.sign(message))
  })
  return { a, b, line }
}

/** Every secret of a clinic. What is shorter than a key stands in anything random. */
function secretsOf(open: OpenVault): Uint8Array[] {
  const { secrets } = clinicOf(open).keystore
  const all = secrets.names().flatMap((name) => secrets.get(name) ?? [])
  const keys = all.filter(({ length }) => length >= 16)
  expect(keys.length).toBeGreaterThan(5)
  return keys
}

/** Names and keys by which clinics are known in the network, as they stand in their roster. */
function rosterOf({ clinic }: World): (string | Uint8Array)[] {
  const { identity, replica } = clinic()
  const sites = replica.directory.rosters.at(-1)?.roster.sites ?? []
  expect(sites).toHaveLength(2)
  return [identity.network, ...sites.flatMap(namesOf)]
}

type Site = NonNullable<
  ReturnType<World['clinic']>['replica']['directory']['rosters'][number]['roster']['sites'][number]
>

function namesOf({ id, nodes, ...keys }: Site): (string | Uint8Array)[] {
  const ofNodes = nodes.flatMap(({ log, logKey, transportKey }) => [log, logKey, transportKey])
  return [id, keys.governanceKey, keys.mirrorKey, keys.sharingKey, keys.recoveryKey, ...ofNodes]
}

/** All that travelled from one to the other: entries, ciphertexts, keys that a consent handed over. */
function rowsAt(open: OpenVault, origin: string, handle: string): Uint8Array[] {
  const { store } = clinicOf(open)
  const entries = store.entries(origin, 0, 1000)
  const payloads = entries.flatMap(({ index }) => store.payload(origin, index) ?? [])
  const keys = store.epochKeys(fromHex(handle)).map(({ sealed }) => sealed)
  expect([entries.length > 10, payloads.length > 2, keys.length > 0]).toEqual([true, true, true])
  return [
    ...entries.map(({ bytes }) => bytes.subarray(0, 32)),
    ...payloads.flatMap(({ ciphertext, wrappedKey, salt }) => [ciphertext.subarray(0, 32), wrappedKey, salt]),
    ...keys,
  ]
}

it('who carries the traffic reads nothing of it: no value, no name, no handle, no log, no key, no ciphertext', async () => {
  const { a, b, line } = await tapped('Vexillum Street Practice')
  const { origin, site } = a.clinic().identity
  const physician = await b.vault.enrolPractitioner({ name: 'Petra Ypsilanti', role: 'physician', pin: PIN })
  await b.vault.signIn(physician.handle, PIN)
  const patient = await holder(a, 1)
  const sites = [site, clinicOf(b).identity.site].toSorted()
  const { consentId } = await granted(a, patient, { sites, from: day(-1), until: day(100) })
  await weigh(a, patient, '137.25')
  const seen = () => b.vault.chart(patient.handle, 1)
  const isKnown = async () => (await b.vault.searchPatients('')).some(({ status }) => status === 'verified')
  await until('the weight arrives', async () => (await isKnown()) && weightsIn(await seen()).join() === '137.25')
  await until('all of it is final', async () => (await isAllFinal(a, 2)) && (await isAllFinal(b, 2)))
  await takenBack(a, patient, consentId)
  await until('the revocation arrives', async () => (await seen()).consent.state === 'refused')

  const texts = [
    '137.25',
    'resourceType',
    'Vexillum Street',
    'Petra Ypsilanti',
    'Nora Nurse',
    '/chartseal/',
    'chartseal',
  ]
  const named = [patient.familyName, patient.givenName, patient.identifier, patient.birthDate, patient.card.text]
  const handles = [fromHex(patient.handle), patient.handle, consentId, toHex(fromHex(physician.handle))]
  const travelled = rowsAt(b, origin, patient.handle)
  const hidden = [...texts, ...named, ...handles, ...rosterOf(a), ...secretsOf(a), ...secretsOf(b), ...travelled]
  const captured = Buffer.concat([...line.up, ...line.down])
  // All of it went this way, and nowhere else.
  const volume = travelled.length * 32
  expect([captured.length > volume, line.up.length > 10, line.down.length > 10]).toEqual([true, true, true])
  expect(readable(captured, hidden)).toEqual([])
  // What looks would find it.
  for (const text of hidden) {
    expect(readable(Buffer.concat([captured, Buffer.from(text as string)]), [text]).length).toBeGreaterThan(0)
  }
}, 120_000)

it('a stranger is told by a clinic exactly what any listener of the engine would tell', async () => {
  const { a, b, line } = await tapped('Hill')
  const own = a
    .clinic()
    .replica.directory.rosters.at(-1)
    ?.roster.sites.find(({ id }) => id === a.clinic().identity.site)
  const key = toHex(own?.nodes[0]?.transportKey ?? new Uint8Array())
  await b.vault.close()
  const bare = newIdentity()
  const listener = await linkOf(bare, [])
  const bareLine = await tap(Number(listener.listening[0]?.split('/').at(-1)))
  const told: string[][] = []
  for (const [peer, at] of [
    [key, line],
    [bare.key, bareLine],
  ] as const) {
    const before = at.down.length
    const stranger = await linkOf(newIdentity(), [peer])
    stranger.keepConnected(peer, [at.address])
    await untilSoon(() => stranger.lastFailure(peer) !== null, 'the refusal')
    expect(stranger.lastFailure(peer)).toBe('HUNG_UP')
    await stranger.stop()
    told.push(shapeOf(Buffer.concat(at.down.slice(before))))
  }
  const [clinic, engine] = told
  // A dialler may try more than once: each time it is told the same.
  expect([...new Set(clinic)]).toEqual(['/multistream/1.0.0', '/noise', '218 bytes'])
  expect(new Set(engine)).toEqual(new Set(clinic))
}, 60_000)

/** Lines of the first negotiation as they are; of what is encrypted, only how long each message is. */
function shapeOf(bytes: Buffer): string[] {
  const shape: string[] = []
  for (let at = 0; at < bytes.length;) {
    const isLine = bytes[at] !== 0 && bytes[at + (bytes[at] ?? 0)] === 0x0a
    const size = isLine ? (bytes[at] ?? 0) + 1 : bytes.readUInt16BE(at) + 2
    shape.push(isLine ? bytes.toString('latin1', at + 1, at + size - 1) : `${size} bytes`)
    at += size
  }
  return shape
}
