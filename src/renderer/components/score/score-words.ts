import { useI18n } from 'vue-i18n'
import { formatDate } from '../../../clinical/format.ts'
import type { Assessment, AssessmentInput } from '../../api/types.ts'
import { timeOf } from '../chart/reading-words.ts'

/** Sentences about scores. */
export function useScoreWords() {
  const i18n = useI18n()
  const { t } = i18n

  /** Digits as recorded with their unit, or the answer in words. */
  function valueOf({ value, coded, unit }: AssessmentInput): string {
    if (value !== null) return unit === '' ? value : `${value} ${unit}`
    const key = `capture.coded.${coded ?? ''}`
    return i18n.te(key) ? t(key) : (coded ?? '')
  }

  return {
    valueOf,
    whenOf: (instant: string): string => `${formatDate(instant)} ${timeOf(instant)}`,
    bandLine: ({ total, band }: Assessment): string => t('score.bandLine', { total, band: t(`score.bands.${band}`) }),
  }
}
