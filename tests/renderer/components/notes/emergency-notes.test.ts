import { enableAutoUnmount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import App from '../../../../src/renderer/App.vue'
import { useNotesStore } from '../../../../src/renderer/stores/notes.ts'
import { useSessionStore } from '../../../../src/renderer/stores/session.ts'
import { fill, press, screen } from '../../../support/dialogs.ts'
import { openWindow, settle, type TestWindow } from '../../../support/mount-window.ts'

enableAutoUnmount(afterEach)

describe('emergency notes', () => {
  let around: TestWindow

  beforeEach(() => (document.body.innerHTML = ''))

  async function write(): Promise<void> {
    await press('Write an emergency note')
    await fill('writer', 'Ada Locum')
    await fill('about', 'Per Lindqvist, bed 4')
    await fill('blood-pressure', '92/50')
    await fill('note', 'clammy, called Dr C.')
    await press('Keep the note')
  }

  it.each([
    ['passphrase-needed', {}],
    ['recovery-needed', {}],
    ['failed', { problem: 'DATABASE_DAMAGED' }],
    ['ready', {}],
  ] as const)('can be written while %s, by somebody who is not signed in', async (state, more) => {
    around = await openWindow({ status: { state, ...more } })
    around.mount(App)
    await settle()
    await write()
    expect(screen()).toContain('The note is kept.')
    expect(around.core.known.notes).toMatchObject([
      {
        writer: 'Ada Locum',
        patient: 'Per Lindqvist, bed 4',
        note: 'clammy, called Dr C.',
        values: [{ label: 'Blood pressure (mmHg)', text: '92/50' }],
      },
    ])
  })

  it('can be written over a colleague’s locked session', async () => {
    around = await openWindow({ signedInAs: 1 })
    around.mount(App)
    await useSessionStore().lock()
    await settle()
    await write()
    expect(around.core.known.notes).toHaveLength(1)
  })

  it('say that paper is left when not even they can be kept', async () => {
    around = await openWindow({ signedInAs: 1, status: { state: 'read-only', problem: 'DISK_FULL' } })
    around.mount(App)
    await settle()
    around.core.failures.set('outbox.write', 'DISK_FULL')
    await write()
    expect(screen()).toContain('write on paper')
  })

  it('say what is missing, and refuse what one note cannot hold', async () => {
    around = await openWindow({ status: { state: 'recovery-needed' } })
    around.mount(App)
    await settle()
    await press('Write an emergency note')
    await press('Keep the note')
    expect(screen()).toContain('Write down at least one value or a note.')
    await fill('writer', 'A')
    await fill('about', 'B')
    await fill('note', '漢'.repeat(1000))
    expect(screen()).not.toContain('too long')
    await fill('note', '漢'.repeat(1300))
    await press('Keep the note')
    expect(screen()).toContain('too long for one note')
    expect(around.core.calls).not.toContain('outbox.write')
  })

  it('wait in the tray until somebody says what became of them', async () => {
    around = await openWindow({ signedInAs: 1 })
    around.core.known.notes.push({
      id: 'f'.repeat(32),
      writtenAt: new Date(around.core.now - 3_600_000).toISOString(),
      writer: 'Ada Locum',
      patient: 'Per Lindqvist',
      note: 'clammy',
      values: [{ label: 'Pulse (/min)', text: '121' }],
    })
    const view = await around.visit('/tray')
    expect(view.text()).toContain('Per Lindqvist')
    expect(view.text()).toContain('121')
    await press('Settle the note by Ada Locum')
    await press('Settle')
    expect(screen()).toContain('Type at least three characters.')
    await fill('reason', 'recorded at the bedside')
    await press('Settle')
    expect(view.text()).toContain('The note is settled.')
    expect(useNotesStore().waiting).toEqual([])
    expect(view.text()).toContain('Settled in the last 90 days (1)')
  })

  it.each([3, 4])('are not asked for by practitioner %i, who may not read them', async (who) => {
    around = await openWindow({ signedInAs: who })
    await around.visit('/tray')
    expect(around.core.calls).not.toContain('outbox.list')
  })

  it('leave the window’s memory when it locks', async () => {
    around = await openWindow({ signedInAs: 1 })
    around.core.known.notes.push({
      id: 'f'.repeat(32),
      writtenAt: '2026-01-01T00:00:00Z',
      writer: 'A',
      patient: 'B',
      note: 'C',
      values: [],
    })
    const notes = useNotesStore()
    await notes.load()
    expect(notes.waiting).toHaveLength(1)
    await useSessionStore().lock()
    expect(notes.waiting).toEqual([])
  })
})
