import { computed, ref, shallowRef, watch } from 'vue'
import { defineStore } from 'pinia'
import { call } from '../api/call.ts'
import type { Practitioner, Problem, ReadingRow, VerifiedRow, Patient } from '../api/types.ts'
import { draftsToSign } from '../components/capture/device-session.ts'
import { partsOf } from '../components/capture/draft-parts.ts'
import { useDeviceFeeds } from '../components/capture/use-device-feeds.ts'
import { useManualEntry } from '../components/capture/use-manual-entry.ts'
import { usePresence } from '../composables/use-presence.ts'
import { useSessionStore } from './session.ts'

/** Identifiers a patient can be asked for. */
export type Identifier = 'name' | 'birth-date' | 'identifier'

/** The set of observations being taken. */
export interface OpenCapture {
  readonly captureId: string
  readonly patient: VerifiedRow<Patient>
  /** Who opened it: nobody else may sign it. */
  readonly owner: Practitioner
}

/** How the patient was identified. */
export interface Identity {
  readonly asked: readonly Identifier[]
  readonly atMs: number
}

/** What came of signing. */
export interface SignedSet {
  readonly patient: VerifiedRow<Patient>
  readonly rows: readonly ReadingRow[]
  readonly signer: string
}

/**
 * One set of observations for one patient, from the scan to the sealed rows. It outlives the view: a lock unmounts
 * everything, and what was measured is still there afterwards, for its owner and after confirming the patient again.
 */
export const useCaptureStore = defineStore('capture', () => {
  const session = useSessionStore()
  const { guarded } = usePresence()
  const open = shallowRef<OpenCapture | null>(null)
  const identity = shallowRef<Identity | null>(null)
  const wasAway = ref(false)
  const opening = ref(false)
  const signing = ref(false)
  const problem = shallowRef<Problem | null>(null)
  const done = shallowRef<SignedSet | null>(null)
  /** The text of the patient's card, once it was scanned. Secret; gone with the set and with every lock. */
  const card = ref<string | null>(null)
  /** Grows with every set; an answer that comes back to a smaller number is dropped. */
  let generation = 0

  const isMine = computed(() => open.value !== null && open.value.owner.handle === session.practitioner?.handle)
  const feeds = useDeviceFeeds(() => (identity.value === null ? null : (open.value?.captureId ?? null)))
  const manual = useManualEntry()
  const drafts = computed(() => feeds.sessions.value.flatMap((one) => [...draftsToSign(one)]))
  /** How many readings a signature would make. */
  const count = computed(() => drafts.value.flatMap(partsOf).length + manual.ready.value.length)
  const canSign = computed(
    () => isMine.value && identity.value !== null && count.value > 0 && manual.problems.value.length === 0,
  )

  /** Opens a set for a patient; the one that was open is closed unsigned. */
  async function start(handle: string): Promise<void> {
    await close()
    const mine = ++generation
    const owner = session.practitioner
    if (owner === null) return
    opening.value = true
    problem.value = null
    done.value = null
    const reply = await call((client) => client.capture.open({ handle }))
    if (mine !== generation) {
      if (reply.ok) await call((client) => client.capture.close({ captureId: reply.value.captureId }))
      return
    }
    opening.value = false
    if (!reply.ok) problem.value = reply
    else if (reply.value.patient.status === 'rejected' || reply.value.patient.record.handle !== handle) {
      await call((client) => client.capture.close({ captureId: reply.value.captureId }))
      problem.value = { ok: false, code: 'RECORD_NOT_VERIFIED' }
    } else open.value = { captureId: reply.value.captureId, patient: reply.value.patient, owner }
  }

  /** Two identifiers were checked. From here on devices are read. */
  async function confirm(asked: readonly Identifier[]): Promise<void> {
    const captureId = open.value?.captureId
    if (captureId === undefined || !isMine.value) return
    problem.value = null
    const reply = await call((client) => client.capture.confirmIdentity({ captureId, asked: [...asked] }))
    if (open.value?.captureId !== captureId) return
    if (!reply.ok) problem.value = reply
    else {
      identity.value = { asked, atMs: Date.now() }
      wasAway.value = false
      feeds.update()
    }
  }

  /** Signs everything that is ticked or typed, and shows what the ledger gave back. */
  async function sign(): Promise<void> {
    const now = open.value
    if (now === null || !canSign.value || signing.value) return
    const request = {
      captureId: now.captureId,
      draftIds: drafts.value.map((draft) => draft.draftId),
      manual: manual.ready.value.map((one) => one.value),
    }
    signing.value = true
    problem.value = null
    const reply = await guarded(() => call((client) => client.capture.sign(request)))
    signing.value = false
    if (open.value?.captureId !== now.captureId) return
    if (!reply.ok) {
      problem.value = reply
      return
    }
    done.value = { patient: now.patient, rows: reply.value.rows, signer: now.owner.name }
    await close()
  }

  /** Ends the set. What was not signed goes to the tray; what was typed is dropped. */
  async function close(): Promise<void> {
    const captureId = open.value?.captureId
    generation++
    opening.value = false
    open.value = null
    identity.value = null
    wasAway.value = false
    card.value = null
    feeds.stop()
    manual.clear()
    if (captureId !== undefined) await call((client) => client.capture.close({ captureId }))
  }

  /** Puts the sealed rows away and waits for the next patient. */
  function finish(): void {
    done.value = null
    problem.value = null
  }

  // Whoever comes back after a lock has to look at the patient again; whoever signs out leaves nothing behind.
  watch(
    () => session.session,
    (next) => {
      if (next === null) {
        finish()
        if (open.value !== null) void close()
      } else if (next.locked && identity.value !== null) {
        identity.value = null
        wasAway.value = true
      }
      if (next?.locked === true) {
        card.value = null
        finish()
      }
    },
    { flush: 'sync' },
  )

  return {
    open,
    identity,
    wasAway,
    opening,
    signing,
    problem,
    done,
    card,
    isMine,
    sessions: feeds.sessions,
    run: feeds.run,
    readForTray: feeds.readForTray,
    switchTo: feeds.switchTo,
    take: feeds.take,
    leaveOut: feeds.leaveOut,
    toggle: feeds.toggle,
    form: manual.form,
    states: manual.states,
    ready: manual.ready,
    problems: manual.problems,
    keep: manual.keep,
    drafts,
    count,
    canSign,
    start,
    confirm,
    sign,
    close,
    finish,
  }
})
