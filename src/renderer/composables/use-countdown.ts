import { computed, onScopeDispose, ref } from 'vue'
import { passedMs } from '../../shared/two-clocks.ts'
import { moment } from './moment.ts'

/** Counts whole seconds down to zero, also while the computer sleeps. */
export function useCountdown() {
  const leftS = ref(0)
  let started = moment()
  let lengthMs = 0
  let timer: ReturnType<typeof setInterval> | undefined

  function look(): void {
    leftS.value = Math.max(0, Math.ceil((lengthMs - passedMs(started, moment())) / 1000))
    if (leftS.value === 0) clearInterval(timer)
  }

  function start(seconds: number): void {
    clearInterval(timer)
    started = moment()
    lengthMs = seconds * 1000
    timer = setInterval(look, 250)
    look()
  }

  onScopeDispose(() => clearInterval(timer))
  /** Minutes and seconds, `1:05`. */
  const text = computed(() => `${Math.floor(leftS.value / 60)}:${String(leftS.value % 60).padStart(2, '0')}`)
  return { leftS, text, start }
}
