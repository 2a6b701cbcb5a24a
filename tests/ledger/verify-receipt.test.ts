import { describe, expect, it } from 'vitest'
import { signCheckpoint } from '../../src/ledger/checkpoint.ts'
import { applyEntry, nextIncarnation } from '../../src/ledger/directory.ts'
import { decodeEntry } from '../../src/ledger/entry.ts'
import { encodeNodeOpened } from '../../src/ledger/fields.ts'
import { rosterMessage } from '../../src/ledger/governance.ts'
import { cosign } from '../../src/ledger/cosignature.ts'
import { hmacSha256 } from '../../src/ledger/disclosure.ts'
import { leafHash, nobleHasher as h } from '../../src/ledger/hash.ts'
import { formatSignature, parseNote } from '../../src/ledger/note.ts'
import { parsePolicy } from '../../src/ledger/policy.ts'
import { encodeReceipt, parseReceipt } from '../../src/ledger/receipt.ts'
import { encodeReceiptExtra } from '../../src/ledger/receipt-extra.ts'
import { encodeRoster, mirrorNameOf, rosterHash } from '../../src/ledger/roster.ts'
import { encodeVkey } from '../../src/ledger/vkey.ts'
import { readReceipt, type ReceiptAnchor, type ReceiptParts, verifyReceipt } from '../../src/ledger/verify-receipt.ts'
import { expectCode } from '../support/expect-code.ts'
import {
  approvalsBy,
  handle,
  somePayload,
  type TestKey,
  testKey,
  TestLog,
  testRoster,
  testSite,
  verifier,
} from '../support/ledger-world.ts'
import { slowPath, slowRoot } from '../support/slow-tree.ts'

const log = new TestLog().found()
const signedRoster = (document: Uint8Array, keys: readonly TestKey[]) => ({
  document,
  approvals: approvalsBy(keys, rosterMessage(log.network, document)),
})
const reading = log.entry(
  log.body('reading', { subject: handle('patient'), payload: somePayload, fields: new Map([[1, 1]]) }),
  [['practitioner', log.nurse]],
)
log.append(reading)
log.append(log.sealEntry())
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

const rosters = [signedRoster(log.rosterDocument, [log.own.governance])]
/** The parts of a receipt for an entry of the log; `over` bends them. */
const partsFor = (index: number): ReceiptParts => ({
  extra: null,
  entry: log.entries[index] ?? reading,
  rosters,
  opened: null,
  seal: log.entries.at(-1) ?? reading,
  sealPath: slowPath(h, leaves.length - 1, leaves),
  index,
  path: slowPath(h, index, leaves),
  checkpoint: note,
  disclosure: null,
})
const textOf = ({ entry, rosters, opened, seal, sealPath, disclosure, ...receipt }: ReceiptParts) =>
  encodeReceipt({ ...receipt, extra: encodeReceiptExtra({ entry, rosters, opened, seal, sealPath, disclosure }) })
const receiptFor = (index: number, over: Partial<ReceiptParts> = {}) => textOf({ ...partsFor(index), ...over })
const last = leaves.length - 2
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
    [
      'a roster of another network',
      receiptFor(last, { rosters: [signedRoster(Uint8Array.of(1), [log.own.governance])] }),
      'anchor WRONG_NETWORK',
    ],
    [
      'a roster that nobody approved',
      receiptFor(last, { rosters: [signedRoster(log.rosterDocument, [testKey('x')])] }),
      'rosters UNKNOWN_SIGNER',
    ],
    ['a seal that is another entry', receiptFor(last, { seal: log.entries[0]! }), 'seal ROOT_MISMATCH'],
    [
      'another entry as the seal',
      receiptFor(last, {
        checkpoint: signCheckpoint(
          { ...head, size: 7, root: slowRoot(h, leaves.slice(0, 7)) },
          logKey,
          log.own.log.sign,
        ),
        seal: reading,
        sealPath: slowPath(h, 6, leaves.slice(0, 7)),
      }),
      'seal SEAL_MISMATCH',
    ],
    ['an opening of a first incarnation', receiptFor(last, { opened: reading }), 'log-key OPENING_NOT_NEXT'],
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
    const bent = [...leaves.slice(0, last), leafHash(h, entry), ...leaves.slice(last + 1)]
    const checkpoint = signCheckpoint({ ...head, root: slowRoot(h, bent) }, logKey, log.own.log.sign)
    const sealPath = slowPath(h, leaves.length - 1, bent)
    const receipt = receiptFor(last, { entry, checkpoint, sealPath, path: slowPath(h, last, bent) })
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

describe('after the first roster', () => {
  const first = testRoster([log.own.site])
  const joined = testSite('test.local/sea')
  const fresh = testKey('fresh log key')
  const changed = {
    ...log.own.site,
    nodes: log.own.site.nodes.map((node) => ({ ...node, logKey: fresh.publicKey })),
  }
  const second = { ...testRoster([log.own.site, joined.site]), version: 2, previous: rosterHash(h, first) }
  const third = { ...testRoster([changed, joined.site]), version: 3, previous: rosterHash(h, second) }
  const both = [log.own.governance, joined.governance]
  const chain = [
    ...rosters,
    signedRoster(encodeRoster(second), both),
    signedRoster(encodeRoster(third), [...both, log.own.log, fresh]),
  ]

  /** The log with two rosters more, sealed under the last, and a receipt for the reading in it. */
  const build = (base: TestLog, origin: string, signer: TestKey, versions = chain) => {
    const world = new TestLog()
    world.entries.push(...base.entries)
    world.directory = base.directory
    for (const signed of versions.slice(world.directory.rosters.length)) {
      const keys = signed.approvals.map(({ publicKey }) =>
        [...both, log.own.log, fresh].find((key) => Buffer.compare(key.publicKey, publicKey) === 0),
      )
      world.append(
        world.rosterEntry(
          signed.document,
          keys.filter((key) => key !== undefined),
        ),
      )
    }
    world.append(world.sealEntry(0, signer))
    const all = world.entries.map((bytes) => leafHash(h, bytes))
    const top = { origin, size: all.length, root: slowRoot(h, all) }
    const checkpoint = signCheckpoint(top, { name: origin, publicKey: signer.publicKey }, signer.sign)
    const parts = (index: number): ReceiptParts => ({
      ...{
        extra: null,
        disclosure: null,
        entry: world.entries[index]!,
        rosters: versions,
        opened: null,
        index,
        checkpoint,
      },
      path: slowPath(h, index, all),
      seal: world.entries.at(-1)!,
      sealPath: slowPath(h, all.length - 1, all),
    })
    return { world, parts }
  }
  const founded = new TestLog().found()
  founded.append(reading)
  const rotated = build(founded, log.origin, fresh)
  const at = founded.entries.length - 1

  it('follows rosters to the one that the seal names, and their keys', () => {
    for (const index of rotated.world.entries.keys()) {
      expect({ index, failed: failedOf(textOf(rotated.parts(index)), network) }).toEqual({ index, failed: null })
    }
    const verdict = check(textOf(rotated.parts(at)), network)
    expect(verdict).toMatchObject({ rosterVersion: 3, cosigned: { k: 0, q: 2 } })
    expect(verdict.logKey).toEqual(fresh.publicKey)
  })

  it('counts the sites of the roster that the seal names', () => {
    const line = (site: typeof joined, checkpoint: string) => {
      const key = { name: mirrorNameOf(site.site.id), publicKey: site.mirror.publicKey }
      return formatSignature(cosign(parseNote(checkpoint).text, key, 5, site.mirror.sign))
    }
    const parts = rotated.parts(at)
    const one = parts.checkpoint + line(log.own, parts.checkpoint)
    expect(check(textOf({ ...parts, checkpoint: one }), network).cosigned).toEqual({ k: 1, q: 2, satisfied: false })
    const two = one + line(joined, parts.checkpoint)
    expect(check(textOf({ ...parts, checkpoint: two }), network).cosigned).toEqual({ k: 2, q: 2, satisfied: true })
    expect(check(receiptFor(last, { checkpoint: note + line(joined, note) }), network).cosigned).toMatchObject({ k: 0 })
  })

  it.each<[string, Partial<ReceiptParts>, string]>([
    ['fewer rosters than the seal names', { rosters: chain.slice(0, 2) }, 'checkpoint NOTE_UNSIGNED'],
    ['a roster left out', { rosters: [chain[0]!, chain[2]!] }, 'rosters ROSTER_NOT_NEXT'],
    [
      'a roster without the approval of who joins',
      { rosters: [chain[0]!, signedRoster(encodeRoster(second), [log.own.governance]), chain[2]!] },
      'rosters SIGNATURE_MISSING',
    ],
    ['a roster of rosters out of order', { rosters: [chain[0]!, chain[2]!, chain[1]!] }, 'rosters ROSTER_NOT_NEXT'],
  ])('refuses %s', (_name, over, failed) => {
    expect(failedOf(textOf({ ...rotated.parts(at), ...over }), network)).toBe(failed)
  })

  it('refuses more rosters than the seal names', () => {
    const two = build(founded, log.origin, log.own.log, chain.slice(0, 2))
    expect(failedOf(textOf(two.parts(at)), network)).toBeNull()
    const more = { ...testRoster([log.own.site, joined.site, testSite('test.local/x').site]) }
    const extra = { ...more, version: 3, previous: rosterHash(h, second) }
    const keys = [...both, testSite('test.local/x').governance]
    const longer = [...chain.slice(0, 2), signedRoster(encodeRoster(extra), keys)]
    expect(failedOf(textOf({ ...two.parts(at), rosters: longer }), network)).toBe('seal SEAL_MISMATCH')
  })

  describe('in a later incarnation', () => {
    const origin = 'test.local/riverside/n1/2'
    const next = testKey('log key 2')
    const opening = (over: object = {}, by: readonly TestKey[] = [log.own.governance, next]) =>
      log.entry(
        log.body('node.opened', {
          fields: encodeNodeOpened({
            incarnation: 2,
            instance: handle('i'),
            previous: { origin: log.origin, size: head.size, root: head.root, note },
            logKey: next.publicKey,
            rosterVersion: 1,
            ...over,
          }),
        }),
        [
          ['governance', by[0]!],
          ['log', by[1]!],
        ],
      )
    const build2 = (opened: Uint8Array, signer = next, versions = chain.slice(0, 1)) => {
      const base = new TestLog()
      base.directory = applyEntry(nextIncarnation(log.directory, head.size), 0, decodeEntry(opened))
      base.entries.push(opened, reading)
      const { parts } = build(base, origin, signer, versions)
      return { ...parts(1), opened }
    }
    const good = build2(opening())

    it('takes the key from the entry that opened it', () => {
      const verdict = check(textOf(good), network)
      expect(verdict.steps.filter(({ ok }) => !ok)).toEqual([])
      expect(verdict.logKey).toEqual(next.publicKey)
    })

    it('takes the key of a roster that replaced it', () => {
      expect(failedOf(textOf(build2(opening(), fresh, chain)), network)).toBeNull()
      expect(failedOf(textOf(build2(opening(), next, chain)), network)).toBe('checkpoint NOTE_UNSIGNED')
    })

    it.each<[string, ReceiptParts, string]>([
      ['no opening', { ...good, opened: null }, 'log-key OPENING_NOT_NEXT'],
      ['another entry', { ...good, opened: reading }, 'log-key OPENING_NOT_NEXT'],
      ['the key before', build2(opening(), log.own.log), 'checkpoint NOTE_UNSIGNED'],
      ['an opening by nobody', build2(opening({}, [testKey('x'), next])), 'log-key UNKNOWN_SIGNER'],
      ['an opening with another key', build2(opening({}, [log.own.governance, fresh])), 'log-key UNKNOWN_SIGNER'],
      ['an opening of another incarnation', build2(opening({ incarnation: 3 })), 'log-key OPENING_NOT_NEXT'],
      [
        'an opening under a roster that is not there',
        build2(opening({ rosterVersion: 2 })),
        'log-key OPENING_NOT_NEXT',
      ],
    ])('refuses %s', (_name, parts, failed) => {
      expect(failedOf(textOf(parts), network)).toBe(failed)
    })
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

describe('a disclosure', () => {
  const plaintext = new TextEncoder().encode('{"resourceType":"Observation"}')
  const salt = new Uint8Array(32).fill(9)
  const committed = new TestLog().found()
  const commitment = hmacSha256(h, salt, plaintext)
  const entry = committed.entry(
    committed.body('reading', {
      subject: handle('patient'),
      payload: { ...somePayload, commitment },
      fields: new Map([[1, 1]]),
    }),
    [['practitioner', committed.nurse]],
  )
  committed.append(entry)
  committed.append(committed.sealEntry())
  const all = committed.entries.map((bytes) => leafHash(h, bytes))
  const key = { name: committed.origin, publicKey: committed.own.log.publicKey }
  const signedHead = { origin: committed.origin, size: all.length, root: slowRoot(h, all) }
  const parts = (index: number, disclosure: ReceiptParts['disclosure']): ReceiptParts => ({
    ...{
      extra: null,
      entry: committed.entries[index]!,
      opened: null,
      seal: committed.entries.at(-1)!,
      index,
      disclosure,
    },
    rosters: [
      {
        document: committed.rosterDocument,
        approvals: approvalsBy([committed.own.governance], rosterMessage(committed.network, committed.rosterDocument)),
      },
    ],
    sealPath: slowPath(h, all.length - 1, all),
    path: slowPath(h, index, all),
    checkpoint: signCheckpoint(signedHead, key, committed.own.log.sign),
  })
  const verdictOf = (disclosure: ReceiptParts['disclosure'], index = all.length - 2) =>
    verifyReceipt(h, verifier, readReceipt(textOf(parts(index, disclosure))), {
      network: committed.network,
      policy: null,
    })

  it('is checked against what the signers committed to, and is then no limit any more', () => {
    const open = verdictOf({ plaintext, salt })
    expect(open.ok).toBe(true)
    expect(open.steps.at(-1)).toMatchObject({ name: 'content', ok: true })
    expect(open.notChecked).not.toContain('content')
    const closed = verdictOf(null)
    expect(closed.steps.map(({ name }) => name)).not.toContain('content')
    expect(closed.notChecked).toContain('content')
  })

  it.each<[string, ReceiptParts['disclosure'], number, string]>([
    ['other content', { plaintext: plaintext.with(3, 0), salt }, all.length - 2, 'COMMITMENT_MISMATCH'],
    ['one byte more', { plaintext: Uint8Array.of(...plaintext, 0), salt }, all.length - 2, 'COMMITMENT_MISMATCH'],
    ['another salt', { plaintext, salt: salt.with(0, 0) }, all.length - 2, 'COMMITMENT_MISMATCH'],
    ['an entry without content', { plaintext, salt }, all.length - 1, 'NO_PAYLOAD'],
  ])('is turned away with %s', (_, disclosure, index, reason) => {
    const verdict = verdictOf(disclosure, index)
    expect(verdict.ok).toBe(false)
    expect(verdict.steps.filter(({ ok }) => !ok)).toMatchObject([{ name: 'content', reason }])
  })
})
