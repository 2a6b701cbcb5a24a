/**
 * What a site remembers of rosters it was asked about: which one it approved last, the proposal that waits, and what was
 * put away.
 *
 * @packageDocumentation
 */
import { z } from 'zod'
import type { LastApproval } from '../../../ledger/next-roster.ts'
import { MAX_SITES } from '../../../ledger/quorum.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { KeystoreError } from '../../keystore/errors.ts'
import type { Secrets } from '../../keystore/secrets.ts'
import { readJson, writeJson } from './identity.ts'

const SECRET = 'governance-state'
const Content = z.strictObject({
  last: z
    .strictObject({
      version: z.number().int().positive(),
      attempt: z.number().int().nonnegative(),
      hash: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .transform(fromHex),
    })
    .nullable(),
  proposal: z.string().nullable(),
  away: z.string().nullable().default(null),
  refused: z
    .array(
      z.strictObject({
        site: z.string().max(255),
        version: z.number().int().positive(),
        attempt: z.number().int().nonnegative(),
      }),
    )
    .max(MAX_SITES)
    .default([]),
})

/** See the module's comment. */
export interface GovernanceState {
  /** Never forgotten: that no two rosters follow one rests on it. */
  readonly last: LastApproval | null
  /** A file as `roster-proposal.ts` encodes it; null when none waits. */
  readonly proposal: string | null
  /** The one that somebody put away last: what others are known to have approved in it binds what may follow. */
  readonly away: string | null
  /**
   * Sites in whose favour nothing is heard of that version up to that attempt: somebody here put away what they had
   * approved, and a site approves one roster in a round.
   */
  readonly refused: readonly { readonly site: string; readonly version: number; readonly attempt: number }[]
}

/** @throws KeystoreError `KEYSTORE_DAMAGED`. */
export function readState(secrets: Secrets): GovernanceState {
  const stored = readJson(secrets, SECRET)
  if (stored === null) return { last: null, proposal: null, away: null, refused: [] }
  const state = Content.safeParse(stored)
  if (!state.success) throw new KeystoreError('KEYSTORE_DAMAGED', SECRET)
  return state.data
}

/** Durable when the promise resolves. */
export async function writeState(secrets: Secrets, { last, ...state }: GovernanceState): Promise<void> {
  await writeJson(secrets, SECRET, { last: last === null ? null : { ...last, hash: toHex(last.hash) }, ...state })
}
