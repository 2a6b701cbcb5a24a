import { useI18n } from 'vue-i18n'
import { formatDate } from '../../../clinical/format.ts'
import { useAccessStore } from '../../stores/access.ts'
import { useNetworkStore } from '../../stores/network.ts'
import { useSystemStore } from '../../stores/system.ts'
import type { AccessRecord } from '../../api/types.ts'
import { timeOf } from '../chart/reading-words.ts'

/** Sentences about accesses. */
export function useAccessWords() {
  const i18n = useI18n()
  const { t } = i18n
  const access = useAccessStore()
  const system = useSystemStore()
  const network = useNetworkStore()

  /** The clinic's name for this site, and what people here call any other. */
  const siteOf = ({ site }: AccessRecord): string =>
    site === access.ownSite ? (system.status?.clinic ?? site) : network.nameOf(site)
  const whenOf = (instant: string): string => `${formatDate(instant)} ${timeOf(instant)}`
  const what = ({ kind }: AccessRecord): string => t(`access.looked.kinds.${kind}`)
  const why = ({ purpose }: AccessRecord): string => {
    const key = `access.looked.purposes.${purpose}`
    return i18n.te(key) ? t(key) : purpose
  }

  /** Everything else there is to say, one sentence each. */
  function remarks({ kind, reason, review, finding }: AccessRecord): string[] {
    const list: string[] = []
    if (reason !== null) {
      list.push(t(`access.glass.reasons.${reason.code}`))
      list.push(reason.text === null ? t('access.looked.wordsHidden') : `“${reason.text}”`)
    }
    if (finding !== null) list.push(t(`access.looked.findingsText.${finding}`))
    if (review !== null) {
      const outcome = t(`access.audit.review.outcomes.${review.outcome}`)
      list.push(t('access.looked.reviewed', { outcome, by: review.by, at: whenOf(review.at) }))
      if (review.remark !== null) list.push(`“${review.remark}”`)
    } else if (kind === 'emergency') list.push(t('access.looked.waiting'))
    return list
  }

  /** `Patient 0a1b2c3d…`, or how many. */
  function patients({ subjects }: AccessRecord): string {
    const [first] = subjects
    return subjects.length === 1 && first !== undefined
      ? t('access.looked.patient', { handle: first.slice(0, 8) })
      : t('access.looked.manyPatients', { n: subjects.length }, subjects.length)
  }

  return { siteOf, whenOf, what, why, remarks, patients }
}
