/**
 * Devices, what they stream, and the tray of what has no patient yet, as they cross the API.
 *
 * @packageDocumentation
 */
import { z } from 'zod'
import { API_CODES, PROVEN } from './codes.ts'
import { DateOnly, Decimal, Handle, hexOf, Instant, words } from './primitives.ts'
import { Draft, Quantity, ReadingKind } from './reading-schemas.ts'

export const DeviceStatus = z.enum(['connecting', 'ready', 'measuring', 'needs-attention', 'unsupported'])

export const Device = z.object({
  /** Stable while plugged in. */
  connectionId: z.string().max(120),
  /** Driver family such as `contec-28e9-028a`; null when unsupported. */
  family: z.string().max(60).nullable(),
  name: z.string().max(100),
  proven: z.enum(PROVEN).nullable(),
  /** How it gives its readings: a stream, one by one as they are measured, or out of its memory. */
  mode: z.enum(['live', 'spot', 'memory']).nullable(),
  /** It keeps readings that can be asked for. */
  memory: z.boolean(),
  kinds: z.array(ReadingKind),
  serial: z.string().max(80).nullable(),
  port: z.string().max(120),
  virtual: z.boolean(),
  status: DeviceStatus,
  problem: z.enum(API_CODES).nullable(),
  /** Handle and asset label when enrolled at this site; null when not. */
  enrolment: z
    .object({
      handle: Handle,
      label: words(60),
      /** From this day on its calibration is due; absent when nobody said. */
      calibrationDue: DateOnly.optional(),
    })
    .nullable(),
})
export type Device = z.infer<typeof Device>

/** What may be on record about a device. */
export const DEVICE_RECORD_KINDS = ['calibration', 'control', 'room', 'clock', 'battery', 'revoked'] as const
export type DeviceRecordKind = (typeof DEVICE_RECORD_KINDS)[number]

/** A device that this site has enrolled, plugged in or not, revoked or not. */
export const DeviceEnrolment = z.object({
  handle: Handle,
  label: words(60),
  name: words(100),
  family: z.string().max(60),
  serial: z.string().max(80).nullable(),
  port: z.string().max(120).nullable(),
  kinds: z.array(ReadingKind),
  calibrationDue: DateOnly.nullable(),
  /** Why its readings are no longer authenticated; `reason` is null when the record of it cannot be read. */
  revoked: z.object({ reason: z.string().max(200).nullable() }).nullable(),
})
export type DeviceEnrolment = z.infer<typeof DeviceEnrolment>

/** Something on record about a device. */
export const DeviceRecord = z.object({
  kind: z.enum(DEVICE_RECORD_KINDS),
  at: Instant,
  /** Who recorded it. */
  by: z.string().max(120),
  result: z.enum(['passed', 'failed']).nullable(),
  /** Calibration: from which day on it is due, null for never. */
  due: DateOnly.nullable(),
  quantities: z.array(Quantity).max(6),
  note: z.string().max(200).nullable(),
})
export type DeviceRecord = z.infer<typeof DeviceRecord>

/** Something that happened on a live stream. Samples come about ten times a second. */
export const LiveEvent = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('samples'),
    /** Milliseconds since the stream started, of the last sample. */
    atMs: z.number().nonnegative(),
    /** Plethysmogram since the last event, 0..127. */
    wave: z.array(z.number().int().min(0).max(127)).max(256),
    spo2: z.number().int().min(0).max(100).nullable(),
    pulse: z.number().int().min(0).max(300).nullable(),
    /** Perfusion index as the device gave it. */
    perfusionIndex: Decimal.nullable(),
    finger: z.boolean(),
    /** Seconds of the current stable window; a draft can be taken from 5 on. */
    stableS: z.number().int().nonnegative(),
  }),
  z.object({ kind: z.literal('ended'), code: z.enum(API_CODES).nullable() }),
])
export type LiveEvent = z.infer<typeof LiveEvent>

/** What a device said that belongs to no patient: a test of the meter, or the temperature of a room or refrigerator. */
export const DeviceCheck = z.object({
  id: hexOf(16),
  receivedAt: Instant,
  reason: z.enum(['control', 'room']),
  draft: Draft,
  /** The enrolled device that it came from; null when that is not enrolled, and it cannot be recorded. */
  device: Handle.nullable(),
  /** Somebody confirmed it, and it is in the ledger. */
  recorded: z.boolean(),
})
export type DeviceCheck = z.infer<typeof DeviceCheck>

/** A recorded exchange with a device, without names of persons. */
export const ExchangeFile = z.object({
  fileName: z.string().regex(/^[a-z0-9.-]{1,120}\.hex$/),
  text: z.string().max(6_000_000),
})
export type ExchangeFile = z.infer<typeof ExchangeFile>

/** Progress of a read-out, then its values. */
export const ReadEvent = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('progress'), done: z.number().int(), total: z.number().int() }),
  z.object({ kind: z.literal('drafts'), drafts: z.array(Draft).max(500) }),
  z.object({ kind: z.literal('ended'), code: z.enum(API_CODES).nullable() }),
])
export type ReadEvent = z.infer<typeof ReadEvent>

export const TrayItem = z.object({
  id: hexOf(16),
  receivedAt: Instant,
  reason: z.enum(['no-patient', 'not-enrolled', 'not-signed']),
  draft: Draft,
})
export type TrayItem = z.infer<typeof TrayItem>
