import fc from 'fast-check'
import { hkdfSync, randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  classKeyOf,
  defaultClass,
  EpochClassKeys,
  heldClassKeys,
  likelyClasses,
  openClassKeys,
  openUnderClasses,
  sealClassKeys,
  type KeyClass,
} from '../../../src/main/core/class-keys.ts'
import { sealEnvelope, type EnvelopeContext } from '../../../src/main/core/envelope.ts'
import { generateSharingKeyPair, sealEpochKey, sealFromSite } from '../../../src/main/core/epoch-keys.ts'
import { encodeCbor } from '../../../src/ledger/cbor.ts'
import { DATA_CLASSES } from '../../../src/shared/api/consent-schemas.ts'
import { CodedError } from '../../../src/shared/errors.ts'
import { codeOf } from '../../support/expect-code.ts'

const random = (size: number): Uint8Array => new Uint8Array(randomBytes(size))
const CLASSES: readonly KeyClass[] = [...DATA_CLASSES, 'site', `consent/${'ab'.repeat(16)}`]
const CONTEXT: EnvelopeContext = { subject: random(16), entryId: random(16), epoch: 2 }
const PLAIN = new TextEncoder().encode('{"resourceType":"Observation"}')

async function laterCode(body: Promise<unknown>): Promise<string | null> {
  try {
    await body
    return null
  } catch (error) {
    if (error instanceof CodedError) return error.code as string
    throw error
  }
}

/** One record of each class under one epoch key. */
function oneOfEach(epochKey: Uint8Array) {
  return CLASSES.map((keyClass) => ({
    keyClass,
    ...sealEnvelope(PLAIN, classKeyOf(epochKey, keyClass), CONTEXT, random),
  }))
}

it('derives a key for each class, by the standard', () => {
  const epochKey = random(32)
  const keys = CLASSES.map((keyClass) => Buffer.from(classKeyOf(epochKey, keyClass)).toString('hex'))
  expect(new Set([...keys, Buffer.from(epochKey).toString('hex')]).size).toBe(CLASSES.length + 1)
  const expected = hkdfSync(
    'sha256',
    epochKey,
    new Uint8Array(0),
    Buffer.from('chartseal/class-key/v1\nlaboratory'),
    32,
  )
  expect(keys[CLASSES.indexOf('laboratory')]).toBe(Buffer.from(expected).toString('hex'))
})

it('opens every class with the epoch key, and says which it was', () => {
  const epochKey = random(32)
  for (const { keyClass, envelope } of oneOfEach(epochKey)) {
    const opened = openUnderClasses(envelope, new EpochClassKeys(epochKey.slice()), CLASSES, CONTEXT)
    expect(opened.keyClass).toBe(keyClass)
    expect(opened.plaintext).toEqual(PLAIN)
  }
})

it('opens with handed-over keys exactly the classes that were handed over', () => {
  fc.assert(
    fc.property(
      fc.subarray([...CLASSES]),
      fc.shuffledSubarray([...CLASSES], { minLength: CLASSES.length }),
      (given, order) => {
        const epochKey = random(32)
        const keys = heldClassKeys(new Map(given.map((keyClass) => [keyClass, classKeyOf(epochKey, keyClass)])))
        for (const { keyClass, envelope } of oneOfEach(epochKey)) {
          const code = codeOf(() => openUnderClasses(envelope, keys, order, CONTEXT))
          expect(code).toBe(given.includes(keyClass) ? null : given.length === 0 ? 'KEY_MISSING' : 'NOT_AUTHENTIC')
        }
      },
    ),
    { numRuns: 20 },
  )
})

it('forgets what it held when it is wiped', () => {
  const epochKey = random(32)
  const held = new EpochClassKeys(epochKey)
  const derived = held.keyOf('laboratory')
  held.wipe()
  expect([...epochKey, ...derived].every((byte) => byte === 0)).toBe(true)
})

it('looks for the usual kind of data of a type first, and for all of them in the end', () => {
  const id = new Uint8Array(16).fill(7)
  const consent = { type: 'consent.granted', fields: new Map([[1, id]]) } as const
  expect(likelyClasses(consent)).toEqual([`consent/${'07'.repeat(16)}`])
  expect(defaultClass(consent)).toBe(`consent/${'07'.repeat(16)}`)
  expect(likelyClasses({ type: 'reading', fields: new Map() })[0]).toBe('vital-signs')
  expect(new Set(likelyClasses({ type: 'reading', fields: new Map() }))).toEqual(new Set([...DATA_CLASSES, 'site']))
  expect(defaultClass({ type: 'patient.registered', fields: new Map() })).toBe('demographics')
  // What nobody named stays at the site.
  expect(defaultClass({ type: 'reading', fields: new Map() })).toBe('site')
  expect(defaultClass({ type: 'access.emergency', fields: new Map() })).toBe('site')
})

describe('a bundle', () => {
  const subject = random(16)

  it('opens for its recipient, subject, epoch and sender, and for nobody else', async () => {
    const [pair, sender, other] = await Promise.all([1, 2, 3].map(() => generateSharingKeyPair()))
    if (pair === undefined || sender === undefined || other === undefined) throw new Error('three pairs')
    const bundle = new Map<KeyClass, Uint8Array>(
      CLASSES.filter((name) => name !== 'site').map((keyClass) => [keyClass, random(32)]),
    )
    const sealed = await sealClassKeys(bundle, pair.publicKey, { subject, epoch: 4, sender })
    const context = { subject, epoch: 4, sender: sender.publicKey }
    expect(new Map([...(await openClassKeys(sealed, pair, context))].sort())).toEqual(new Map([...bundle].sort()))
    for (const [who, change] of [
      [other, {}],
      [pair, { epoch: 5 }],
      [pair, { subject: random(16) }],
      [pair, { sender: other.publicKey }],
    ] as const)
      expect(await laterCode(openClassKeys(sealed, who, { ...context, ...change }))).toBe('NOT_AUTHENTIC')
  })

  it('is no epoch key, and an epoch key is no bundle', async () => {
    const pair = await generateSharingKeyPair()
    const epochKey = await sealEpochKey(random(32), pair.publicKey, { subject, epoch: 0, sender: pair })
    const context = { subject, epoch: 0, sender: pair.publicKey }
    expect(await laterCode(openClassKeys(epochKey, pair, context))).toBe('NOT_AUTHENTIC')
  })

  it.each([
    ['a class nobody knows', [['everything', new Uint8Array(32)]]],
    ['a class that never leaves', [['site', new Uint8Array(32)]]],
    [
      'a class twice',
      [
        ['laboratory', new Uint8Array(32)],
        ['laboratory', new Uint8Array(32)],
      ],
    ],
    ['a short key', [['laboratory', new Uint8Array(31)]]],
    ['no list', 7],
    ['a consent without an id', [['consent/', new Uint8Array(32)]]],
  ])('with %s is refused, whoever sealed it', async (_what, value) => {
    const pair = await generateSharingKeyPair()
    const sealed = await sealFromSite(encodeCbor(value), pair.publicKey, 'chartseal/class-keys/v1', {
      ...{ subject, epoch: 0, sender: pair },
    })
    const context = { subject, epoch: 0, sender: pair.publicKey }
    expect(await laterCode(openClassKeys(sealed, pair, context))).toBe('NOT_AUTHENTIC')
  })

  it('of any bytes gives a code', async () => {
    const pair = await generateSharingKeyPair()
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const context = { subject, epoch: 0, sender: pair.publicKey }
        expect(await laterCode(openClassKeys(bytes, pair, context))).toBe('NOT_AUTHENTIC')
        const sealed = await sealFromSite(bytes, pair.publicKey, 'chartseal/class-keys/v1', {
          ...{ subject, epoch: 0, sender: pair },
        })
        // An empty list is a bundle of nothing.
        const expected = bytes.length === 1 && bytes[0] === 0x80 ? null : 'NOT_AUTHENTIC'
        expect(await laterCode(openClassKeys(sealed, pair, context))).toBe(expected)
      }),
      { numRuns: 40 },
    )
  })
})
