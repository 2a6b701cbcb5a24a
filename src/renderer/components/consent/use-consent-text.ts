import { useI18n } from 'vue-i18n'
import { formatDate } from '../../../clinical/format.ts'
import { useNetworkStore } from '../../stores/network.ts'
import { useSystemStore } from '../../stores/system.ts'
import type { ConsentRecord, ConsentTerms } from '../../api/types.ts'
import { DATA_CLASSES } from './consent-view.ts'

/** Short words for the parts of a consent. The words that count are those that were signed with it. */
export function useConsentText() {
  const { t } = useI18n()
  const network = useNetworkStore()
  const system = useSystemStore()
  return {
    sitesText: (terms: ConsentTerms, ownSite: string): string =>
      terms.sites
        .map((site) =>
          site === ownSite ? t('consent.facts.here', { site: system.status?.clinic ?? site }) : network.nameOf(site),
        )
        .join(', '),
    purposesText: (terms: ConsentTerms): string => terms.purposes.map((one) => t(`consent.purposes.${one}`)).join(', '),
    classesText: ({ classes }: Pick<ConsentTerms, 'classes'>): string =>
      classes.length === DATA_CLASSES.length
        ? t('consent.facts.allClasses')
        : classes.map((one) => t(`consent.classes.${one}`)).join(', '),
    periodText: ({ from, until }: ConsentTerms): string => `${formatDate(from)} – ${formatDate(until)}`,
    signerText: ({ capacity, proxy }: Pick<ConsentRecord, 'capacity' | 'proxy'>): string =>
      capacity === 'guardian' && proxy !== null
        ? t('consent.capacities.guardianNamed', { name: proxy })
        : t(`consent.capacities.${capacity}`),
  }
}
