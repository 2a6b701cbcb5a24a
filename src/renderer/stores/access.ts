import { computed, ref, shallowRef, watch } from 'vue'
import { defineStore } from 'pinia'
import { call } from '../api/call.ts'
import type { AccessRow, EmergencyReason, EntryRef, Problem, ReviewOutcome } from '../api/types.ts'
import { useSessionStore } from './session.ts'

/** Accesses fetched at a time: the most that may be asked for. */
const PAGE = 200
/** The next page begins this much above the oldest entry on screen: several may stand at one moment. */
const OVERLAP_MS = 1000

function placeOf(row: AccessRow): string {
  const { origin, index } = row.status === 'verified' ? row.position : row
  return `${origin}#${index ?? ''}`
}

/** Who looked, and emergencies that wait for a review. Opens and closes emergency access as well. */
export const useAccessStore = defineStore('access', () => {
  const session = useSessionStore()
  /** Whose list is shown: one patient's, or null for everybody's. */
  const handle = ref<string | null>(null)
  const rows = shallowRef<readonly AccessRow[]>([])
  const emergencies = shallowRef<readonly AccessRow[]>([])
  const problem = shallowRef<Problem | null>(null)
  const isLoading = ref(false)
  const loaded = ref(false)
  const hasMore = ref(false)
  /** Id of this site, for which the clinic's name is said; null while it is not known. */
  const ownSite = ref<string | null>(null)
  let generation = 0

  /** When the oldest access on screen was: where the next page goes on. */
  const oldest = computed(() =>
    rows.value.reduce<string | null>((found, row) => (row.status === 'verified' ? row.record.at : found), null),
  )

  async function fetch(before: string | null): Promise<void> {
    const mine = ++generation
    isLoading.value = true
    const wanted = handle.value
    const reply = await call((client) => client.access.list({ handle: wanted, before, limit: PAGE }))
    if (mine !== generation) return
    isLoading.value = false
    loaded.value = true
    problem.value = reply.ok ? null : reply
    if (!reply.ok) return
    const known = new Set(before === null ? [] : rows.value.map(placeOf))
    const fresh = reply.value.filter((row) => !known.has(placeOf(row)))
    rows.value = before === null ? fresh : [...rows.value, ...fresh]
    hasMore.value = reply.value.length >= PAGE && fresh.length > 0
  }

  /** Who may not ask for the sites reads ids. */
  async function loadOwnSite(): Promise<void> {
    if (ownSite.value !== null) return
    const reply = await call((client) => client.consents.sites({}))
    if (reply.ok) ownSite.value = reply.value.find(({ isOwn }) => isOwn)?.id ?? null
  }

  /** Who looked at one patient; or at anybody, with `null`. */
  async function load(wanted: string | null): Promise<void> {
    if (handle.value !== wanted) forget()
    handle.value = wanted
    await Promise.all([loadOwnSite(), fetch(null)])
  }

  async function loadMore(): Promise<void> {
    if (isLoading.value || oldest.value === null) return
    await fetch(new Date(Date.parse(oldest.value) + OVERLAP_MS).toISOString())
  }

  async function loadEmergencies(): Promise<void> {
    const reply = await call((client) => client.access.emergencies({}))
    if (reply.ok) emergencies.value = reply.value
    else problem.value = reply
  }

  /** Opens one patient's data although no consent covers it. Recorded before this answers. */
  async function breakGlass(
    subject: string,
    reason: EmergencyReason,
    text: string,
    pin: string,
  ): Promise<Problem | null> {
    const reply = await call((client) => client.access.emergency({ handle: subject, reason, text, pin }))
    return reply.ok ? null : reply
  }

  async function endEmergency(subject: string): Promise<Problem | null> {
    const reply = await call((client) => client.access.endEmergency({ handle: subject }))
    return reply.ok ? null : reply
  }

  /** Signs what a review found. */
  async function review(
    at: EntryRef,
    outcome: ReviewOutcome,
    remark: string | null,
    pin: string,
  ): Promise<Problem | null> {
    const reply = await call((client) => client.access.review({ ref: at, outcome, remark, pin }))
    if (!reply.ok) return reply
    await Promise.all([loadEmergencies(), loaded.value ? fetch(null) : undefined])
    return null
  }

  function forget(): void {
    generation++
    handle.value = null
    rows.value = []
    emergencies.value = []
    problem.value = null
    isLoading.value = false
    loaded.value = false
    hasMore.value = false
  }

  watch(
    () => session.isOpen,
    (isOpen) => {
      if (!isOpen) forget()
    },
    { flush: 'sync' },
  )

  return {
    ownSite,
    rows,
    emergencies,
    problem,
    isLoading,
    loaded,
    hasMore,
    load,
    loadMore,
    loadEmergencies,
    breakGlass,
    endEmergency,
    review,
    forget,
  }
})
