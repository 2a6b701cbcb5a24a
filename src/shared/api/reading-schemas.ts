/**
 * Readings, drafts and values typed by hand, as they cross the API.
 *
 * @packageDocumentation
 */
import { z } from 'zod'
import { READING_KINDS } from '../reading-kinds.ts'
import { Decimal, hexOf, Instant } from './primitives.ts'
import { Correction, EntryRef } from './record-schemas.ts'

export const ReadingKind = z.enum(READING_KINDS)
export type ReadingKind = z.infer<typeof ReadingKind>

/** One measured quantity of a reading. */
export const Quantity = z.object({
  /** Which quantity: `systolic`, `diastolic`, `mean`, `pulse`, `spo2`, … (keys of the clinical code table). */
  name: z.string().max(40),
  /** Digits as measured; null when the value is coded (consciousness, air) or off scale without a limit. */
  value: Decimal.nullable(),
  /** The device showed HI or LO: the value is its limit, not a measurement; null when nobody knows the limit. */
  comparator: z.enum(['<', '>']).nullable(),
  /** UCUM code, and the unit as shown. Empty for coded values. */
  ucum: z.string().max(20),
  unit: z.string().max(20),
  /** Coded value (`alert`, `confusion`, `voice`, `pain`, `unresponsive`, `air`, `oxygen`), else null. */
  coded: z.string().max(40).nullable(),
})
export type Quantity = z.infer<typeof Quantity>

/** How the value came: from an enrolled device, typed by hand, or from a device that was not enrolled. */
export const Method = z.enum(['device', 'manual', 'unauthenticated-device', 'patient-reported'])
export type Method = z.infer<typeof Method>

/** What a device and its driver say about one measurement. Shared by drafts and recorded readings. */
const MeasurementContext = z.object({
  kind: ReadingKind,
  quantities: z.array(Quantity).min(1).max(6),
  /** When it was measured, by our clock where the device has none. */
  measuredAt: Instant,
  method: Method,
  deviceLabel: z.string().max(100).nullable(),
  /** Status bits and remarks, as codes: `irregular-pulse`, `movement`, `off-scale`, `confirmed-unusual`, … */
  flags: z.array(z.string().max(40)).max(16),
  /** Where and how, as codes or short text: `right-upper-arm`, `tympanic`, … */
  site: z.string().max(40).nullable(),
  /** The device's own clock at the measurement (local, no zone), and how far it was off ours when read. */
  deviceTime: z.string().max(30).nullable(),
  deviceClockOffsetS: z.number().int().nullable(),
  /** Live streams: the stable window that was reduced to this value. */
  window: z.object({ seconds: z.number().int(), min: Decimal, max: Decimal }).nullable(),
})

/** A recorded reading. */
export const Reading = MeasurementContext.extend({
  /** Readings signed together. */
  setId: z.string().max(40),
  recordedAt: Instant,
  performer: z.string().max(120),
  /** Why it was given to this patient from the tray; absent when it was signed at the bedside. */
  assignedBecause: z.string().min(1).max(200).optional(),
  /** Demonstration or test data. */
  test: z.boolean(),
  /** What became of it; absent while it stands. */
  correction: Correction.optional(),
  /** The entry that it takes the place of. */
  amends: EntryRef.optional(),
  /** How the patient's side signed it, where consent asks for that: absent when nobody was asked. */
  authorised: z.enum(['patient', 'guardian', 'incapable']).optional(),
  /** Why the patient could not sign; goes with `incapable`. */
  unsignedBecause: z.string().min(1).max(200).optional(),
})
export type Reading = z.infer<typeof Reading>

/** A value read from a device and not signed yet. Never shown as a record. */
export const Draft = MeasurementContext.extend({
  draftId: hexOf(16),
  /** The same device record is already in the ledger. */
  alreadyRecorded: z.boolean(),
})
export type Draft = z.infer<typeof Draft>

/** One value typed by hand. */
export const ManualValue = z.object({
  kind: ReadingKind,
  quantities: z
    .array(
      z.object({
        name: z.string().max(40),
        value: Decimal.nullable(),
        ucum: z.string().max(20),
        coded: z.string().max(40).nullable(),
      }),
    )
    .min(1)
    .max(4),
  site: z.string().max(40).nullable(),
  /** The person confirmed an unusual value. */
  confirmed: z.boolean(),
})
export type ManualValue = z.infer<typeof ManualValue>
