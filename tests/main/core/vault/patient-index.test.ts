import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { PatientIndex, type Registration } from '../../../../src/main/core/vault/patient-index.ts'

const random = (size: number) => new Uint8Array(randomBytes(size))
const handleOf = (n: number) => n.toString(16).padStart(32, '0')

function registration(n: number, version: number): Registration {
  const patient = {
    ...{ handle: handleOf(n), familyName: `Family${n}`, givenName: `Given${version}` },
    ...{ birthDate: '1990-01-01', gender: 'other' as const, identifier: `MRN-${n}` },
  }
  const place = { origin: 'site/1', index: n, entryId: handleOf(n), seq: 0, block: n }
  return { patient, place, recordedAtMs: n }
}

it('holds what a plain map would hold, page after page', () => {
  const step = fc.record({ n: fc.nat(600), isGood: fc.boolean() })
  fc.assert(
    fc.property(fc.array(fc.array(step, { maxLength: 400 }), { maxLength: 6 }), (rounds) => {
      const index = new PatientIndex(random)
      const model = new Map<string, string>()
      for (const [version, round] of rounds.entries()) {
        // Each patient once in a round, as a search finds them.
        const steps = [...new Map(round.map((each) => [each.n, each])).values()]
        const stamp = { version }
        index.take(
          steps.map(({ n, isGood }) => ({
            ...{ handle: handleOf(n), stamp },
            registration: isGood ? registration(n, version) : null,
          })),
        )
        for (const { n, isGood } of steps)
          if (isGood) model.set(handleOf(n), `Given${version}`)
          else model.delete(handleOf(n))
        for (const { n, isGood } of steps) expect(index.isFresh(handleOf(n), stamp)).toBe(isGood)
      }
      const held = [...index.all()].map(({ patient }): [string, string] => [patient.handle, patient.givenName])
      expect(held.length).toBe(model.size)
      expect(new Map(held)).toEqual(model)
    }),
    { numRuns: 30 },
  )
})

it('holds nothing after it was dropped, also for who was reading on', () => {
  const index = new PatientIndex(random)
  const stamp = {}
  const all = Array.from({ length: 600 }, (_, n) => ({ handle: handleOf(n), stamp, registration: registration(n, 0) }))
  index.take(all)
  const reading = index.all()
  expect(reading.next().value?.patient.familyName).toBe('Family0')
  index.drop()
  expect([...reading].length).toBeLessThan(256)
  index.take(all)
  expect([...index.all()]).toEqual([])
  expect(index.isFresh(handleOf(1), stamp)).toBe(false)
})

it('runs one search for changes after the other, also when one fails', async () => {
  const index = new PatientIndex(random)
  const order: string[] = []
  const slow = index.inTurn(async () => {
    await new Promise((next) => setImmediate(next))
    order.push('slow')
    throw new Error('no')
  })
  const quick = index.inTurn(async () => Promise.resolve(order.push('quick')))
  await expect(slow).rejects.toThrow('no')
  await quick
  expect(order).toEqual(['slow', 'quick'])
})
