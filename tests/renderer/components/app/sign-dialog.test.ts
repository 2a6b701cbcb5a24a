// The frame of every dialog that does something: when it acts, what it says while it cannot, and when it goes away.
import { enableAutoUnmount } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { h } from 'vue'
import SignDialog from '../../../../src/renderer/components/app/SignDialog.vue'
import type { Problem } from '../../../../src/renderer/api/types.ts'
import { button, fill, press, screen, typedIn } from '../../../support/dialogs.ts'
import { gate, openWindow, settle } from '../../../support/mount-window.ts'

afterEach(() => {
  document.body.innerHTML = ''
})
enableAutoUnmount(afterEach)

/** A dialog that does `act`, and whose slot says what it was told. */
async function open(act: (pin: string) => Promise<Problem | null>, props: Record<string, unknown> = {}) {
  const window = await openWindow({ signedInAs: 1 })
  const events: string[] = []
  const on = { onClose: () => events.push('close'), onDone: () => events.push('done') }
  window.mount({ render: () => h(SignDialog, { title: 'Sure?', confirm: 'Do it', act, ...on, ...props }, slots) })
  await settle()
  return events
}
const slots = { default: ({ tried }: { tried: boolean }) => h('p', tried ? 'something is missing' : 'nothing yet') }

describe('a dialog with a PIN', () => {
  it('acts with the PIN that was typed, and says that it is done', async () => {
    const act = vi.fn(() => Promise.resolve(null))
    const events = await open(act)
    await fill('own-pin', '4447')
    await press('Do it')
    expect(act.mock.calls).toEqual([['4447']])
    expect(events).toEqual(['done'])
  })

  it('says what is missing instead of acting, in every field', async () => {
    const act = vi.fn(() => Promise.resolve(null))
    const events = await open(act, { ready: false })
    await press('Do it')
    expect(screen()).toContain('something is missing')
    expect(screen()).toContain('Type your PIN.')
    await fill('own-pin', '4447')
    expect(screen()).not.toContain('Type your PIN.')
    await press('Do it')
    expect(act).not.toHaveBeenCalled()
    expect(events).toEqual([])
  })

  it('stays open with what went wrong, said once and by whom it is about', async () => {
    const replies: Problem[] = [
      { ok: false, code: 'WRONG_PIN' },
      { ok: false, code: 'DISK_FULL' },
    ]
    const events = await open(() => Promise.resolve(replies.shift() ?? null))
    await fill('own-pin', '0000')
    await press('Do it')
    expect(document.querySelectorAll('[role=alert]')).toHaveLength(1)
    expect(typedIn('own-pin')).toBe('')
    // The field emptied itself: that is not a PIN left out.
    expect(screen()).not.toContain('Type your PIN.')
    await fill('own-pin', '4447')
    await press('Do it')
    expect(screen()).toContain('The disk is full')
    expect(events).toEqual([])
    await press('Do it')
    expect(events).toEqual(['done'])
  })

  it('acts once however often it is pressed, and cannot be left meanwhile where that matters', async () => {
    const answered = gate()
    const act = vi.fn(() => answered.promise.then(() => null))
    const events = await open(act, { steady: true })
    await fill('own-pin', '4447')
    await press('Do it')
    const form = document.querySelector('[role=dialog] form')
    form?.dispatchEvent(new Event('submit', { cancelable: true }))
    await settle()
    expect(act).toHaveBeenCalledTimes(1)
    expect(button('Cancel').disabled).toBe(true)
    answered.open()
    await settle()
    expect(events).toEqual(['done'])
  })
})
