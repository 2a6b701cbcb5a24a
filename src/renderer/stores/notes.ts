import { computed, shallowRef, watch } from 'vue'
import { defineStore } from 'pinia'
import { call } from '../api/call.ts'
import type { OutboxNote, Problem, SettledNote } from '../api/types.ts'
import { useSessionStore } from './session.ts'

/** What somebody writes down while nothing can be recorded. */
export type NewNote = Omit<OutboxNote, 'id' | 'writtenAt'>

/** Notes written while nothing could be recorded. Anybody can write one; physicians and nurses take them over. */
export const useNotesStore = defineStore('notes', () => {
  const session = useSessionStore()
  /** Those that wait, oldest first. */
  const waiting = shallowRef<readonly OutboxNote[]>([])
  const settled = shallowRef<readonly SettledNote[]>([])
  const problem = shallowRef<Problem | null>(null)
  const mayRead = computed(() => session.isOpen && ['physician', 'nurse'].includes(session.practitioner?.role ?? ''))
  let generation = 0

  async function write(note: NewNote): Promise<Problem | null> {
    const reply = await call((client) => client.outbox.write(note))
    if (reply.ok && mayRead.value) await load()
    return reply.ok ? null : reply
  }

  async function load(): Promise<void> {
    const mine = ++generation
    const [now, before] = await Promise.all([
      call((client) => client.outbox.list({})),
      call((client) => client.outbox.settled({})),
    ])
    if (mine !== generation) return
    problem.value = [now, before].find((reply): reply is Problem => !reply.ok) ?? null
    if (now.ok) waiting.value = now.value
    if (before.ok) settled.value = before.value
  }

  /** Takes a note off the list, with what became of it. */
  async function settle(id: string, reason: string): Promise<Problem | null> {
    const reply = await call((client) => client.outbox.settle({ id, reason }))
    await load()
    return reply.ok ? null : reply
  }

  function forget(): void {
    generation++
    waiting.value = []
    settled.value = []
    problem.value = null
  }

  watch(
    mayRead,
    (may) => {
      if (may) void load()
      else forget()
    },
    { immediate: true, flush: 'sync' },
  )

  return { waiting, settled, problem, mayRead, write, load, settle }
})
