import { describe, expect, it, vi } from 'vitest'
import { effectScope } from 'vue'
import { clockTime, localDay, localInstant } from '../../../src/renderer/composables/clinical-time.ts'
import { useCountdown } from '../../../src/renderer/composables/use-countdown.ts'
import { combinationOf, isTyping } from '../../../src/renderer/composables/use-shortcuts.ts'

describe('clinical time', () => {
  it('writes a moment as the clock here shows it, with its offset', () => {
    for (const instant of ['2026-01-15T23:30:00Z', '2026-07-15T00:10:00+02:00', '2026-11-20T08:14:59-05:00']) {
      const text = localInstant(instant)
      expect(text).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/)
      expect(Date.parse(text)).toBe(Date.parse(instant))
      expect(text.slice(11, 16)).toBe(clockTime(Date.parse(instant)))
      expect(text.slice(0, 10)).toBe(localDay(instant))
    }
  })
})

describe('shortcuts', () => {
  const key = (init: KeyboardEventInit) => combinationOf(new KeyboardEvent('keydown', init))

  it('name combinations the way the list of shortcuts writes them', () => {
    expect(key({ key: 'F2' })).toBe('F2')
    expect(key({ key: 'k', ctrlKey: true })).toBe('Ctrl+K')
    expect(key({ key: 'k', metaKey: true })).toBe('Ctrl+K')
    expect(key({ key: 'Enter', ctrlKey: true })).toBe('Ctrl+Enter')
    expect(key({ key: '?', shiftKey: true })).toBe('?')
    expect(key({ key: 'Tab', shiftKey: true })).toBe('Shift+Tab')
  })

  it('leave single characters to text fields', () => {
    const typing = (html: string): boolean => {
      document.body.innerHTML = html
      const event = new KeyboardEvent('keydown', { key: '?' })
      document.body.firstElementChild?.dispatchEvent(event)
      return isTyping(event)
    }
    expect(typing('<input>')).toBe(true)
    expect(typing('<textarea></textarea>')).toBe(true)
    expect(typing('<input type="checkbox">')).toBe(false)
    expect(typing('<button></button>')).toBe(false)
  })
})

describe('useCountdown', () => {
  it('counts to zero, over a sleep of the computer too, and stops with its component', () => {
    vi.useFakeTimers()
    try {
      const scope = effectScope()
      const countdown = scope.run(() => useCountdown())
      countdown?.start(65)
      expect(countdown?.text.value).toBe('1:05')
      vi.advanceTimersByTime(64_100)
      expect(countdown?.leftS.value).toBe(1)
      vi.advanceTimersByTime(1_000)
      expect(countdown?.leftS.value).toBe(0)
      expect(vi.getTimerCount()).toBe(0)
      countdown?.start(600)
      // The monotonic clock stood still; the wall clock did not.
      vi.setSystemTime(Date.now() + 8 * 3_600_000)
      vi.advanceTimersByTime(250)
      expect(countdown?.leftS.value).toBe(0)
      countdown?.start(5)
      scope.stop()
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })
})
