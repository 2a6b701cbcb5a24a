import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_ENTRY_SIZE } from '../../src/ledger/body.ts'
import {
  admittedFrom,
  decodeJoinAnswer,
  decodeJoinRequest,
  encodeJoinAnswer,
  encodeJoinRequest,
  joinCode,
  type JoinAnswer,
  type JoinRequest,
  MAX_JOIN_BODY,
  MAX_SEALED_SECRETS,
} from '../../src/sync/join.ts'
import { SyncError } from '../../src/sync/errors.ts'
import { testSite, testWitness } from '../support/ledger-world.ts'

const { site } = testSite('b.example/site')
const document = new Uint8Array([1, 2, 3])

const REQUESTS: JoinRequest[] = [
  { step: 'ask', site },
  { step: 'approve', site, document, signature: new Uint8Array(64).fill(7) },
  ...site.nodes.map((node): JoinRequest => ({ step: 'node', node, agreementKey: site.sharingKey })),
  { step: 'witness', witness: testWitness('b.example/site/w1').listed },
]
const ANSWERS: JoinAnswer[] = [
  { state: 'propose', document },
  { state: 'waiting' },
  {
    state: 'admitted',
    documents: [
      { type: 'roster', fields: document },
      { type: 'contract', fields: document },
    ],
    ...{ secrets: null, from: 0, isMore: false },
  },
  {
    ...{ state: 'admitted', documents: [{ type: 'roster', fields: document }], secrets: document },
    ...{ from: 7, isMore: true },
  },
  { state: 'refused' },
]

const codeOf = (read: () => unknown): string | null => {
  try {
    read()
    return null
  } catch (error) {
    if (error instanceof SyncError) return error.code
    throw error
  }
}

describe('what a guest and its host say', () => {
  it.each(REQUESTS)('survives: request $step', (request) => {
    expect(decodeJoinRequest(encodeJoinRequest(request))).toEqual({ request, from: 0 })
    expect(decodeJoinRequest(encodeJoinRequest(request, 9))).toEqual({ request, from: 9 })
  })

  it.each(ANSWERS)('survives: answer $state', (answer) => {
    expect(decodeJoinAnswer(encodeJoinAnswer(answer))).toEqual(answer)
  })

  it('tells a history of any length in parts that fit in a message each', () => {
    const documents = Array.from({ length: 60 }, (_, i) => ({
      type: 'contract' as const,
      fields: new Uint8Array(i === 9 ? MAX_ENTRY_SIZE : 9000).fill(i),
    }))
    const told: unknown[] = []
    for (let isMore = true; isMore;) {
      const part = decodeJoinAnswer(encodeJoinAnswer(admittedFrom(documents, document, told.length)))
      if (part.state !== 'admitted') throw new Error('there is more')
      expect(part.from).toBe(told.length)
      told.push(...part.documents)
      isMore = part.isMore
    }
    expect(told).toEqual(documents)
    expect(admittedFrom(documents, null, 60)).toEqual({ state: 'refused' })
    const largest = [...documents, { type: 'roster' as const, fields: new Uint8Array(MAX_ENTRY_SIZE) }]
    for (const [from] of largest.entries()) {
      const body = encodeJoinAnswer(admittedFrom(largest, new Uint8Array(MAX_SEALED_SECRETS), from))
      expect(body.length).toBeLessThanOrEqual(MAX_JOIN_BODY)
    }
  })

  it('is refused when a site has no node, or two', () => {
    const two = testSite('c.example/site').site.nodes
    for (const nodes of [[], [...site.nodes, ...two]]) {
      const body = encodeJoinRequest({ step: 'ask', site: { ...site, nodes } })
      expect(codeOf(() => decodeJoinRequest(body))).toBe('BAD_MESSAGE')
    }
  })

  it('gives a node that asks a code of its own, and the same node the same one', () => {
    const [, , request] = REQUESTS
    if (request?.step !== 'node') throw new Error('the third is of a node')
    const network = new Uint8Array(32).fill(1)
    const codeFor = (asked: JoinRequest, of = network) => joinCode(of, encodeJoinRequest(asked))
    expect(codeFor(request)).toMatch(/^[A-Z2-7]{4}-[A-Z2-7]{4}-[A-Z2-7]{4}$/)
    expect(codeFor({ ...request })).toBe(codeFor(request))
    expect(codeFor({ ...request, agreementKey: site.recoveryKey })).not.toBe(codeFor(request))
    expect(codeFor({ ...request, node: { ...request.node, logKey: site.mirrorKey } })).not.toBe(codeFor(request))
    expect(codeFor(request, new Uint8Array(32))).not.toBe(codeFor(request))
  })

  it('is a value or a coded error, whatever the bytes', () => {
    const samples = [...REQUESTS.map(encodeJoinRequest), ...ANSWERS.map(encodeJoinAnswer)]
    const mutated = fc
      .tuple(fc.constantFrom(...samples), fc.nat(), fc.nat({ max: 255 }))
      .map(([bytes, at, byte]) => Uint8Array.from(bytes).fill(byte, at % bytes.length, (at % bytes.length) + 1))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), (bytes) => {
        for (const read of [decodeJoinRequest, decodeJoinAnswer]) {
          expect([null, 'BAD_MESSAGE']).toContain(codeOf(() => read(bytes)))
        }
      }),
    )
  })
})
