/**
 * Corrections, assessments, what patients report, exports and erasures: what crosses the API about records.
 *
 * @packageDocumentation
 */
import { z } from 'zod'
import { DateOnly, Decimal, EntryId, Handle, hexOf, Instant, words } from './primitives.ts'
import { DataClass } from './consent-schemas.ts'

/** Where an entry stands. */
export const EntryRef = z.object({ origin: z.string().max(200), index: z.number().int().nonnegative() })
export type EntryRef = z.infer<typeof EntryRef>

/** What became of a reading: it stays, struck through. */
export const Correction = z.object({
  kind: z.enum(['amended', 'entered-in-error']),
  reason: z.string().max(200),
  by: z.string().max(120),
  at: Instant,
  /** The entry that says so. */
  ref: EntryRef,
})
export type Correction = z.infer<typeof Correction>

/** Something that a score was computed from. */
export const AssessmentInput = z.object({
  name: z.enum(['respiratory-rate', 'spo2', 'oxygen', 'systolic', 'pulse', 'consciousness', 'temperature']),
  value: Decimal.nullable(),
  coded: z.string().max(40).nullable(),
  unit: z.string().max(20),
  points: z.number().int().min(0).max(3),
  measuredAt: Instant,
  ref: EntryRef,
})
export type AssessmentInput = z.infer<typeof AssessmentInput>

/** A score with everything it rests on. */
export const Assessment = z.object({
  rule: z.literal('news2'),
  /** Of the rule, such as `RCP 2017`. */
  ruleVersion: z.string().max(40),
  scale: z.union([z.literal(1), z.literal(2)]),
  total: z.number().int().min(0).max(20),
  band: z.enum(['low', 'low-medium', 'medium', 'high']),
  inputs: z.array(AssessmentInput).length(7),
  at: Instant,
  by: z.string().max(120),
})
export type Assessment = z.infer<typeof Assessment>

/** What a score would be now. Without every input there is no total. */
export const AssessmentDraft = z.discriminatedUnion('state', [
  z.object({ state: z.literal('complete'), assessment: Assessment }),
  z.object({
    state: z.literal('incomplete'),
    missing: z.array(AssessmentInput.shape.name),
    inputs: z.array(AssessmentInput).max(6),
  }),
  /** Not for children under 16, in pregnancy, or while it is switched off or nobody can tell whether it is. */
  z.object({
    state: z.literal('not-applicable'),
    why: z.enum(['off', 'off-unsure', 'under-16', 'pregnancy', 'age-unknown']),
  }),
])
export type AssessmentDraft = z.infer<typeof AssessmentDraft>

/** Decision support of the clinic: who switched it on, and when. */
export const DecisionSupport = z.object({
  news2: z.object({
    enabled: z.boolean(),
    /** It was switched on once, and an entry that may have switched it off later is lost: off until somebody decides anew. */
    isUnsure: z.boolean(),
    by: z.string().max(120).nullable(),
    at: Instant.nullable(),
  }),
})
export type DecisionSupport = z.infer<typeof DecisionSupport>

/** The oxygen scale that somebody chose for a patient. */
export const OxygenScale = z.object({
  scale: z.union([z.literal(1), z.literal(2)]),
  by: z.string().max(120).nullable(),
  at: Instant.nullable(),
  reason: z.string().max(200).nullable(),
})
export type OxygenScale = z.infer<typeof OxygenScale>

/** Answers that a patient gave: a questionnaire, or single values. */
export const PatientReport = z.object({
  title: z.string().max(200),
  /** When the patient says it was. */
  authored: Instant,
  recordedAt: Instant,
  /** Who took it in. */
  importedBy: z.string().max(120),
  /** The patient's card signed it. */
  signedByPatient: z.boolean(),
  /** Of the resource in its own system, so that the next version of it is found; null when it has none. */
  identifier: z.string().max(200).nullable(),
  answers: z
    .array(
      z.object({ question: z.string().max(500), answer: z.string().max(2000), depth: z.number().int().min(0).max(8) }),
    )
    .max(500),
  /** That it should not be there; absent while it stands. */
  correction: Correction.optional(),
})
export type PatientReport = z.infer<typeof PatientReport>

/** One thing found in an imported file. */
export const ImportItem = z.object({
  resource: z.enum(['QuestionnaireResponse', 'Observation', 'other']),
  title: z.string().max(200),
  at: Instant.nullable(),
  /** What it says, in short lines. */
  values: z.array(z.string().max(300)).max(20),
  dataClass: DataClass.nullable(),
  verdict: z.enum(['new', 'known', 'update', 'refused']),
  /** Why it is refused: a code. */
  problem: z.string().max(60).nullable(),
})
export type ImportItem = z.infer<typeof ImportItem>

/** A file from a patient, checked and not recorded yet. */
export const ImportPreview = z.object({
  items: z.array(ImportItem).max(200),
  acceptable: z.number().int().nonnegative(),
})
export type ImportPreview = z.infer<typeof ImportPreview>

/** Longest text of an import: a file, or what a scanner typed. */
export const ImportText = z.string().min(2).max(1_000_000)

/** For whom records leave Chartseal. `patient`: the patient's own copy. */
export const ExportPurpose = z.enum(['care', 'insurer', 'research', 'patient'])
export type ExportPurpose = z.infer<typeof ExportPurpose>

export const ExportRequest = z.object({
  handle: Handle,
  purpose: ExportPurpose,
  /** Who gets it, in words: recorded with the export. */
  recipient: words(120),
  format: z.enum(['bundle', 'ips', 'csv']),
  /** Days of measurement, both included; null for all. */
  from: DateOnly.nullable(),
  until: DateOnly.nullable(),
})
export type ExportRequest = z.infer<typeof ExportRequest>

/** What an export would hold, and what is left out because no consent covers it. */
export const ExportPreview = z.object({
  records: z.number().int().nonnegative(),
  withheld: z.number().int().nonnegative(),
  rejected: z.number().int().nonnegative(),
  classes: z.array(DataClass),
})
export type ExportPreview = z.infer<typeof ExportPreview>

/** A file that leaves; its name says nothing about a person. */
export const ExportFile = z.object({
  fileName: z.string().regex(/^[a-z0-9.-]{1,120}$/),
  mediaType: z.string().max(60),
  text: z.string().max(30_000_000),
})
export type ExportFile = z.infer<typeof ExportFile>

/** Everything that leaves, and the entry that says so. */
export const Exported = z.object({ entryId: EntryId, ref: EntryRef, files: z.array(ExportFile).min(2).max(4) })
export type Exported = z.infer<typeof Exported>

/** A code in lower case, such as `patient-request`: what is erased must not be said again in words. */
export const ErasureCode = z
  .string()
  .max(64)
  .regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/)

/** What is to be erased. */
export const ErasureTarget = z.object({
  handle: Handle,
  /** Null for everything about the patient. */
  records: z.array(EntryRef).min(1).max(256).nullable(),
})

/** What an erasure would take away, and what stays. */
export const ErasurePreview = z.object({
  records: z.number().int().nonnegative(),
  /** Keys that go with them. */
  keys: z.number().int().nonnegative(),
  cards: z.number().int().nonnegative(),
  /** Entries that stay, without content. */
  entriesThatStay: z.number().int().nonnegative(),
  /** Sites that hold a copy or a key, and were not reached yet. */
  sites: z.array(z.string().max(200)),
})
export type ErasurePreview = z.infer<typeof ErasurePreview>

/** An erasure that one person signed and that waits for another. */
export const ErasureProposal = z.object({
  id: hexOf(16),
  at: Instant,
  ...ErasureTarget.shape,
  reason: ErasureCode,
  authority: ErasureCode,
  requestedBy: z.string().max(120),
  /** The one who is signed in may complete it. */
  mayApprove: z.boolean(),
})
export type ErasureProposal = z.infer<typeof ErasureProposal>

/** What somebody wrote down while Chartseal could not record it. Waits until a practitioner assigns and signs it. */
export const OutboxNote = z.object({
  id: hexOf(16),
  writtenAt: Instant,
  /** As typed: who wrote it, and about whom. */
  writer: words(120),
  patient: words(200),
  note: z.string().max(1000),
  values: z.array(z.object({ label: z.string().max(60), text: z.string().max(60) })).max(20),
})
export type OutboxNote = z.infer<typeof OutboxNote>

/** A note that somebody took over, or did not need: kept for 90 days with what became of it. */
export const SettledNote = OutboxNote.extend({
  settled: z.object({ at: Instant, by: words(120), reason: z.string().max(200) }),
})
export type SettledNote = z.infer<typeof SettledNote>
