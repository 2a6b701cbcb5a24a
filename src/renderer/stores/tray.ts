import { computed, ref, shallowRef, watch } from 'vue'
import { defineStore } from 'pinia'
import { call } from '../api/call.ts'
import type { Problem, TrayItem } from '../api/types.ts'
import { usePresence } from '../composables/use-presence.ts'
import { useSessionStore } from './session.ts'
import { useSystemStore } from './system.ts'

/** By arrival; what one read-out brought, by when it was measured. */
function newestFirst(a: TrayItem, b: TrayItem): number {
  return b.receivedAt.localeCompare(a.receivedAt) || Date.parse(b.draft.measuredAt) - Date.parse(a.draft.measuredAt)
}

/** Readings that belong to nobody yet. All of them are drafts. */
export const useTrayStore = defineStore('tray', () => {
  const system = useSystemStore()
  const session = useSessionStore()
  const { guarded } = usePresence()
  const items = shallowRef<readonly TrayItem[]>([])
  const chosen = ref(new Set<string>())
  const problem = shallowRef<Problem | null>(null)
  const loaded = ref(false)
  const chosenItems = computed(() => items.value.filter((item) => chosen.value.has(item.id)))
  let generation = 0

  async function load(): Promise<void> {
    const mine = ++generation
    const reply = await call((client) => client.tray.list({}))
    if (mine !== generation) return
    loaded.value = true
    problem.value = reply.ok ? null : reply
    if (!reply.ok) return
    items.value = reply.value.toSorted(newestFirst)
    const ids = new Set(items.value.map((item) => item.id))
    chosen.value = new Set([...chosen.value].filter((id) => ids.has(id)))
  }

  function toggle(id: string): void {
    const next = new Set(chosen.value)
    if (!next.delete(id)) next.add(id)
    chosen.value = next
  }

  function chooseAll(all: boolean): void {
    chosen.value = new Set(all ? items.value.map((item) => item.id) : [])
  }

  async function assign(handle: string, reason: string): Promise<Problem | null> {
    const ids = [...chosen.value]
    return changed(await guarded(() => call((client) => client.tray.assign({ ids, handle, reason }))))
  }

  async function discard(reason: string): Promise<Problem | null> {
    const ids = [...chosen.value]
    return changed(await call((client) => client.tray.discard({ ids, reason })))
  }

  async function changed(reply: { ok: true } | Problem): Promise<Problem | null> {
    await load()
    if (!reply.ok) return reply
    chosen.value = new Set()
    return null
  }

  /** Forgets everything that was read: the session ended, or is locked. */
  function forget(): void {
    generation++
    items.value = []
    chosen.value = new Set()
    loaded.value = false
  }

  watch(
    () => system.trayCount,
    () => {
      if (loaded.value) void load()
    },
  )
  watch(
    () => session.isOpen,
    (isOpen) => {
      if (!isOpen) forget()
    },
    { flush: 'sync' },
  )

  return { items, chosen, chosenItems, problem, loaded, load, toggle, chooseAll, assign, discard }
})
