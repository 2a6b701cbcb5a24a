import { describe, expect, it } from 'vitest'
import { dialFailureOf } from '../../../src/main/peer/dial-failure.ts'
import { PeerError } from '../../../src/main/peer/errors.ts'

const named = (name: string, message = '', more: object = {}) => Object.assign(new Error(message), { name, ...more })

describe('why a dial failed', () => {
  it.each([
    ['REFUSED', named('Error', 'connect ECONNREFUSED 127.0.0.1:1', { code: 'ECONNREFUSED' })],
    ['UNREACHABLE', named('Error', '', { code: 'EHOSTUNREACH' })],
    ['UNKNOWN_HOST', named('Error', 'getaddrinfo ENOTFOUND x', { code: 'ENOTFOUND' })],
    ['TIMEOUT', named('TimeoutError')],
    ['HUNG_UP', named('UnexpectedEOFError')],
    ['NOT_AT_RELAY', named('InvalidMessageError', 'failed to connect via relay with status NO_RESERVATION')],
    ['NO_RELAY', new PeerError('NOT_CONNECTED', 'no relay')],
    ['OTHER', named('Error', 'something else')],
    ['OTHER', 'not an error at all'],
    ['OTHER', undefined],
  ])('%s', (kind, error) => expect(dialFailureOf(error)).toBe(kind))

  it('is found in causes, and among several the most telling is named', () => {
    const refused = named('Error', '', { code: 'ECONNREFUSED' })
    const otherKey = named('Error', '', { cause: named('UnexpectedPeerError') })
    expect(dialFailureOf(new AggregateError([refused, otherKey]))).toBe('OTHER_KEY')
    expect(dialFailureOf(new AggregateError([named('TimeoutError'), refused]))).toBe('REFUSED')
  })

  it('is found in errors that contain themselves', () => {
    const loop = named('Error')
    loop.cause = loop
    expect(dialFailureOf(loop)).toBe('OTHER')
  })
})
