import { computed, ref, shallowRef, watch } from 'vue'
import { defineStore } from 'pinia'
import { call, follow } from '../api/call.ts'
import type { LedgerBlock, LedgerEntry, LedgerSummary, Problem, VerifyAllEvent, VerifyStep } from '../api/types.ts'
import { useSystemStore } from './system.ts'

/** Blocks fetched at a time. */
const PAGE = 50
/** More findings than this are counted and not listed: the log is beyond reading. */
const MAX_FINDINGS = 500

/** One thing that "verify everything" found. */
export interface Finding {
  readonly origin: string
  readonly index: number | null
  readonly step: VerifyStep
  readonly reason: string
}

/** Where "verify everything" stands. */
export interface Verification {
  readonly phase: 'running' | 'done' | 'stopped' | 'failed'
  readonly done: number
  readonly total: number
  readonly found: number
  readonly ms: number
  readonly problem: Problem | null
}

/** The ledger of this node: summary, blocks, the entries of one block, and checking all of it. */
export const useLedgerStore = defineStore('ledger', () => {
  const system = useSystemStore()
  const summary = shallowRef<LedgerSummary | null>(null)
  const blocks = shallowRef<readonly LedgerBlock[]>([])
  const hasMore = ref(false)
  const problem = shallowRef<Problem | null>(null)
  const loaded = ref(false)
  const loadingMore = ref(false)

  /** Which log is shown: null for the one that is being written. */
  const origin = ref<string | null>(null)
  const block = shallowRef<LedgerBlock | null>(null)
  const entries = shallowRef<readonly LedgerEntry[] | null>(null)
  const entriesProblem = shallowRef<Problem | null>(null)

  const verification = shallowRef<Verification | null>(null)
  const findings = shallowRef<readonly Finding[]>([])
  const isVerifying = computed(() => verification.value?.phase === 'running')
  let generation = 0
  let stopper: AbortController | null = null

  /** Summary and newest blocks. Keeps older blocks that were fetched before when nothing was rewritten. */
  async function load(): Promise<void> {
    const mine = ++generation
    const [head, newest] = await Promise.all([
      call((client) => client.ledger.summary({})),
      call((client) => client.ledger.blocks({ origin: origin.value, before: null, limit: PAGE })),
    ])
    if (mine !== generation) return
    loaded.value = true
    problem.value = head.ok ? (newest.ok ? null : newest) : head
    if (head.ok) summary.value = head.value
    if (!newest.ok) return
    const lowest = newest.value.at(-1)?.block ?? 0
    const older = blocks.value.filter((one) => one.block < lowest)
    blocks.value = [...newest.value, ...older]
    hasMore.value = (blocks.value.at(-1)?.block ?? 0) > 0
    if (block.value === null && newest.value[0]) await openBlock(newest.value[0])
  }

  /** Shows another log of this workstation: one that was closed, or null for the one that is being written. */
  async function showLog(next: string | null): Promise<void> {
    origin.value = next
    blocks.value = []
    hasMore.value = false
    block.value = null
    entries.value = null
    await load()
  }

  async function loadMore(): Promise<void> {
    const before = blocks.value.at(-1)?.block
    if (before === undefined || loadingMore.value) return
    loadingMore.value = true
    const reply = await call((client) => client.ledger.blocks({ origin: origin.value, before, limit: PAGE }))
    loadingMore.value = false
    if (!reply.ok) problem.value = reply
    else if (blocks.value.at(-1)?.block === before) {
      blocks.value = [...blocks.value, ...reply.value]
      hasMore.value = reply.value.length > 0 && (blocks.value.at(-1)?.block ?? 0) > 0
    }
  }

  /** Shows the entries of a block, its seal included. */
  async function openBlock(next: LedgerBlock): Promise<void> {
    block.value = next
    entries.value = null
    entriesProblem.value = null
    const limit = Math.min(500, Math.max(1, next.size - next.firstIndex))
    const reply = await call((client) => client.ledger.entries({ origin: origin.value, from: next.firstIndex, limit }))
    if (block.value !== next) return
    if (reply.ok) entries.value = reply.value.filter((entry) => entry.index < next.size)
    else entriesProblem.value = reply
  }

  /** Checks every entry; findings arrive as they are made. */
  async function verifyAll(): Promise<void> {
    if (isVerifying.value) return
    const mine = (stopper = new AbortController())
    findings.value = []
    verification.value = { phase: 'running', done: 0, total: 0, found: 0, ms: 0, problem: null }
    const broken = await follow((client, options) => client.ledger.verifyAll({}, options), receive, mine.signal)
    if (mine !== stopper || verification.value.phase !== 'running') return
    verification.value = { ...verification.value, phase: broken ? 'failed' : 'stopped', problem: broken }
  }

  function receive(event: VerifyAllEvent): void {
    const now = verification.value
    if (now === null) return
    if (event.kind === 'progress') verification.value = { ...now, done: event.done, total: event.total }
    else if (event.kind === 'finding') {
      const { origin, index, step, reason } = event
      verification.value = { ...now, found: now.found + 1 }
      if (findings.value.length < MAX_FINDINGS) findings.value = [...findings.value, { origin, index, step, reason }]
    } else {
      const { checked, ms } = event
      verification.value = { ...now, phase: 'done', done: checked, total: checked, found: event.findings, ms }
    }
  }

  function stopVerifying(): void {
    stopper?.abort()
    if (isVerifying.value && verification.value) verification.value = { ...verification.value, phase: 'stopped' }
  }

  watch(
    () => [system.ledgerSize, system.finality] as const,
    () => {
      if (loaded.value) void load()
    },
  )

  return {
    summary,
    origin,
    showLog,
    blocks,
    hasMore,
    problem,
    loaded,
    loadingMore,
    block,
    entries,
    entriesProblem,
    verification,
    findings,
    isVerifying,
    load,
    loadMore,
    openBlock,
    verifyAll,
    stopVerifying,
  }
})
