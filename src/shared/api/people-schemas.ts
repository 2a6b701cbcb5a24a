/**
 * Patients, practitioners and who is signed in, as they cross the API.
 *
 * @packageDocumentation
 */
import { z } from 'zod'
import { DateOnly, Handle, Instant, Role, words } from './primitives.ts'

export const Patient = z.object({
  handle: Handle,
  familyName: words(100),
  givenName: words(100),
  birthDate: DateOnly,
  gender: z.enum(['female', 'male', 'other', 'unknown']),
  /** Medical record number, the second identifier. */
  identifier: words(40),
  /** Another site, whose record it is and which shares it; absent for the own. */
  site: z.string().max(200).optional(),
  /** Log of another workstation of this clinic, where the patient is registered; absent for this one's. */
  workstation: z.string().max(200).optional(),
})
export type Patient = z.infer<typeof Patient>

export const Practitioner = z.object({ handle: Handle, name: words(120), role: Role })
export type Practitioner = z.infer<typeof Practitioner>

/** A practitioner as on record; a revoked one signs nothing any more. */
export const PractitionerRecord = Practitioner.extend({
  enrolledAt: Instant,
  revoked: z.object({ at: Instant, reason: z.string().max(200) }).nullable(),
})
export type PractitionerRecord = z.infer<typeof PractitionerRecord>

export const Session = z.object({
  practitioner: Practitioner,
  locked: z.boolean(),
  /** Seconds without activity after which the session locks, and how long before that a warning shows. */
  idleLimitS: z.number().int(),
  warnS: z.number().int(),
})
export type Session = z.infer<typeof Session>
