import { decodeErasure, type ErasureEntry } from '../../../ledger/erasure.ts'
import { fromHex } from '../../../shared/bytes.ts'
import type { Replica } from './replica.ts'

/** What the proven entries of a subject's chain erase, in their order. */
export function erasuresOf(replica: Pick<Replica, 'chain'>, subject: string): ErasureEntry[] {
  return replica.chain(subject).links.flatMap(({ log, index, type }) => {
    if (type !== 'record.erased') return []
    const verified = log.verifiedEntry(index)
    if ('step' in verified) return []
    const erasure = decodeErasure(verified.entry.body.fields)
    return [{ origin: log.origin, index, subject: fromHex(subject), erasure }]
  })
}

/** The first that erases everything about a subject; null for none. */
export function wholeErasureOf(replica: Pick<Replica, 'chain'>, subject: string): ErasureEntry | null {
  return erasuresOf(replica, subject).find(({ erasure }) => erasure.records === null) ?? null
}
