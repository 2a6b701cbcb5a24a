import { enableAutoUnmount } from '@vue/test-utils'
import { afterEach, describe, expect, it } from 'vitest'
import IntegrityMark from '../../../../src/renderer/components/base/IntegrityMark.vue'
import { openWindow } from '../../../support/mount-window.ts'

const GRADES = ['pending', 'sealed', 'cosigned', 'final', 'contested', 'rejected'] as const

enableAutoUnmount(afterEach)

describe('IntegrityMark', () => {
  it('says every grade in words of its own and draws a shape of its own', async () => {
    const window = await openWindow()
    const marks = GRADES.map((name) =>
      window.mount(IntegrityMark, { status: 'verified', grade: { name, k: 1, q: 2 }, of: 'SpO2' }),
    )
    expect(new Set(marks.map((mark) => mark.attributes('aria-label'))).size).toBe(GRADES.length)
    expect(new Set(marks.map((mark) => mark.get('svg').html())).size).toBe(GRADES.length)
    expect(marks[2]?.attributes('aria-label')).toContain('1 of 2')
  })

  it('says with a shape and in words that somebody signed whose access had been ended', async () => {
    const window = await openWindow()
    const grade = { name: 'final', k: 3, q: 3 } as const
    const late = { ...grade, signerEndedAt: '2026-03-02T08:15:00+00:00' }
    const [usual, marked] = [grade, late].map((one) => window.mount(IntegrityMark, { status: 'verified', grade: one }))
    expect(marked?.attributes('aria-label')).toMatch(/Final.*access of somebody who signed was ended.*2026/)
    expect(marked?.get('svg').html()).not.toBe(usual?.get('svg').html())
    expect(marked?.classes()).toContain('ended')
    expect(usual?.classes()).not.toContain('ended')
  })

  it('shows a rejected row as rejected, whatever grade comes with it', async () => {
    const window = await openWindow()
    const mark = window.mount(IntegrityMark, { status: 'rejected', grade: { name: 'final', k: 3, q: 3 } })
    expect(mark.classes()).toContain('rejected')
    expect(mark.attributes('aria-label')).toContain('Not verified')
  })

  it('is a picture, not a button, in a legend', async () => {
    const window = await openWindow()
    const mark = window.mount(IntegrityMark, { status: 'verified', grade: null, plain: true })
    expect(mark.element.tagName).toBe('SPAN')
    await mark.trigger('click')
    expect(mark.emitted('open')).toBeUndefined()
  })
})
