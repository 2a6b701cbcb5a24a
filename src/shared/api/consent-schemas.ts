/**
 * Patients' cards, consents, and who looked: what crosses the API about who may see what.
 *
 * @packageDocumentation
 */
import { z } from 'zod'
import { DateOnly, EntryId, Handle, hexOf, Instant, Role, words } from './primitives.ts'

/** What a consent is given for. */
export const PURPOSES = ['care', 'emergency', 'insurer', 'research'] as const
export const Purpose = z.enum(PURPOSES)
export type Purpose = z.infer<typeof Purpose>

/** Kinds of data that a consent names one by one. Each has keys of its own. */
export const DATA_CLASSES = [
  'demographics', // name, birth date, identifier
  'vital-signs',
  'body-measures', // weight and what a scale derives
  'laboratory', // glucose and ketones
  'assessments', // scores
  'patient-reported',
] as const
export const DataClass = z.enum(DATA_CLASSES)
export type DataClass = z.infer<typeof DataClass>

/** Who signs for the patient. */
export const CAPACITIES = ['patient', 'guardian', 'incapable'] as const
export const Capacity = z.enum(CAPACITIES)
export type Capacity = z.infer<typeof Capacity>

/** One list of distinct words, at least one. */
const some = <Word extends z.ZodType>(word: Word, max: number) =>
  z
    .array(word)
    .min(1)
    .max(max)
    .refine((list) => new Set(list).size === list.length)

/** What a consent says. The patient is shown it in plain words, and those words are signed with it. */
export const ConsentTerms = z.object({
  /** Ids of sites; the own one is among them when its people may look. */
  sites: some(z.string().min(1).max(200), 64),
  purposes: some(Purpose, PURPOSES.length),
  classes: some(DataClass, DATA_CLASSES.length),
  /** First day, and the day from which on it no longer holds. */
  from: DateOnly,
  until: DateOnly,
  /** Also what was recorded before it. */
  history: z.boolean(),
  /** Every reading that it covers needs the patient's signature as well. */
  asksSignature: z.boolean(),
  /** How old the newest proof of the log may be that another site relies on, in minutes: while connected, and offline. */
  freshness: z.object({
    onlineMin: z.number().int().min(1).max(1440),
    offlineMin: z.number().int().min(1).max(43_200),
  }),
})
export type ConsentTerms = z.infer<typeof ConsentTerms>

/** One version of a consent, as recorded. */
export const ConsentRecord = z.object({
  /** Stays the same for all versions. */
  consentId: hexOf(16),
  version: z.number().int().positive(),
  kind: z.enum(['granted', 'amended', 'revoked']),
  terms: ConsentTerms,
  /** The words that the patient was shown, one paragraph each. */
  words: z.array(z.string().max(2000)).max(40),
  capacity: Capacity,
  /** Who signed for the patient when it was not the patient; null otherwise. */
  proxy: z.string().max(120).nullable(),
  /** Practitioners who signed. */
  recordedBy: z.array(z.string().max(120)).min(1).max(4),
  at: Instant,
  /** Of a revocation: why, and whether the card signed it or the patient said it. */
  revocation: z.object({ how: z.enum(['card', 'spoken']), reason: z.string().max(200) }).nullable(),
})
export type ConsentRecord = z.infer<typeof ConsentRecord>

/** Whether this site's people may see a patient's data, and why. */
export const ConsentStanding = z.object({
  /**
   * `none`: the patient decided nothing, the data is the own site's; `covers`: all kinds of data; `partly`: those of `classes`;
   * `refused`: revoked, expired or not for this site; `unknown`: an entry is damaged that may be a decision.
   */
  state: z.enum(['none', 'covers', 'partly', 'refused', 'unknown']),
  /** Kinds of data that may be seen for care. */
  classes: z.array(DataClass),
  /** The day from which on the last consent that covers no longer holds; null for none. */
  until: DateOnly.nullable(),
  /** Readings need the patient's signature. */
  asksSignature: z.boolean(),
  /** Until when the glass is broken for whoever asks; null when it is not. */
  emergencyUntil: Instant.nullable(),
})
export type ConsentStanding = z.infer<typeof ConsentStanding>

/** The patient's own signature: what was read from the card, and the PIN that was typed by the patient. */
export const CardProof = z.object({ text: z.string().trim().min(20).max(400), pin: z.string().min(4).max(64) })
export type CardProof = z.infer<typeof CardProof>

/** How the patient's side signs something. */
export const Authorisation = z.discriminatedUnion('how', [
  z.object({ how: z.literal('card'), card: CardProof }),
  /** The patient cannot sign: why, in words. What else is needed then is for the contract to say. */
  z.object({ how: z.literal('incapable'), reason: words(200) }),
])
export type Authorisation = z.infer<typeof Authorisation>

/** A second practitioner at the same workstation, for what two must sign. */
export const SecondSigner = z.object({ handle: Handle, pin: z.string().min(4).max(64) })
export type SecondSigner = z.infer<typeof SecondSigner>

/** A card of a patient, or of who signs for the patient. */
export const PatientCard = z.object({
  cardId: hexOf(16),
  capacity: z.enum(['patient', 'guardian']),
  /** Name of a guardian; null on the patient's own card. */
  holder: z.string().max(120).nullable(),
  issuedAt: Instant,
  issuedBy: z.string().max(120),
  revoked: z.object({ at: Instant, reason: z.string().max(200) }).nullable(),
  /** False when this workstation does not hold the other share of its key. */
  usableHere: z.boolean(),
})
export type PatientCard = z.infer<typeof PatientCard>

/** What is printed on a new card, shown once: digits only, so that every keyboard layout of a scanner types it right. */
export const PrintedCard = z.object({ card: PatientCard, text: z.string().regex(/^[0-9]{20,400}$/) })
export type PrintedCard = z.infer<typeof PrintedCard>

/** Why the glass is broken. */
export const EMERGENCY_REASONS = [
  'life-threat',
  'unconscious',
  'consent-unavailable',
  'safety-of-others',
  'other',
] as const
export const EmergencyReason = z.enum(EMERGENCY_REASONS)
export type EmergencyReason = z.infer<typeof EmergencyReason>

/** What a review found. */
export const REVIEW_OUTCOMES = ['justified', 'not-justified', 'follow-up'] as const
export const ReviewOutcome = z.enum(REVIEW_OUTCOMES)
export type ReviewOutcome = z.infer<typeof ReviewOutcome>

/** Somebody looked, exported, or broke the glass. Says who and when, never what was seen. */
export const AccessRecord = z.object({
  entryId: EntryId,
  at: Instant,
  practitioner: z.string().max(120),
  role: Role,
  site: z.string().max(200),
  kind: z.enum(['view', 'list', 'emergency', 'export']),
  /** Such as `care`; of an export what it was for. */
  purpose: z.string().max(64),
  /** Patients by handle: one, or those that a list showed. */
  subjects: z.array(Handle).max(2000),
  /** Of an emergency: code, and the words where the asker may read them. */
  reason: z.object({ code: EmergencyReason, text: z.string().max(500).nullable() }).nullable(),
  review: z
    .object({
      outcome: ReviewOutcome,
      remark: z.string().max(500).nullable(),
      by: z.string().max(120),
      at: Instant,
    })
    .nullable(),
  /** `violation`: it cites a head that holds the revocation already; `concurrent`: revoked elsewhere at that time. */
  finding: z.enum(['violation', 'concurrent']).nullable(),
})
export type AccessRecord = z.infer<typeof AccessRecord>
