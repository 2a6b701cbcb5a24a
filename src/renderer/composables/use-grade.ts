import type { Grade } from '../api/types.ts'
import { useSystemStore } from '../stores/system.ts'

/** Where a record stands, as it was when it was read. */
interface Standing {
  readonly origin: string
  readonly index: number
  readonly grade: Grade
  readonly signerEndedAt?: string | undefined
}

/** A grade, and whether whoever signed still worked here by then. */
export interface ShownGrade extends Grade {
  /** When the access of somebody who signed had been ended before they did. */
  readonly signerEndedAt?: string | undefined
}

/**
 * The grade of a record now. Cosignatures arrive after it was read, and reading it again would be recorded as another
 * look at the patient: so the core tells how far each log is final.
 */
export function useGrade(): { gradeNow: (position: Standing) => ShownGrade } {
  const system = useSystemStore()
  return {
    gradeNow: ({ origin, index, grade, signerEndedAt }) => {
      const isFinal = index < (system.finality.get(origin) ?? 0)
      const isNewer = isFinal && (grade.name === 'sealed' || grade.name === 'cosigned')
      const now: Grade = isNewer ? { name: 'final', k: Math.max(grade.k, grade.q), q: grade.q } : grade
      return signerEndedAt === undefined ? now : { ...now, signerEndedAt }
    },
  }
}
