import { computed, onBeforeUnmount, onMounted, ref } from 'vue'
import { useSessionStore } from '../stores/session.ts'

const TELL_EVERY_MS = 10_000
const SIGNS = ['keydown', 'pointerdown', 'wheel'] as const

/**
 * Watches for signs of a person, tells the core about them, and says how long until the session locks. The core
 * locks by its own clock; this one hides the window even when the core cannot be reached.
 */
export function useIdle() {
  const session = useSessionStore()
  const lastSignMs = ref(performance.now())
  const nowMs = ref(performance.now())
  let toldMs = -Infinity

  const leftS = computed(() => {
    const limitS = session.session?.idleLimitS ?? 0
    return Math.max(0, Math.ceil(limitS - (nowMs.value - lastSignMs.value) / 1000))
  })
  const isWarning = computed(() => session.isOpen && leftS.value <= (session.session?.warnS ?? 0))

  function stay(): void {
    lastSignMs.value = nowMs.value = performance.now()
    if (!session.isOpen || lastSignMs.value - toldMs < TELL_EVERY_MS) return
    toldMs = lastSignMs.value
    void session.activity()
  }

  function look(): void {
    nowMs.value = performance.now()
    if (session.isOpen && leftS.value === 0) void session.lock()
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
