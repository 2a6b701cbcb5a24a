import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeJoinAnswer,
  decodeJoinRequest,
  encodeJoinAnswer,
  encodeJoinRequest,
  joinCode,
  type JoinAnswer,
  type JoinRequest,
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
    secrets: null,
  },
  { state: 'admitted', documents: [{ type: 'roster', fields: document }], secrets: document },
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
    expect(decodeJoinRequest(encodeJoinRequest(request))).toEqual(request)
  })

  it.each(ANSWERS)('survives: answer $state', (answer) => {
    expect(decodeJoinAnswer(encodeJoinAnswer(answer))).toEqual(answer)
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
