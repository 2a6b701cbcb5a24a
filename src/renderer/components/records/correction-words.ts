import { useI18n } from 'vue-i18n'
import { formatDate } from '../../../clinical/format.ts'
import type { Correction } from '../../api/types.ts'
import { timeOf } from '../chart/reading-words.ts'

/** Sentences about corrections. */
export function useCorrectionWords() {
  const { t } = useI18n()
  return {
    /** Why, by whom and when. */
    saidBy: ({ reason, by, at }: Correction): string =>
      t('correct.saidBy', { reason, by, at: `${formatDate(at)} ${timeOf(at)}` }),
  }
}
