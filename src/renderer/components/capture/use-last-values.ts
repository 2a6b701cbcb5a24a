import { shallowRef } from 'vue'
import { call } from '../../api/call.ts'
import { lastValues, type LastValue } from './last-values.ts'
import type { ManualField } from './manual-form.ts'

/** What was measured last of the patient whose set is open. Looking it up is recorded like any look at the chart. */
export function useLastValues() {
  const last = shallowRef<ReadonlyMap<ManualField, LastValue>>(new Map())
  let generation = 0

  /** Asks for a patient's values. Nothing is said when they cannot be had: taking observations does not need them. */
  async function load(handle: string): Promise<void> {
    const mine = ++generation
    const reply = await call((client) => client.patients.chart({ handle, generation: mine }))
    if (mine !== generation || !reply.ok || reply.value.handle !== handle || reply.value.generation !== mine) return
    const isTheirs = reply.value.readings.every((row) => row.status === 'rejected' || row.position.subject === handle)
    if (isTheirs) last.value = lastValues(reply.value.readings)
  }

  function clear(): void {
    generation++
    last.value = new Map()
  }

  return { last, load, clear }
}
