/**
 * What somebody who joins remembers between starts, kept with their keys.
 *
 * @packageDocumentation
 */
import { z } from 'zod'
import { fromHex } from '../../../shared/bytes.ts'
import type { Keystore } from '../../keystore/keystore.ts'
import { ApiFailure } from '../failure.ts'
import { readJson } from '../vault/identity.ts'

/** Name of the secret that holds {@link JoiningState}. */
export const JOINING_SECRET = 'joining'

const Bytes = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .transform(fromHex)
const Kept = z.strictObject({
  /** A clinic of its own, or a node of the clinic that invites. */
  kind: z.enum(['site', 'workstation']).default('site'),
  /** Empty for a node: its clinic says what it is called. */
  clinic: z.string(),
  site: z.string(),
  log: z.string(),
  invitation: z.string(),
  /** Null for a node: its clinic has one. */
  recoveryKey: Bytes.nullable(),
  /** Null for a node without people. */
  administrator: z.strictObject({ handle: z.string(), name: z.string(), publicKey: Bytes }).nullable(),
})
/** What is remembered while somebody joins. */
export type JoiningState = z.infer<typeof Kept>

/** What a keystore remembers of joining. */
export function readJoining({ secrets }: Keystore): JoiningState {
  const kept = Kept.safeParse(readJson(secrets, JOINING_SECRET))
  if (!kept.success) throw new ApiFailure('KEYSTORE_DAMAGED')
  return kept.data
}
