import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodeCbor, encodeCbor } from '../../../../src/ledger/cbor.ts'
import { encodeIncident } from '../../../../src/ledger/fields.ts'
import { LedgerError } from '../../../../src/ledger/errors.ts'
import { decodeDamage, encodeDamage, incidentOf } from '../../../../src/main/core/vault/incidents.ts'
import type { DamagedKind, DamageOutcome, QuarantineRow } from '../../../../src/main/store/store.ts'

const row = (id: number, kind: DamagedKind, index: number, outcome: DamageOutcome): QuarantineRow => ({
  id,
  origin: 'chartseal.test/a/n1/1',
  kind,
  level: 0,
  index,
  subject: null,
  bytes: null,
  reason: '',
  foundAtMs: 0,
  outcome,
  incident: null,
})

it('is about what is worst, and joins neighbours', () => {
  const rows = [row(1, 'entry', 5, 'repaired'), row(2, 'entry', 4, 'repaired'), row(3, 'entry', 9, 'repaired')]
  expect(incidentOf(rows, true)).toMatchObject({
    kind: 'rows.repaired',
    groups: [
      {
        kind: 'entry',
        outcome: 'repaired',
        count: 3,
        ranges: [
          [4, 6],
          [9, 10],
        ],
      },
    ],
  })
  expect(incidentOf([...rows, row(4, 'tile', 0, 'open')], false).kind).toBe('rows.damaged')
  expect(incidentOf([...rows, row(4, 'tile', 0, 'open')], true).kind).toBe('rows.lost')
  expect(incidentOf([row(1, 'payload', 5, 'removed')], true).kind).toBe('rows.repaired')
})

it('says nothing of whose a key was', () => {
  const [group] = incidentOf([{ ...row(1, 'epoch-key', 3, 'open'), subject: new Uint8Array(16).fill(7) }], false).groups
  expect(group).toEqual({ origin: 'chartseal.test/a/n1/1', kind: 'epoch-key', outcome: 'open', count: 1, ranges: [] })
})

it('has the same id for the same report, and another for another', () => {
  const rows = [row(1, 'entry', 5, 'open'), row(2, 'entry', 6, 'open')]
  expect(incidentOf(rows, false).id).toEqual(incidentOf(rows, true).id)
  const others = [[row(1, 'entry', 5, 'open')], [row(1, 'entry', 5, 'repaired'), row(2, 'entry', 6, 'open')]]
  for (const other of others) expect(incidentOf(other, false).id).not.toEqual(incidentOf(rows, false).id)
})

const anyRow = fc
  .record({
    kind: fc.constantFrom<DamagedKind>(
      ...(['entry', 'payload', 'tile', 'checkpoint', 'epoch-key', 'recovery-copy', 'index'] as const),
      ...(['cosignature', 'mirror', 'evidence'] as const),
    ),
    outcome: fc.constantFrom<DamageOutcome>('open', 'repaired', 'removed'),
    index: fc.nat(2000),
  })
  .map(({ kind, outcome, index }) => row(index, kind, index, outcome))

it('reads back what it wrote, and fits into an entry however much is damaged', () => {
  fc.assert(
    fc.property(fc.array(anyRow, { minLength: 1, maxLength: 500 }), (rows) => {
      const { kind, groups } = incidentOf(rows, false)
      expect(decodeDamage(encodeDamage(groups))).toEqual({ groups, nodes: [] })
      const nodes = ['chartseal.test/a/n2', 'chartseal.test/b/n1']
      expect(decodeDamage(encodeDamage(groups, nodes))).toEqual({ groups, nodes })
      expect(encodeCbor(encodeIncident({ kind, details: encodeDamage(groups) })).length).toBeLessThan(20_000)
      expect(groups.reduce((sum, { count }) => sum + count, 0)).toBe(rows.length)
    }),
  )
})

it('refuses details of any other shape with a code', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        decodeDamage(decodeCbor(bytes, 100) as never)
      } catch (error) {
        expect(error).toBeInstanceOf(LedgerError)
      }
    }),
  )
})
