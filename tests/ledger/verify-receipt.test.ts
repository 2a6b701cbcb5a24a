import { describe, expect, it } from 'vitest'
import { signCheckpoint } from '../../src/ledger/checkpoint.ts'
import { cosign } from '../../src/ledger/cosignature.ts'
import { leafHash, nobleHasher as h } from '../../src/ledger/hash.ts'
import { formatSignature, parseNote } from '../../src/ledger/note.ts'
import { parsePolicy } from '../../src/ledger/policy.ts'
import { encodeReceipt, parseReceipt } from '../../src/ledger/receipt.ts'
import { encodeReceiptExtra } from '../../src/ledger/receipt-extra.ts'
import { mirrorNameOf } from '../../src/ledger/roster.ts'
import { encodeVkey } from '../../src/ledger/vkey.ts'
import { readReceipt, type ReceiptAnchor, verifyReceipt } from '../../src/ledger/verify-receipt.ts'
import { expectCode } from '../support/expect-code.ts'
import { handle, somePayload, TestLog, testKey, verifier } from '../support/ledger-world.ts'
import { slowPath, slowRoot } from '../support/slow-tree.ts'

const log = new TestLog().found()
const reading = log.entry(
  log.body('reading', { subject: handle('patient'), payload: somePayload, fields: new Map([[1, 1]]) }),
  [['practitioner', log.nurse]],
)
log.append(reading)
const leaves = log.entries.map((bytes) => leafHash(h, bytes))
const head = { origin: log.origin, size: leaves.length, root: slowRoot(h, leaves) }
const logKey = { name: log.origin, publicKey: log.own.log.publicKey }
const note = signCheckpoint(head, logKey, log.own.log.sign)
const mirror = { name: mirrorNameOf(log.own.site.id), publicKey: log.own.mirror.publicKey }
const { text } = parseNote(note)
const cosignedNote = note + formatSignature(cosign(text, mirror, 1_760_000_000, log.own.mirror.sign))

const network: ReceiptAnchor = { network: log.network, policy: null }
const policyText = (quorum = 'm') =>
  `log ${encodeVkey({ ...logKey, type: 1 })}\nwitness m ${encodeVkey({ ...mirror, type: 4 })}\nquorum ${quorum}\n`
const policy = (quorum?: string): ReceiptAnchor => ({ network: null, policy: parsePolicy(policyText(quorum)) })

const receiptFor = (index: number, over: { checkpoint?: string; entry?: Uint8Array; roster?: Uint8Array } = {}) =>
  encodeReceipt({
    extra: encodeReceiptExtra({
      entry: over.entry ?? log.entries[index] ?? reading,
      roster: over.roster ?? log.rosterDocument,
    }),
    index,
    path: slowPath(h, index, leaves),
    checkpoint: over.checkpoint ?? note,
  })
const last = leaves.length - 1
const check = (receipt: string, anchor: ReceiptAnchor) => verifyReceipt(h, verifier, readReceipt(receipt), anchor)
const failedOf = (receipt: string, anchor: ReceiptAnchor) => {
  const verdict = check(receipt, anchor)
  const step = verdict.steps.find(({ ok }) => !ok)
  expect(verdict.ok).toBe(step === undefined)
  return step === undefined ? null : `${step.name} ${step.reason ?? ''}`
}

describe('anchored by a network id', () => {
  it('accepts every entry of a log', () => {
    for (const index of leaves.keys()) expect(failedOf(receiptFor(index), network)).toBeNull()
  })

  it('says what it found, and what a receipt cannot show', () => {
    expect(check(receiptFor(last), network)).toMatchObject({
      ok: true,
      head: { origin: log.origin, size: leaves.length },
      entry: { body: { type: 'reading' } },
      cosigned: { k: 0, q: 1, satisfied: false },
      notChecked: ['later-rosters', 'enrolment', 'contract', 'content', 'completeness', 'split-view', 'time'],
      unknownHolders: [expect.stringMatching(/^practitioner [0-9a-f]{64}$/)],
    })
    expect(check(receiptFor(0), network).notChecked).not.toContain('enrolment')
    expect(check(receiptFor(0), network).notChecked).not.toContain('content')
  })

  it('counts the cosignatures of the sites', () => {
    const verdict = check(receiptFor(last, { checkpoint: cosignedNote }), network)
    expect(verdict).toMatchObject({ ok: true, cosigned: { k: 1, q: 1, satisfied: true } })
    expect(verdict.notChecked).not.toContain('split-view')
  })

  const other = new TestLog()
  it.each<[string, string, string]>([
    ['another network', receiptFor(last), 'anchor WRONG_NETWORK'],
    ['a roster of another network', receiptFor(last, { roster: Uint8Array.of(1) }), 'anchor BAD_FIELD'],
    ['another entry', receiptFor(last, { entry: log.entries[0]! }), 'inclusion ROOT_MISMATCH'],
    [
      'an unsigned checkpoint',
      receiptFor(last, { checkpoint: note.replace(/\u2014 \S+/, '\u2014 x') }),
      'checkpoint NOTE_UNSIGNED',
    ],
    ['a note that is none', receiptFor(last, { checkpoint: 'x\n' }), 'log-key BAD_NOTE'],
    [
      'another log of the same key',
      receiptFor(last, {
        checkpoint: signCheckpoint(
          { ...head, origin: 'test.local/riverside/n2/1' },
          { ...logKey, name: 'test.local/riverside/n2/1' },
          log.own.log.sign,
        ),
      }),
      'log-key UNKNOWN_SIGNER',
    ],
    [
      'a checkpoint by another key',
      receiptFor(last, {
        checkpoint: signCheckpoint(head, { ...logKey, publicKey: other.nurse.publicKey }, other.nurse.sign),
      }),
      'checkpoint NOTE_UNSIGNED',
    ],
    [
      'a changed root',
      receiptFor(last, { checkpoint: note.replace(/\n[A-Za-z0-9+/]{43}=\n/, `\n${'A'.repeat(43)}=\n`) }),
      'checkpoint NOTE_SIGNATURE',
    ],
    [
      'a cosignature that does not verify',
      receiptFor(last, { checkpoint: note + formatSignature(cosign(text, mirror, 5, testKey('x').sign)) }),
      'cosignatures NOTE_SIGNATURE',
    ],
  ])('refuses %s', (name, receipt, failed) => {
    const anchor = name === 'another network' ? { network: new Uint8Array(32).fill(1), policy: null } : network
    expect(failedOf(receipt, anchor)).toBe(failed)
  })

  it('ignores lines of strangers', () => {
    const stranger = { name: 'stranger.example/mirror', publicKey: testKey('s').publicKey }
    const checkpoint = note + formatSignature(cosign(text, stranger, 5, testKey('s').sign))
    expect(check(receiptFor(last, { checkpoint }), network)).toMatchObject({ ok: true, cosigned: { k: 0 } })
  })

  it.each<[string, Uint8Array, string]>([
    [
      'a signature that is not real',
      log.entry(log.body('reading', { subject: handle('p'), payload: somePayload, fields: new Map([[1, 1]]) }), [
        ['practitioner', { ...log.nurse, sign: () => new Uint8Array(64) }],
      ]),
      'signatures SIGNATURE_INVALID',
    ],
    [
      'a governance key that no site has',
      log.entry(log.body('roster', { fields: log.rosterFields() }), [['governance', log.nurse]]),
      'signatures UNKNOWN_SIGNER',
    ],
    [
      'a log key that is not the log\u2019s',
      log.entry(log.body('reading', { subject: handle('p'), payload: somePayload, fields: new Map([[1, 1]]) }), [
        ['log', log.nurse],
      ]),
      'signatures UNKNOWN_SIGNER',
    ],
    [
      'an entry of another network',
      log.entry(
        log.body('reading', {
          network: new Uint8Array(32),
          subject: handle('p'),
          payload: somePayload,
          fields: new Map([[1, 1]]),
        }),
        [['practitioner', log.nurse]],
      ),
      'entry WRONG_NETWORK',
    ],
    [
      'an entry of another log',
      log.entry(
        log.body('reading', { log: 'x/y', subject: handle('p'), payload: somePayload, fields: new Map([[1, 1]]) }),
        [['practitioner', log.nurse]],
      ),
      'entry WRONG_LOG',
    ],
    ['what is no entry', Uint8Array.of(0xa0), 'entry BAD_FIELD'],
  ])('refuses %s, although the log signed it', (_name, entry, failed) => {
    const one = { ...head, size: 1, root: leafHash(h, entry) }
    const checkpoint = signCheckpoint(one, logKey, log.own.log.sign)
    const receipt = encodeReceipt({
      extra: encodeReceiptExtra({ entry, roster: log.rosterDocument }),
      index: 0,
      path: [],
      checkpoint,
    })
    expect(failedOf(receipt, network)).toBe(failed)
  })
})

describe('anchored by a policy', () => {
  it('asks for the quorum', () => {
    expect(failedOf(receiptFor(last), policy())).toBe('cosignatures QUORUM_MISSING')
    expect(failedOf(receiptFor(last), policy('none'))).toBeNull()
    expect(failedOf(receiptFor(last, { checkpoint: cosignedNote }), policy())).toBeNull()
  })

  it('says that nobody vouched for the network', () => {
    expect(check(receiptFor(last), policy('none')).notChecked).toContain('network')
  })

  it('asks for a log line', () => {
    const noLogs = { network: null, policy: parsePolicy('quorum none\n') }
    expect(failedOf(receiptFor(last), noLogs)).toBe('log-key UNANCHORED')
  })

  it('must fit the network when both are given', () => {
    const vkey = encodeVkey({ name: log.origin, type: 1, publicKey: log.nurse.publicKey })
    const both = { network: log.network, policy: parsePolicy(`log ${vkey}\nquorum none\n`) }
    expect(failedOf(receiptFor(last), both)).toBe('log-key UNKNOWN_SIGNER')
    expect(failedOf(receiptFor(last), { ...policy('none'), network: log.network })).toBeNull()
  })
})

it('is unanchored without either, whatever else holds', () => {
  const verdict = check(receiptFor(last), { network: null, policy: null })
  expect(verdict.steps.filter(({ ok }) => !ok)).toMatchObject([{ name: 'anchor', reason: 'UNANCHORED' }])
  expect(verdict.ok).toBe(false)
})

it('cannot read a receipt that does not say which entry it is about', () => {
  const bare = encodeReceipt({ extra: null, index: 0, path: [], checkpoint: note })
  expectCode('BAD_RECEIPT', () => readReceipt(bare))
})

it('notices any changed byte, or still says the same', () => {
  const receipt = receiptFor(last)
  const said = JSON.stringify(check(receipt, network).head)
  const extra = parseReceipt(receipt).extra!
  // Every byte of the extra data; the text around it is covered character by character.
  for (let at = 0; at < extra.length; at++) {
    const bent = extra.slice()
    bent[at]! ^= 1
    const text = encodeReceipt({ ...parseReceipt(receipt), extra: bent })
    let verdict
    try {
      verdict = check(text, network)
    } catch {
      continue
    }
    expect({ at, ok: verdict.ok }).toEqual({ at, ok: false })
  }
  const from = receipt.indexOf('\nindex')
  for (let at = from; at < receipt.length; at++) {
    const bent = receipt.slice(0, at) + String.fromCharCode(receipt.charCodeAt(at) ^ 1) + receipt.slice(at + 1)
    let verdict
    try {
      verdict = check(bent, network)
    } catch {
      continue
    }
    if (verdict.ok) expect(JSON.stringify(verdict.head)).toBe(said)
  }
})
