import { useI18n } from 'vue-i18n'
import type { NetworkLog } from '../../api/types.ts'

/** Words for codes of the network: why a node is not reached, which rule an entry broke, how a log stands. */
export function useNetworkWords() {
  const i18n = useI18n()
  const { t } = i18n
  const known = (group: string, code: string): string =>
    i18n.te(`${group}.${code}`) ? t(`${group}.${code}`) : t(`${group}.unknown`, { code })

  const problemText = (code: string): string => known('network.problems', code)
  const ruleText = (code: string): string => known('network.rules', code)

  function logState({ state, known: signed, verified, final, refused, doubt }: NetworkLog): string {
    if (state === 'contested' && doubt !== null) return t(`network.logs.doubts.${doubt}`)
    if (state === 'refused' && refused !== null)
      return t('network.logs.states.refused', { index: refused.index, rule: ruleText(refused.code) })
    if (state === 'behind') {
      const n = Math.max(1, signed - verified)
      return t('network.logs.states.behind', { n }, n)
    }
    if (state !== 'current') return t(`network.logs.states.${state}`)
    const n = Math.max(0, signed - final)
    return n === 0 ? t('network.logs.states.final') : t('network.logs.states.waiting', { n }, n)
  }

  return { problemText, ruleText, logState }
}

/** Bytes as people read them: `812 B`, `4.1 kB`, `12 MB`. */
export function bytesText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const step = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3))
  const value = bytes / 1000 ** step
  return `${step === 0 || value >= 10 ? Math.round(value) : value.toFixed(1)} ${units[step] ?? ''}`
}

/** The part of a log's name that tells it from other logs of its site. */
export function shortLog(log: string): string {
  return log.split('/').at(-1) ?? log
}

/** Name of the log of an origin, without the number of its incarnation. */
export function logOfOrigin(origin: string): string {
  return origin.slice(0, origin.lastIndexOf('/'))
}

/** Who is to be taken out: a clinic by its id, a machine of the own one by its log, a witness by its name. */
export interface Removal {
  readonly kind: 'site' | 'node' | 'witness'
  readonly name: string
}
