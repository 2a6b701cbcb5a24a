import { computed, type ComputedRef } from 'vue'
import type { ConsentNames } from '../../../clinical/consent-words.ts'
import type { Verified } from '../../../shared/verified.ts'
import type { Patient } from '../../api/types.ts'
import { useDecisionsStore } from '../../stores/decisions.ts'
import { useNetworkStore } from '../../stores/network.ts'
import { useSystemStore } from '../../stores/system.ts'

/**
 * Who the words of a consent are about, as people here call them. The vault works out the same words.
 *
 * @param patient - Null where the name is hidden.
 */
export function useConsentNames(patient: Verified<Patient> | null): ComputedRef<ConsentNames> {
  const decisions = useDecisionsStore()
  const network = useNetworkStore()
  const system = useSystemStore()
  return computed(() => {
    const own = system.status?.clinic ?? null
    const others = (network.status?.settings.names ?? []).map(({ site, name }) => [site, name] as const)
    return {
      patient: patient === null ? 'this patient' : `${patient.givenName} ${patient.familyName}`,
      ownSite: decisions.ownSite,
      called: new Map([...(own === null ? [] : [[decisions.ownSite, own] as const]), ...others]),
    }
  })
}
