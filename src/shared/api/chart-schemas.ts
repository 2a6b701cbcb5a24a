/**
 * One patient's chart, as it crosses the API.
 *
 * @packageDocumentation
 */
import { z } from 'zod'
import { ConsentStanding } from './consent-schemas.ts'
import { Patient } from './people-schemas.ts'
import { Handle, Hash, Instant, rowOf } from './primitives.ts'
import { Reading } from './reading-schemas.ts'
import { Assessment, EntryRef, OxygenScale, PatientReport } from './record-schemas.ts'

/** The log of a workstation, and when all that it had recorded was known here; null for not since the start. */
const HeardLog = z.object({ log: z.string().max(200), heardAt: Instant.nullable() })

/** What was checked to show a chart, and when. */
export const Chart = z.object({
  handle: Handle,
  /** Another site that shares it; absent for the own. */
  site: z.string().max(200).optional(),
  /** Another workstation of this clinic, whose record it is. */
  workstation: HeardLog.optional(),
  /** Further workstations of this clinic: what any of them recorded and was not heard yet is missing. */
  others: z.array(HeardLog).max(64).optional(),
  /** Echo of the request: the window drops answers to questions it no longer asks. */
  generation: z.number().int(),
  patient: rowOf(Patient),
  readings: z.array(rowOf(Reading)),
  assessments: z.array(rowOf(Assessment)),
  reports: z.array(rowOf(PatientReport)),
  consent: ConsentStanding,
  /** While an emergency is open: what whoever looks recorded, and may correct all the same. Empty otherwise. */
  own: z.array(EntryRef),
  /** Null for the record of another site: which scale holds is not known here, and no score is worked out. */
  oxygenScale: OxygenScale.nullable(),
  /** Entries of this patient in the ledger (the length of the subject chain) and how many are readings. */
  chainLength: z.number().int(),
  /** Damaged entries of this ledger that cannot be attributed to a patient: this chart may be incomplete when not 0. */
  unattributedDamage: z.number().int().nonnegative(),
  checkedAt: Instant,
  head: z.object({ origin: z.string(), size: z.number().int(), root: Hash }),
})
export type Chart = z.infer<typeof Chart>
