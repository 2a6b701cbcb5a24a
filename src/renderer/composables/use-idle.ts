import { computed, onBeforeUnmount, onMounted, ref } from 'vue'
import { passedMs, type Moment } from '../../shared/two-clocks.ts'
import { useSessionStore } from '../stores/session.ts'
import { moment } from './moment.ts'

const TELL_EVERY_MS = 10_000
const SIGNS = ['keydown', 'pointerdown', 'wheel'] as const

/**
 * Watches for signs of a person, tells the core about them, and says how long until the session locks. The core
 * locks by its own clocks; this one hides the window even when the core cannot be reached.
 */
export function useIdle() {
  const session = useSessionStore()
  const lastSign = ref(moment())
  const now = ref(moment())
  let told: Moment | null = null

  const leftS = computed(() => {
    const limitS = session.session?.idleLimitS ?? 0
    return Math.max(0, Math.ceil(limitS - passedMs(lastSign.value, now.value) / 1000))
  })
  const isWarning = computed(() => session.isOpen && leftS.value <= (session.session?.warnS ?? 0))

  function stay(): void {
    // The first touch after the computer slept wakes it, and is no sign of who was there before.
    if (look()) return
    lastSign.value = now.value
    if (!session.isOpen || (told !== null && passedMs(told, now.value) < TELL_EVERY_MS)) return
    told = now.value
    void session.activity()
  }

  /** Locks when the time is over, and says so. */
  function look(): boolean {
    now.value = moment()
    const isOver = session.isOpen && leftS.value === 0
    if (isOver) void session.lock()
    return isOver
  }

  let timer: ReturnType<typeof setInterval> | undefined
  onMounted(() => {
    for (const sign of SIGNS) window.addEventListener(sign, stay, { passive: true, capture: true })
    timer = setInterval(look, 1000)
    stay()
  })
  onBeforeUnmount(() => {
    for (const sign of SIGNS) window.removeEventListener(sign, stay, { capture: true })
    clearInterval(timer)
  })
  return { leftS, isWarning, stay }
}
