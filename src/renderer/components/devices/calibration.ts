/**
 * When the calibration of a device is due, in words, by the clock of this workstation.
 *
 * @packageDocumentation
 */
import { useI18n } from 'vue-i18n'
import { formatDate } from '../../../clinical/format.ts'
import { localDay } from '../../composables/clinical-time.ts'

/** True from the day on that is named; false without one. */
export function isOverdue(due: string | null | undefined, nowMs: number): boolean {
  return due !== null && due !== undefined && due <= localDay(nowMs)
}

/** Sentences about a due date. */
export function useCalibration() {
  const { t } = useI18n()
  return {
    isOverdue,
    /** `Calibration due since 02-Mar-2026`, `Calibration due on 02-Mar-2027`, or that nobody said. */
    text(due: string | null | undefined, nowMs: number): string {
      if (due === null || due === undefined) return t('devices.calibration.none')
      const date = formatDate(due)
      return isOverdue(due, nowMs) ? t('devices.calibration.since', { date }) : t('devices.calibration.on', { date })
    },
  }
}
