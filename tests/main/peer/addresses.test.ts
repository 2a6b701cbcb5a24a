import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatAddress, parseAddress, parseListenAddress } from '../../../src/main/peer/addresses.ts'
import { PeerError } from '../../../src/main/peer/errors.ts'

const WRITTEN: [text: string, multiaddr: string, shown: string][] = [
  ['clinic.example', '/dns/clinic.example/tcp/4101', 'clinic.example:4101'],
  ['  Clinic.Example.:99 ', '/dns/clinic.example/tcp/99', 'clinic.example:99'],
  ['ward-3', '/dns/ward-3/tcp/4101', 'ward-3:4101'],
  ['192.168.1.20', '/ip4/192.168.1.20/tcp/4101', '192.168.1.20:4101'],
  ['192.168.1.20:65535', '/ip4/192.168.1.20/tcp/65535', '192.168.1.20:65535'],
  ['2001:db8::5', '/ip6/2001:db8::5/tcp/4101', '[2001:db8::5]:4101'],
  ['[2001:DB8:0:0::5]:42', '/ip6/2001:db8::5/tcp/42', '[2001:db8::5]:42'],
  ['ws://10.0.0.1:4102', '/ip4/10.0.0.1/tcp/4102/ws', 'ws://10.0.0.1:4102'],
  ['WSS://hub.example', '/dns/hub.example/tcp/443/tls/ws', 'wss://hub.example:443'],
  ['wss://[2001:db8::5]:8443/', '/ip6/2001:db8::5/tcp/8443/tls/ws', 'wss://[2001:db8::5]:8443'],
  ['/ip4/10.0.0.1/tcp/4101', '/ip4/10.0.0.1/tcp/4101', '10.0.0.1:4101'],
  ['/dns4/hub.example/tcp/443/wss', '/dns4/hub.example/tcp/443/tls/ws', 'wss://hub.example:443'],
  ['/dns6/hub.example/tcp/443/tls/ws', '/dns6/hub.example/tcp/443/tls/ws', 'wss://hub.example:443'],
]

const REFUSED = [
  '',
  '  ',
  'a b',
  'host:',
  'host:0x10',
  'host:65536',
  'host:00080',
  'host:-1',
  '300.1.1.1',
  '1.2.3',
  '1.2.3.4.5',
  'clinic..example',
  '-clinic.example',
  'clinic_a.example',
  'fe80::1%eth0',
  '[fe80::1%25eth0]:1',
  '[clinic.example]:1',
  '[2001:db8::5',
  '2001:db8::g',
  'http://clinic.example',
  'wss://clinic.example/path',
  'wss://user@clinic.example',
  'ws://clinic.example?x',
  '/ip4/clinic.example/tcp/1',
  '/ip6/10.0.0.1/tcp/1',
  '/dns/10.0.0.1/tcp/1',
  '/ip4/10.0.0.1/udp/1',
  '/ip4/10.0.0.1/tcp/1/p2p/12D3KooWGQmdpzHXCqLno4mMxWXKNFQHASBeF99gTm2JR8Vu5Bdc',
  '/ip4/10.0.0.1/tcp/1/p2p-circuit',
  '/unix/tmp/x',
  '/',
  `${'a'.repeat(64)}.example`,
  `${'a.'.repeat(200)}example`,
]

describe('an address', () => {
  it.each(WRITTEN)('%s is dialled at %s', (text, dialled, shown) => {
    expect(parseAddress(text)).toBe(dialled)
    expect(formatAddress(dialled)).toBe(shown)
    // What people are shown is what they may write.
    expect(parseAddress(shown).replace(/^\/dns\//, '/dns/')).toBe(dialled.replace(/^\/dns[46]\//, '/dns/'))
    expect(multiaddr(dialled).toString()).toBe(dialled)
  })

  it.each(REFUSED)('is not "%s"', (text) => {
    expect(() => parseAddress(text)).toThrow(expect.objectContaining({ code: 'BAD_ADDRESS' }))
  })

  it('is one that libp2p reads too, or refused, whatever somebody types', () => {
    const piece = fc.constantFrom(
      '/',
      ':',
      '.',
      '[',
      ']',
      'ws',
      '://',
      'ip4',
      'dns',
      'tcp',
      '127.0.0.1',
      '::1',
      'a',
      '80',
      '%',
    )
    const typed = fc.oneof(
      fc.string(),
      fc.array(piece).map((pieces) => pieces.join('')),
    )
    fc.assert(
      fc.property(typed, (text) => {
        try {
          const parsed = parseAddress(text)
          expect(multiaddr(parsed).toString()).toBe(parsed)
          expect(parseAddress(parsed)).toBe(parsed)
        } catch (error) {
          expect(error).toBeInstanceOf(PeerError)
        }
      }),
      { numRuns: 2000 },
    )
  })
})

describe('an address to listen on', () => {
  it.each([
    ['0.0.0.0:4101', '/ip4/0.0.0.0/tcp/4101'],
    ['[::]:4101', '/ip6/::/tcp/4101'],
    ['ws://127.0.0.1:4102', '/ip4/127.0.0.1/tcp/4102/ws'],
  ])('%s is %s', (text, listened) => expect(parseListenAddress(text)).toBe(listened))

  it.each(['clinic.example', 'wss://127.0.0.1:443'])('is not %s', (text) => {
    expect(() => parseListenAddress(text)).toThrow(expect.objectContaining({ code: 'BAD_ADDRESS' }))
  })
})
