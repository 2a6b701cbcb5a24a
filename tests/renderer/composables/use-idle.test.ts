import { createPinia, setActivePinia } from 'pinia'
import { enableAutoUnmount, mount } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { defineComponent, h } from 'vue'
import { useIdle } from '../../../src/renderer/composables/use-idle.ts'
import { useSessionStore } from '../../../src/renderer/stores/session.ts'
import { PRACTITIONERS } from '../../support/fake-data.ts'

beforeEach(() => {
  vi.useFakeTimers()
  setActivePinia(createPinia())
})
afterEach(() => vi.useRealTimers())
enableAutoUnmount(afterEach)

/** An open session of three minutes, somebody who is there, and what the core is told. */
function frame() {
  const session = useSessionStore()
  session.replace({ practitioner: PRACTITIONERS[0]!, locked: false, idleLimitS: 180, warnS: 20 })
  const told = {
    activity: vi.spyOn(session, 'activity').mockResolvedValue(),
    lock: vi.spyOn(session, 'lock').mockResolvedValue(),
  }
  let idle!: ReturnType<typeof useIdle>
  const Frame = defineComponent({
    setup: () => {
      idle = useIdle()
      return () => h('div')
    },
  })
  mount(Frame)
  return { ...told, idle, touch: () => window.dispatchEvent(new Event('pointerdown')) }
}

it('warns, starts again with a touch, and locks', () => {
  const { idle, lock, touch } = frame()
  vi.advanceTimersByTime(165_000)
  expect([idle.leftS.value, idle.isWarning.value]).toEqual([15, true])
  touch()
  expect([idle.leftS.value, idle.isWarning.value]).toEqual([180, false])
  vi.advanceTimersByTime(179_000)
  expect(lock).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1000)
  expect(lock).toHaveBeenCalledOnce()
})

it('tells the core that somebody is there, not at every touch', () => {
  const { activity, touch } = frame()
  expect(activity).toHaveBeenCalledTimes(1)
  vi.advanceTimersByTime(9000)
  touch()
  expect(activity).toHaveBeenCalledTimes(1)
  vi.advanceTimersByTime(1000)
  touch()
  expect(activity).toHaveBeenCalledTimes(2)
})

it('locks at the touch that wakes the computer, and takes it for no sign of who was there', () => {
  const { activity, lock, touch } = frame()
  // The monotonic clock stood still; the wall clock did not.
  vi.setSystemTime(Date.now() + 8 * 3_600_000)
  touch()
  expect([lock.mock.calls.length, activity.mock.calls.length]).toEqual([1, 1])
})
