import fc from 'fast-check'
import { expect, it } from 'vitest'
import { nobleHasher as h } from '../../src/ledger/hash.ts'
import { isOwnHandle, patientHandle } from '../../src/ledger/patient-handle.ts'
import { toHex } from '../../src/shared/bytes.ts'
import { nodeHasher } from '../../src/main/core/hasher.ts'

const id = fc.uint8Array({ minLength: 16, maxLength: 16 })
const log = fc.constantFrom('hill.example/site/node', 'hill.example/site/node-1', 'vale.example/site/node')

it('is the beginning of a hash over log and id', () => {
  expect(toHex(patientHandle(h, 'hill.example/site/node', new Uint8Array(16).fill(7)))).toBe(
    'e8a03044d7721135cb748c913e1dc736',
  )
})

it('is the same for every hasher, and another for every other log or id', () => {
  fc.assert(
    fc.property(log, log, id, id, (one, two, first, second) => {
      const handle = toHex(patientHandle(h, one, first))
      expect(toHex(patientHandle(nodeHasher, one, first))).toBe(handle)
      const isSame = one === two && toHex(first) === toHex(second)
      expect(toHex(patientHandle(h, two, second)) === handle).toBe(isSame)
    }),
  )
})

it('is the own one of the registration it was made for, and of no other log that repeats that', () => {
  fc.assert(
    fc.property(id, id, (own, other) => {
      const subject = patientHandle(h, 'a.example/a', own)
      const entry = (subjectOf: Uint8Array | null, of: Uint8Array) =>
        ({ body: { subject: subjectOf, id: of } }) as unknown as Parameters<typeof isOwnHandle>[2]
      expect(isOwnHandle(h, 'a.example/a', entry(subject, own))).toBe(true)
      expect(isOwnHandle(h, 'a.example/b', entry(subject, own))).toBe(false)
      expect(isOwnHandle(h, 'a.example/a', entry(subject, other))).toBe(toHex(own) === toHex(other))
      expect(isOwnHandle(h, 'a.example/a', entry(null, own))).toBe(false)
    }),
  )
})
