import { computed, ref, shallowRef, watch } from 'vue'
import { defineStore } from 'pinia'
import { call, follow } from '../api/call.ts'
import type { Incident, Problem, ScrubEvent } from '../api/types.ts'
import { useSystemStore } from './system.ts'

/** More findings than this are counted and not listed. */
const MAX_FINDINGS = 200

/** One damaged row. */
export type RepairFinding = Omit<Extract<ScrubEvent, { kind: 'finding' }>, 'kind'>

/** Where "check and repair" stands. */
export interface RepairRun {
  readonly phase: 'running' | 'done' | 'stopped' | 'failed'
  readonly done: number
  readonly total: number
  /** Damaged rows by what became of them. */
  readonly open: number
  readonly repaired: number
  readonly removed: number
  readonly ms: number
  readonly problem: Problem | null
}

const NOTHING = { done: 0, total: 0, open: 0, repaired: 0, removed: 0, ms: 0, problem: null } as const

/** Checking and repairing the replica of this node, and the incidents that were recorded. */
export const useRepairStore = defineStore('repair', () => {
  const system = useSystemStore()
  const run = shallowRef<RepairRun | null>(null)
  const findings = shallowRef<readonly RepairFinding[]>([])
  const incidents = shallowRef<readonly Incident[]>([])
  const problem = shallowRef<Problem | null>(null)
  const loaded = ref(false)
  const isRunning = computed(() => run.value?.phase === 'running')
  let stopper: AbortController | null = null

  async function load(): Promise<void> {
    const reply = await call((client) => client.ledger.incidents({}))
    loaded.value = true
    if (reply.ok) incidents.value = reply.value
    problem.value = reply.ok ? null : reply
  }

  /** Checks every row; `file` is a second replica on the computer of the core, or null. */
  async function start(file: string | null): Promise<void> {
    if (isRunning.value) return
    const mine = (stopper = new AbortController())
    findings.value = []
    run.value = { phase: 'running', ...NOTHING }
    const broken = await follow((client, options) => client.ledger.scrub({ file }, options), receive, mine.signal)
    if (mine !== stopper || run.value.phase !== 'running') return
    run.value = { ...run.value, phase: broken ? 'failed' : 'stopped', problem: broken }
  }

  function receive(event: ScrubEvent): void {
    const now = run.value
    if (now === null) return
    if (event.kind === 'progress') run.value = { ...now, done: event.done, total: event.total }
    else if (event.kind === 'finding') {
      const { kind: _, ...finding } = event
      run.value = { ...now, [event.outcome]: now[event.outcome] + 1 }
      if (findings.value.length < MAX_FINDINGS) findings.value = [...findings.value, finding]
    } else {
      const { checked: done, open, repaired, removed, isWhole, ms } = event
      run.value = {
        ...now,
        phase: isWhole ? 'done' : 'stopped',
        done,
        total: Math.max(done, now.total),
        open,
        repaired,
        removed,
        ms,
      }
      void load()
    }
  }

  function stop(): void {
    stopper?.abort()
    if (run.value?.phase === 'running') run.value = { ...run.value, phase: 'stopped' }
  }

  watch(
    () => system.ledgerSize,
    () => {
      if (loaded.value) void load()
    },
  )

  return { run, findings, incidents, problem, loaded, isRunning, load, start, stop }
})
