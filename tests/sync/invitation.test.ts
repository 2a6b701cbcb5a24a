import { createHash, createPublicKey, verify } from 'node:crypto'
import { decode } from 'cborg'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nobleHasher } from '../../src/ledger/hash.ts'
import { concatBytes, toHex } from '../../src/shared/bytes.ts'
import { SyncError } from '../../src/sync/errors.ts'
import { fromBase32, toBase32 } from '../../src/sync/base32.ts'
import {
  checkInvitation,
  decodeInvitation,
  encodeInvitation,
  type Invitation,
  INVITATION_PREFIX,
  isExpired,
  MAX_INVITATION,
  oneTimeKeyOf,
} from '../../src/sync/invitation.ts'
import { testKey, verifier } from '../support/ledger-world.ts'

const governance = testKey('governance of the inviting site')
const call = testKey('one call')

const INVITATION: Invitation = {
  kind: 'site',
  network: new Uint8Array(32).fill(7),
  site: 'example.org/north',
  log: 'example.org/north/desk-1',
  transportKey: testKey('transport').publicKey,
  addresses: ['/ip4/192.168.1.20/tcp/4101', '/dns/north.example.org/tcp/443/tls/ws', '/ip6/2001:db8::5/tcp/4101'],
  seed: call.seed,
  expiresS: 1_800_000_000,
}

const refused = expect.objectContaining({ code: 'BAD_INVITATION' })
const text = encodeInvitation(INVITATION, governance.sign)

describe('an invitation', () => {
  it('says what it was made with, in letters that a QR code holds densely', () => {
    const { signature, ...rest } = decodeInvitation(text)
    expect(rest).toEqual(INVITATION)
    expect(signature).toHaveLength(64)
    expect(text).toMatch(/^CHARTSEAL-JOIN1-[A-Z2-7]+$/)
    expect(text.length).toBeLessThanOrEqual(MAX_INVITATION)
  })

  it('is read however it was wrapped, grouped or typed', () => {
    const wrapped = text.toLowerCase().replace(/(.{40})/g, '$1\r\n ')
    expect(decodeInvitation(`\n${wrapped}\t`)).toEqual(decodeInvitation(text))
  })

  it('is of the site that signed it, and of nobody else', () => {
    const read = decodeInvitation(text)
    checkInvitation(verifier, read, governance.publicKey)
    expect(() => checkInvitation(verifier, read, testKey('other').publicKey)).toThrow(refused)
  })

  it.each([
    ['kind', { kind: 'workstation' }],
    ['network', { network: new Uint8Array(32) }],
    ['site', { site: 'example.org/south' }],
    ['log', { log: 'example.org/north/desk-2' }],
    ['transport key', { transportKey: testKey('other').publicKey }],
    ['addresses', { addresses: [] }],
    ['one-time seed', { seed: new Uint8Array(32) }],
    ['date', { expiresS: 1_900_000_000 }],
  ] as [string, Partial<Invitation>][])('is not signed any more with another %s', (_what, change) => {
    const changed = { ...decodeInvitation(text), ...change }
    expect(() => checkInvitation(verifier, changed, governance.publicKey)).toThrow(refused)
  })

  it('is void from its date on', () => {
    expect([1_799_999_999_999, 1_800_000_000_000].map((now) => isExpired(INVITATION, now))).toEqual([false, true])
  })

  it('lets in the key of its seed', () => {
    expect(oneTimeKeyOf(INVITATION)).toBe(toHex(call.publicKey))
  })

  it('leaves out the last addresses when they do not fit', () => {
    const long = `/dns/${'a'.repeat(60)}.${'b'.repeat(60)}.example/tcp/4101`
    const few = decodeInvitation(encodeInvitation({ ...INVITATION, addresses: Array(4).fill(long) }, governance.sign))
    expect(few.addresses).toEqual([long])
    checkInvitation(verifier, few, governance.publicKey)
    const names = { site: 's'.repeat(120), log: 'l'.repeat(120) }
    const none = decodeInvitation(encodeInvitation({ ...INVITATION, ...names }, governance.sign))
    expect(none).toMatchObject({ ...names, addresses: [] })
  })
})

describe('an invitation read from docs/protocol.md alone', () => {
  it('opens as written down, with other libraries', () => {
    const letters = text.slice('CHARTSEAL-JOIN1-'.length)
    const bits = Array.from(letters, (letter) =>
      'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0'),
    )
    const bytes = Buffer.from(
      bits
        .join('')
        .match(/.{8}/g)!
        .map((byte) => Number.parseInt(byte, 2)),
    )
    const [body, signature, checksum] = [bytes.subarray(0, -68), bytes.subarray(-68, -4), bytes.subarray(-4)]
    const hash = createHash('sha256').update(bytes.subarray(0, -4)).digest()
    expect(hash.subarray(0, 4)).toEqual(checksum)
    const { kind, network, site, log, transportKey, addresses, seed, expiresS } = INVITATION
    expect(kind).toBe('site')
    expect(decode(body)).toEqual([0, network, site, log, transportKey, addresses, seed, expiresS])
    const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), governance.publicKey])
    const key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
    expect(verify(null, Buffer.concat([Buffer.from('chartseal/invitation/v1\n'), body]), key, signature)).toBe(true)
  })
})

describe('a text that is no invitation', () => {
  it('is refused for every single slip of a letter', () => {
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
    for (let i = INVITATION_PREFIX.length; i < text.length; i++) {
      const other = letters[(letters.indexOf(text[i]!) + 1) % 32]!
      expect(() => decodeInvitation(text.slice(0, i) + other + text.slice(i + 1))).toThrow(refused)
    }
  })

  it.each([
    ['nothing', ''],
    ['another version', text.replace('JOIN1', 'JOIN2')],
    ['a cut one', text.slice(0, -8)],
    ['one with more behind it', `${text}AAAAAAAA`],
    ['two', text + text],
    ['too long', 'A'.repeat(1_000_000)],
  ])('is refused: %s', (_what, bad) => expect(() => decodeInvitation(bad)).toThrow(refused))

  it.each([
    ['a name outside the grammar', { site: 'North Clinic' }],
    ['a log outside the grammar', { log: '/x' }],
    ['a key of small order', { transportKey: new Uint8Array(32) }],
    ['an address with a key in it', { addresses: ['/ip4/10.0.0.1/tcp/1/p2p/abc'] }],
    ['an address that is none', { addresses: ['https://example.org'] }],
    ['a seed of another length', { seed: new Uint8Array(31) }],
  ] as [string, Partial<Invitation>][])('is refused although signed: %s', (_what, change) => {
    expect(() => decodeInvitation(encodeInvitation({ ...INVITATION, ...change }, governance.sign))).toThrow(refused)
  })

  it('is refused with a code, whatever the bytes behind the prefix are', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 420 }),
      fc.tuple(fc.nat(), fc.nat({ max: 255 })).map(([at, value]) => {
        const changed = fromBase32(text.slice(INVITATION_PREFIX.length))!
        changed[at % changed.length] = value
        return changed
      }),
    )
    fc.assert(
      fc.property(bytes, (any) => {
        // With a right checksum, so that what is behind it is reached.
        const signed = any.slice(0, -4)
        const whole = INVITATION_PREFIX + toBase32(concatBytes(signed, nobleHasher.sha256(signed).slice(0, 4)))
        try {
          const read = decodeInvitation(whole)
          expect(encodeInvitation(read, () => read.signature)).toBe(whole)
        } catch (error) {
          expect(error).toBeInstanceOf(SyncError)
        }
      }),
      { numRuns: 500 },
    )
  })
})
