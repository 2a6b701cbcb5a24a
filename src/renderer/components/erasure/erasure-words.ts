import { useI18n } from 'vue-i18n'
import { formatDate } from '../../../clinical/format.ts'
import type { ErasureSite } from '../../api/types.ts'
import { timeOf } from '../chart/reading-words.ts'

/** Sentences about erasures. */
export function useErasureWords() {
  const i18n = useI18n()
  const { t } = i18n
  const known = (key: string, code: string): string => (i18n.te(key) ? t(key) : code)
  const whenOf = (instant: string): string => `${formatDate(instant)} ${timeOf(instant)}`
  return {
    whenOf,
    /** Where an erasure stands at another site, or at the other workstations of the own one. */
    siteWords: ({ site, isOwn, state, at, nodes, confirmed }: ErasureSite): string => {
      const where = isOwn ? t('manage.erase.ownSite') : site
      if (state === 'left') return t('manage.erase.siteLeft', { where })
      if (at !== null) return t('manage.erase.siteConfirmed', { where, at: whenOf(at) })
      return t('manage.erase.siteOpen', { where, n: confirmed, of: nodes })
    },
    /** Reason and authority, in words where there are any. */
    why: ({ reason, authority }: { reason: string; authority: string }): string =>
      `${known(`manage.erase.reasons.${reason}`, reason)} (${known(`manage.erase.authorities.${authority}`, authority)})`,
    whose: (handle: string): string => t('manage.erase.of', { handle: handle.slice(0, 8) }),
  }
}
