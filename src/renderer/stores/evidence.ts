import { ref, shallowRef, watch } from 'vue'
import { defineStore } from 'pinia'
import { call } from '../api/call.ts'
import type { Evidence, EvidenceFile, Problem } from '../api/types.ts'
import { useSystemStore } from './system.ts'

/** Proofs that a log, or a site, signed two versions. */
export const useEvidenceStore = defineStore('evidence', () => {
  const system = useSystemStore()
  const proofs = shallowRef<readonly Evidence[]>([])
  const problem = shallowRef<Problem | null>(null)
  const loaded = ref(false)
  const isImporting = ref(false)
  /** What was brought last. */
  const imported = shallowRef<Evidence | null>(null)
  const importProblem = shallowRef<Problem | null>(null)
  /** What was taken out last. */
  const file = shallowRef<EvidenceFile | null>(null)

  async function load(): Promise<void> {
    const reply = await call((client) => client.ledger.evidence({}))
    loaded.value = true
    if (reply.ok) proofs.value = reply.value
    problem.value = reply.ok ? null : reply
  }

  /** Takes a proof from a file that a person chose. */
  async function bring(text: string): Promise<void> {
    if (isImporting.value) return
    isImporting.value = true
    imported.value = null
    const reply = await call((client) => client.ledger.importEvidence({ text }))
    isImporting.value = false
    importProblem.value = reply.ok ? null : reply
    if (!reply.ok) return
    imported.value = reply.value
    await load()
  }

  /** The proof as a file; null when it could not be had. */
  async function take(id: string): Promise<EvidenceFile | null> {
    const reply = await call((client) => client.ledger.evidenceFile({ id }))
    file.value = reply.ok ? reply.value : null
    problem.value = reply.ok ? null : reply
    return file.value
  }

  watch(
    () => system.finality,
    () => {
      if (loaded.value) void load()
    },
  )

  return { proofs, problem, loaded, isImporting, imported, importProblem, file, load, bring, take }
})
