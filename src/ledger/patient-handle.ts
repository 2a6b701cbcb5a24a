/**
 * Handles of patients: random, and bound to the log that registers them.
 *
 * @remarks
 * Handles stand in the clear in every entry. Were they free to choose, another log could register a patient under one that it
 * read elsewhere, and nobody could tell whose it is. Layout: `docs/protocol.md`, "Handles of patients". Proven by
 * `tests/ledger/patient-handle.test.ts`.
 *
 * @packageDocumentation
 */
import { concatBytes, equalBytes } from '../shared/bytes.ts'
import type { Entry } from './entry.ts'
import { type Hasher, utf8 } from './hash.ts'

const LABEL = 'chartseal/patient-handle/v1\n'
const HANDLE_SIZE = 16

/**
 * The handle of a patient whose registration has this id.
 *
 * @param log - That registers, without incarnation.
 * @param id - Of the entry, 16 random bytes.
 * @returns 16 bytes.
 */
export function patientHandle(h: Hasher, log: string, id: Uint8Array): Uint8Array {
  return h.sha256(concatBytes(utf8(`${LABEL}${log}\n`), id)).slice(0, HANDLE_SIZE)
}

/**
 * True when a registration names the handle that is its own, and not one that was registered elsewhere.
 *
 * @param log - That holds the entry, without incarnation.
 */
export function isOwnHandle(h: Hasher, log: string, { body }: Pick<Entry, 'body'>): boolean {
  return body.subject !== null && equalBytes(body.subject, patientHandle(h, log, body.id))
}
