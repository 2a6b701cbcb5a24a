import { describe, expect, it } from 'vitest'
import { addressOf, cookieIn, isOurs } from '../../../src/main/browser/guard.ts'
import { Tickets } from '../../../src/main/browser/tickets.ts'

const address = addressOf(8123)
const host = '127.0.0.1:8123'
const origin = 'http://127.0.0.1:8123'

describe('isOurs', () => {
  it.each([
    ['a page request', { host }, false],
    ['a request of our page', { host, origin, 'sec-fetch-site': 'same-origin' }, true],
    ['an address typed or opened', { host, 'sec-fetch-site': 'none' }, false],
  ])('admits %s', (_what, headers, needsOrigin) => {
    expect(isOurs(headers, address, needsOrigin)).toBe(true)
  })

  it.each([
    ['another name for this machine (DNS rebinding)', { host: 'evil.example:8123', origin }, false],
    ['localhost, which cookies of other programs share', { host: 'localhost:8123', origin }, false],
    ['another port', { host: '127.0.0.1:8124', origin }, false],
    ['no host', { origin }, false],
    ['a page of another site', { host, origin: 'https://evil.example' }, false],
    ['a page of another port', { host, origin: 'http://127.0.0.1:8124' }, false],
    ['a sandboxed page', { host, origin: 'null' }, false],
    ['an image tag of another site', { host, 'sec-fetch-site': 'cross-site' }, false],
    ['a page of another local port', { host, 'sec-fetch-site': 'same-site' }, false],
    ['an upgrade without origin', { host }, true],
  ])('refuses %s', (_what, headers, needsOrigin) => {
    expect(isOurs(headers, address, needsOrigin)).toBe(false)
  })
})

describe('cookieIn', () => {
  const secret = 'A-_9'.repeat(11).slice(0, 43)
  it('finds ours among others', () => {
    expect(cookieIn(`a=b; chartseal-8123=${secret}; c=d`, address.cookie)).toBe(secret)
  })
  it.each([
    undefined,
    '',
    'chartseal-8123',
    'chartseal-8123=short',
    `chartseal-81234=${secret}`,
    `x-chartseal-8123=${secret}`,
  ])('finds none in %j', (header) => {
    expect(cookieIn(header, address.cookie)).toBeNull()
  })
})

describe('Tickets', () => {
  it('opens one session for each launch token, once', () => {
    const tickets = new Tickets()
    const token = tickets.issue()
    expect(token).toMatch(/^[\w-]{43}$/)
    const session = tickets.redeem(token)
    expect(session).toMatch(/^[\w-]{43}$/)
    expect(tickets.redeem(token)).toBeNull()
    expect(tickets.holds(session!)).toBe(true)
  })

  it('takes neither a launch token for a session nor a session for a launch token', () => {
    const tickets = new Tickets()
    const token = tickets.issue()
    expect(tickets.holds(token)).toBe(false)
    expect(tickets.redeem(tickets.redeem(token)!)).toBeNull()
    expect(tickets.redeem('')).toBeNull()
  })

  it('forgets the oldest beyond eight', () => {
    const tickets = new Tickets()
    const tokens = Array.from({ length: 9 }, () => tickets.issue())
    expect(tickets.redeem(tokens[0]!)).toBeNull()
    expect(tokens.slice(1).every((token) => tickets.redeem(token) !== null)).toBe(true)
  })
})
