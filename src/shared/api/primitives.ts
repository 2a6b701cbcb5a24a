/**
 * Ids, times, numbers, results and rows: what every other schema of the API is made of.
 *
 * @packageDocumentation
 */
import { z } from 'zod'
import { API_CODES, VERIFY_STEPS } from './codes.ts'

/** Lower-case hex of `bytes` bytes. */
export const hexOf = (bytes: number) => z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`))
/** Hex of at most `bytes` bytes. */
export const hexUpTo = (bytes: number) =>
  z
    .string()
    .max(bytes * 2)
    .regex(/^(?:[0-9a-f]{2})*$/)
/** Text a person typed: trimmed, not empty, no control characters. */
export const words = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    .regex(/^[^\u0000-\u001f\u007f]*$/)

/** 16 random bytes that stand for a patient, practitioner or device inside one site. */
export const Handle = hexOf(16)
export type Handle = z.infer<typeof Handle>
/** 16 bytes, the idempotency key of an entry. */
export const EntryId = hexOf(16)
export const Hash = hexOf(32)
/** Date without time, `YYYY-MM-DD`. */
export const DateOnly = z.iso.date()
/** ISO 8601 with offset. */
export const Instant = z.iso.datetime({ offset: true })
/** A measured value: digits as the device gave them. */
export const Decimal = z.string().regex(/^-?(?:0|[1-9][0-9]{0,8})(?:\.[0-9]{1,6})?$/)

/**
 * A failed call: branch on `code`; `retryAfterS` only with `PIN_LOCKED`; `detail` names a field, a value kind or a policy;
 * `advice` is what the contract of the network says to whoever that policy refuses.
 */
export const Failure = z.object({
  ok: z.literal(false),
  code: z.enum(API_CODES),
  retryAfterS: z.number().int().nonnegative().optional(),
  detail: z.string().max(200).optional(),
  advice: z.string().max(200).optional(),
})
export type Failure = z.infer<typeof Failure>

/** The reply of every call: the value, or a {@link Failure}. */
export const resultOf = <Value extends z.ZodType>(value: Value) =>
  z.discriminatedUnion('ok', [z.object({ ok: z.literal(true), value }), Failure])

export const Role = z.enum(['physician', 'nurse', 'it', 'auditor'])
export type Role = z.infer<typeof Role>

/** How far an entry has come (design, section 1). `k` of `q` cosignatures of sites. */
export const Grade = z.object({
  name: z.enum(['pending', 'sealed', 'cosigned', 'final', 'contested', 'rejected']),
  k: z.number().int().nonnegative(),
  q: z.number().int().positive(),
})
export type Grade = z.infer<typeof Grade>

/** Where a record stands in the ledger. */
export const Position = z.object({
  origin: z.string().max(200),
  index: z.number().int().nonnegative(),
  entryId: EntryId,
  subject: Handle,
  seq: z.number().int().nonnegative(),
  block: z.number().int().nonnegative(),
  grade: Grade,
  /** When the access of somebody who signed it had been ended, before they did and where the log had not heard of it; absent for most. */
  signerEndedAt: Instant.optional(),
})

/** A record that failed verification: it has no content, only where it stands and what failed. */
const RejectedRow = z.object({
  status: z.literal('rejected'),
  step: z.enum(VERIFY_STEPS),
  /** Short technical reason without patient data, for support. */
  reason: z.string().max(300),
  origin: z.string().max(200),
  index: z.number().int().nonnegative().nullable(),
  entryId: EntryId.nullable(),
  seq: z.number().int().nonnegative().nullable(),
  /**
   * Of step `access`: whose it is, so that the glass can be broken for that patient. Of an enrolment: who it was, so that
   * IT can renew it. Absent otherwise.
   */
  subject: Handle.optional(),
  /** Of a patient of another site: whose record it is. */
  site: z.string().max(200).optional(),
})
export type RejectedRow = z.infer<typeof RejectedRow>

/** A record on the wire. The renderer's API client turns `record` into `Verified`. */
export const rowOf = <Content extends z.ZodType>(content: Content) =>
  z.discriminatedUnion('status', [
    z.object({ status: z.literal('verified'), position: Position, record: content }),
    RejectedRow,
  ])
