import { useI18n } from 'vue-i18n'
import { formatDate } from '../../../clinical/format.ts'
import { timeOf } from '../chart/reading-words.ts'

/** Sentences about erasures. */
export function useErasureWords() {
  const i18n = useI18n()
  const { t } = i18n
  const known = (key: string, code: string): string => (i18n.te(key) ? t(key) : code)
  return {
    whenOf: (instant: string): string => `${formatDate(instant)} ${timeOf(instant)}`,
    /** Reason and authority, in words where there are any. */
    why: ({ reason, authority }: { reason: string; authority: string }): string =>
      `${known(`manage.erase.reasons.${reason}`, reason)} (${known(`manage.erase.authorities.${authority}`, authority)})`,
    whose: (handle: string): string => t('manage.erase.of', { handle: handle.slice(0, 8) }),
  }
}
