import type { Grade } from '../api/types.ts'
import { useSystemStore } from '../stores/system.ts'

/** Where a record stands, as it was when it was read. */
interface Standing {
  readonly origin: string
  readonly index: number
  readonly grade: Grade
}

/**
 * The grade of a record now. Cosignatures arrive after it was read, and reading it again would be recorded as another
 * look at the patient: so the core tells how far each log is final.
 */
export function useGrade(): { gradeNow: (position: Standing) => Grade } {
  const system = useSystemStore()
  return {
    gradeNow: ({ origin, index, grade }) => {
      const isFinal = index < (system.finality.get(origin) ?? 0)
      if (!isFinal || (grade.name !== 'sealed' && grade.name !== 'cosigned')) return grade
      return { name: 'final', k: Math.max(grade.k, grade.q), q: grade.q }
    },
  }
}
