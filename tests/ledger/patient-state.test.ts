import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toHex } from '../../src/shared/bytes.ts'
import * as p from '../../src/ledger/patient-state.ts'
import type { ConsentFields } from '../../src/ledger/people-fields.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'
import { handle, testKey } from '../support/ledger-world.ts'

const [ada, ben] = [handle('ada'), handle('ben')]
const consent = (name: string, version = 1, asksSignature = false): ConsentFields => ({
  consentId: handle(name),
  version,
  asksSignature,
  capacity: 'patient',
})
const card = (name: string) =>
  ({ kind: 'card-issued', cardId: handle(name), publicKey: testKey(name).publicKey, capacity: 'patient' }) as const

/** A state after changes at indexes 0, 1, 2 and so on. */
class Story {
  state = p.NO_PATIENTS
  size = 0

  link(patient: Uint8Array, linked: Parameters<typeof p.linkChange>[3]): this {
    this.state = p.linkChange(this.state, this.size, patient, linked)(this.state, this.size + 1)
    this.size += 1
    return this
  }

  consent(patient: Uint8Array, kind: 'granted' | 'amended' | 'revoked', fields: ConsentFields): this {
    this.state = p.consentChange(this.state, this.size, patient, kind, fields)(this.state, this.size + 1)
    this.size += 1
    return this
  }
}

describe('cards', () => {
  it('sign from the entry after their issue up to that of their end', () => {
    const key = testKey('a').publicKey
    const { state } = new Story().link(ada, card('a')).link(ada, { kind: 'card-revoked', cardId: handle('a') })
    expect([0, 1, 2, 3].map((index) => p.cardAt(state, key, index)?.patient ?? null)).toEqual([null, ada, null, null])
  })

  it('are issued once, and ended once, by the patient they belong to', () => {
    const story = new Story().link(ada, card('a'))
    const end = { kind: 'card-revoked', cardId: handle('a') } as const
    expectCode('CARD_NOT_NEXT', () => story.link(ben, end))
    expectCode('CARD_NOT_NEXT', () => story.link(ada, { ...end, cardId: handle('b') }))
    expectCode('CARD_NOT_NEXT', () => story.link(ben, { ...card('b'), cardId: handle('a') }))
    story.link(ada, end)
    expectCode('CARD_NOT_NEXT', () => story.link(ada, end))
    story.link(ada, { kind: 'elsewhere' })
  })
})

describe('consents', () => {
  it('follow one another version by version, and end with a revocation', () => {
    const story = new Story().consent(ada, 'granted', consent('c'))
    expectCode('CONSENT_NOT_NEXT', () => story.consent(ada, 'granted', consent('c', 2)))
    expectCode('CONSENT_NOT_NEXT', () => story.consent(ben, 'amended', consent('c', 2)))
    expectCode('CONSENT_NOT_NEXT', () => story.consent(ada, 'amended', consent('c', 3)))
    expectCode('CONSENT_NOT_NEXT', () => story.consent(ada, 'revoked', consent('d', 2)))
    expectCode('CONSENT_NOT_NEXT', () => story.consent(ada, 'granted', consent('d', 2)))
    story.consent(ada, 'amended', consent('c', 2)).consent(ada, 'revoked', consent('c', 3))
    expectCode('CONSENT_NOT_NEXT', () => story.consent(ada, 'amended', consent('c', 4)))
    expect(p.consentsAt(story.state, ada, story.size).map(({ version, isOpen }) => [version, isOpen])).toEqual([
      [3, false],
    ])
  })

  it('ask for the signature of the patient while a version that asks stands open', () => {
    const { state, size } = new Story()
      .consent(ada, 'granted', consent('c', 1, true))
      .consent(ada, 'granted', consent('d'))
      .consent(ada, 'amended', consent('c', 2))
      .consent(ada, 'amended', consent('c', 3, true))
      .consent(ada, 'revoked', consent('c', 4, true))
    const asks = Array.from({ length: size + 1 }, (_, index) => p.asksPatientAt(state, ada, index))
    expect(asks).toEqual([false, true, true, false, true, false])
    expect(p.asksPatientAt(state, ben, size)).toBe(false)
  })

  it('say at each index what a slow reading of the story says', () => {
    const steps = fc.array(
      fc.record({
        who: fc.constantFrom('ada', 'ben'),
        what: fc.constantFrom('c', 'd', 'e'),
        kind: fc.constantFrom('granted' as const, 'amended' as const, 'revoked' as const),
        asks: fc.boolean(),
      }),
      { maxLength: 20 },
    )
    fc.assert(
      fc.property(steps, (wanted) => {
        const story = new Story()
        const done: { who: string; what: string; kind: string; asks: boolean }[] = []
        for (const { who, what, kind, asks } of wanted) {
          const version = done.filter((step) => step.what === what).length + 1
          const before = done.findLast((step) => step.what === what)
          const isNext =
            kind === 'granted'
              ? before === undefined
              : before !== undefined && before.kind !== 'revoked' && before.who === who
          const failed = codeOf(() => story.consent(handle(who), kind, consent(what, version, asks)))
          expect(failed === null).toBe(isNext)
          if (isNext) done.push({ who, what, kind, asks })
        }
        for (let index = 0; index <= done.length; index++) {
          const newest = new Map(done.slice(0, index).map((step) => [step.what, step]))
          for (const who of ['ada', 'ben']) {
            const open = [...newest.values()].filter((step) => step.who === who && step.kind !== 'revoked')
            expect(p.asksPatientAt(story.state, handle(who), index)).toBe(open.some(({ asks }) => asks))
          }
        }
      }),
    )
  })
})

it('is carried into the next incarnation as far as it is held', () => {
  const story = new Story()
    .link(ada, card('a'))
    .link(ben, card('b'))
    .consent(ada, 'granted', consent('c', 1, true))
    .link(ben, { kind: 'card-revoked', cardId: handle('b') })
    .consent(ada, 'revoked', consent('c', 2))
  const key = (name: string) => testKey(name).publicKey
  const whole = p.carriedOver(story.state, story.size)
  expect([p.cardAt(whole, key('a'), 0) !== null, p.cardAt(whole, key('b'), 0)]).toEqual([true, null])
  expect(p.asksPatientAt(whole, ada, 0)).toBe(false)
  const part = p.carriedOver(story.state, 3)
  expect(p.cardAt(part, key('b'), 0) !== null).toBe(true)
  expect(p.asksPatientAt(part, ada, 0)).toBe(true)
  expect([...p.carriedOver(story.state, 1).consents.entries()].map(([id]) => id)).not.toContain(toHex(ada))
})
