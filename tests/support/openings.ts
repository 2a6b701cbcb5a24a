/** Entries that open later incarnations of a test log. */
import { signCheckpoint } from '../../src/ledger/checkpoint.ts'
import { encodeNodeOpened, type NodeOpened } from '../../src/ledger/fields.ts'
import type { Roster } from '../../src/ledger/roster.ts'
import { decodeRoster } from '../../src/ledger/roster.ts'
import { type Author, handle, testKey, type TestKey, TestLog, verifier } from './ledger-world.ts'

export interface OpeningChange {
  readonly incarnation?: number
  readonly previous?: Partial<NonNullable<NodeOpened['previous']>>
  readonly rosterVersion?: number
  readonly logKey?: TestKey
  readonly authors?: readonly Author[]
  readonly network?: Uint8Array
  /** Name of another log. */
  readonly log?: string
}

/** An opening of the second incarnation, or as a test bends it. */
export function openingOf(log: TestLog, change: OpeningChange = {}): Uint8Array {
  const logKey = change.logKey ?? testKey('log of the second incarnation')
  const [size, root] = [7, new Uint8Array(32).fill(9)]
  const head = { origin: log.origin, size, root }
  const key = { name: log.origin, publicKey: log.own.log.publicKey }
  const note = signCheckpoint(head, key, (message) => log.own.log.sign(message))
  const fields = encodeNodeOpened({
    incarnation: change.incarnation ?? 2,
    instance: handle('instance'),
    previous: { ...head, note, ...change.previous },
    logKey: logKey.publicKey,
    rosterVersion: change.rosterVersion ?? 1,
  })
  const { network = log.network, log: name = log.log } = change
  const body = log.body('node.opened', { fields, network, log: name })
  const authors: readonly Author[] = [
    ['governance', log.own.governance],
    ['log', logKey],
  ]
  return log.entry(body, change.authors ?? authors)
}

/** What openings of a test log are checked against: its only roster. */
export function rulesOf(log: TestLog) {
  const roster = (version: number): Roster | null => (version === 1 ? decodeRoster(log.rosterDocument) : null)
  return { network: log.network, verifier, roster }
}
