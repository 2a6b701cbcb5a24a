import { useI18n } from 'vue-i18n'
import { ageYears, formatDate, formatQuantities, formatRelative, formatTime } from '../../../clinical/format.ts'
import { flagOf, type Flag } from '../../../clinical/flag-ranges.ts'
import { SITES } from '../../../clinical/codes.ts'
import type { Reading } from '../../api/types.ts'
import type { Verified } from '../../../shared/verified.ts'
import { rowOf } from './flowsheet.ts'

/** Minutes east of UTC of this workstation's clock at a moment. */
function readerOffset(instant: string): number {
  return -new Date(instant).getTimezoneOffset()
}

/** `14:05`, with the offset when the clock that wrote it differs from this one. */
export function timeOf(instant: string): string {
  return formatTime(instant, readerOffset(instant))
}

/** Where the reading lies against the clinic's ranges; null without ranges or outside their ages. */
export function flagOfReading(reading: Verified<Reading>, birthDate: string | null): Flag | null {
  if (birthDate === null) return null
  const age = ageYears(birthDate, reading.measuredAt.slice(0, 10))
  return reading.quantities.map((quantity) => flagOf(quantity, age)).find((flag) => flag !== null) ?? null
}

/** Sentences about readings, for cells, tiles and lists. */
export function useReadingWords() {
  const i18n = useI18n()
  const { t } = i18n

  /** What a code means, or the code itself when there is no word for it. */
  const word = (group: string, code: string): string => {
    const key = `chart.${group}.${code}`
    return i18n.te(key) ? t(key) : code
  }

  /** The value as a cell shows it, without unit where the row has it. */
  const value = (reading: Verified<Reading>): string =>
    reading.quantities.every(({ coded }) => coded === 'air')
      ? t('chart.air')
      : formatQuantities(reading.quantities, rowOf(reading).unit === '')

  /** `SpO2 97 %`. */
  const whole = (reading: Verified<Reading>): string =>
    `${t(`chart.kind.${reading.kind}`)} ${formatQuantities(reading.quantities, true)}`

  /** `SpO2 97 %, 20-Nov-2026 14:05`. */
  const whatAndWhen = (reading: Verified<Reading>): string =>
    `${whole(reading)}, ${formatDate(reading.measuredAt)} ${timeOf(reading.measuredAt)}`

  /** Everything known about how a reading came about, as label and text. */
  function facts(reading: Verified<Reading>, nowMs: number): { label: string; text: string }[] {
    const { site, window, deviceClockOffsetS: offset } = reading
    const source =
      reading.method === 'manual' || reading.method === 'patient-reported'
        ? t(`chart.method.${reading.method}`)
        : `${reading.deviceLabel ?? t('chart.unknownDevice')}${reading.method === 'device' ? '' : `, ${t('chart.method.unauthenticated-device')}`}`
    const list = [
      {
        label: t('chart.fact.measured'),
        text: `${formatDate(reading.measuredAt)} ${timeOf(reading.measuredAt)}, ${formatRelative(reading.measuredAt, nowMs)}`,
      },
      { label: t('chart.fact.source'), text: source },
      { label: t('chart.fact.signedBy'), text: reading.performer },
    ]
    if (site !== null) list.push({ label: t('chart.fact.site'), text: SITES[site]?.text ?? site })
    if (window !== null)
      list.push({
        label: t('chart.fact.window'),
        text: t('chart.windowText', { seconds: window.seconds, min: window.min, max: window.max }),
      })
    if (offset !== null && Math.abs(offset) >= 60)
      list.push({
        label: t('chart.fact.clock'),
        text: t(offset > 0 ? 'chart.clockAhead' : 'chart.clockBehind', { time: spanOf(Math.abs(offset)) }),
      })
    if (reading.flags.length > 0)
      list.push({ label: t('chart.fact.remarks'), text: reading.flags.map((flag) => word('flag', flag)).join('; ') })
    if (reading.authorised !== undefined)
      list.push({ label: t('chart.fact.authorised'), text: t(`chart.authorised.${reading.authorised}`) })
    if (reading.assignedBecause !== undefined)
      list.push({ label: t('chart.fact.assignedBecause'), text: reading.assignedBecause })
    return list
  }

  return { word, value, whole, whatAndWhen, facts }
}

function spanOf(seconds: number): string {
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} d`
}
