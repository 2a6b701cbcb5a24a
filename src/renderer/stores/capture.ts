import { computed, ref, shallowRef, watch } from 'vue'
import { defineStore } from 'pinia'
import { call } from '../api/call.ts'
import type { Authorisation, Practitioner, Problem, ReadingRow } from '../api/types.ts'
import { draftsToSign } from '../components/capture/device-session.ts'
import { partsOf } from '../components/capture/draft-parts.ts'
import { subjectOf, type Subject } from '../components/capture/subject.ts'
import { useDeviceFeeds } from '../components/capture/use-device-feeds.ts'
import { useLastValues } from '../components/capture/use-last-values.ts'
import { useManualEntry } from '../components/capture/use-manual-entry.ts'
import { usePresence } from '../composables/use-presence.ts'
import { useSessionStore } from './session.ts'

/** Identifiers a patient can be asked for. */
export type Identifier = 'name' | 'birth-date' | 'identifier'

/** The set of observations being taken. */
export interface OpenCapture {
  readonly captureId: string
  readonly patient: Subject
  /** The patient's consent wants a signature of their own on every reading. */
  readonly asksSignature: boolean
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
  readonly patient: Subject
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
  /** The patient's side is being asked to sign. */
  const isAuthorising = ref(false)
  /** Grows with every set; an answer that comes back to a smaller number is dropped. */
  let generation = 0

  const isMine = computed(() => open.value !== null && open.value.owner.handle === session.practitioner?.handle)
  const feeds = useDeviceFeeds(() => (identity.value === null ? null : (open.value?.captureId ?? null)))
  const manual = useManualEntry()
  const before = useLastValues()
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
    if (!reply.ok) {
      problem.value = reply
      return
    }
    const { captureId, asksSignature } = reply.value
    const patient = subjectOf(reply.value.patient)
    if (patient?.handle === handle) open.value = { captureId, patient, asksSignature, owner }
    else {
      await call((client) => client.capture.close({ captureId }))
      problem.value = { ok: false, code: 'RECORD_NOT_VERIFIED' }
    }
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
      if (open.value.patient.record !== null) void before.load(open.value.patient.handle)
    }
  }

  /**
   * Signs everything that is ticked or typed, and shows what the ledger gave back.
   *
   * @param authorisation - The patient's side, where their consent asks for it. Without it that is asked for first.
   */
  async function sign(authorisation: Authorisation | null = null): Promise<void> {
    const now = open.value
    if (now === null || !canSign.value || signing.value) return
    if (now.asksSignature && authorisation === null) {
      problem.value = null
      isAuthorising.value = true
      return
    }
    const request = {
      captureId: now.captureId,
      draftIds: drafts.value.map((draft) => draft.draftId),
      manual: manual.ready.value.map((one) => one.value),
      authorisation,
    }
    signing.value = true
    problem.value = null
    const reply = await guarded(() => call((client) => client.capture.sign(request)))
    signing.value = false
    if (open.value?.captureId !== now.captureId) return
    if (!reply.ok) {
      problem.value = reply
      if (reply.code !== 'PATIENT_SIGNATURE_NEEDED') return
      // The patient decided so since the set was opened.
      open.value = { ...now, asksSignature: true }
      isAuthorising.value = true
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
    isAuthorising.value = false
    feeds.stop()
    manual.clear()
    before.clear()
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
        isAuthorising.value = false
        before.clear()
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
    isAuthorising,
    isMine,
    sessions: feeds.sessions,
    run: feeds.run,
    readForTray: feeds.readForTray,
    switchTo: feeds.switchTo,
    take: feeds.take,
    leaveOut: feeds.leaveOut,
    toggle: feeds.toggle,
    last: before.last,
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
