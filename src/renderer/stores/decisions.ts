import { computed, ref, shallowRef, watch } from 'vue'
import { defineStore } from 'pinia'
import { call } from '../api/call.ts'
import type {
  Authorisation,
  CardProof,
  CardRow,
  ConsentRow,
  ConsentTerms,
  Outcome,
  PatientCard,
  PrintedCard,
  Problem,
  SecondSigner,
} from '../api/types.ts'
import { useSessionStore } from './session.ts'

/** A site that a consent may name. */
export interface Site {
  readonly id: string
  readonly isOwn: boolean
}

/** What a consent is signed with. */
export interface ConsentSigning {
  readonly terms: ConsentTerms
  readonly words: readonly string[]
  readonly authorisation: Authorisation
  readonly second: SecondSigner | null
  readonly pin: string
}

/** What went wrong, and whether it was about the second signer's PIN. */
export interface SigningProblem {
  readonly problem: Problem
  readonly isSecond: boolean
}

/** Consents and cards of the one patient whose page is open. Answers for another patient are dropped. */
export const useDecisionsStore = defineStore('decisions', () => {
  const session = useSessionStore()
  const handle = ref<string | null>(null)
  const consents = shallowRef<readonly ConsentRow[]>([])
  const cards = shallowRef<readonly CardRow[]>([])
  const sites = shallowRef<readonly Site[]>([])
  const problem = shallowRef<Problem | null>(null)
  const isLoaded = ref(false)
  const ownSite = computed(() => sites.value.find((site) => site.isOwn)?.id ?? '')
  let generation = 0

  /** Asks for everything of a patient. What was there of another is gone at once. */
  async function load(wanted: string): Promise<void> {
    if (handle.value !== wanted) forget()
    handle.value = wanted
    const mine = ++generation
    const [list, held, named] = await Promise.all([
      call((client) => client.consents.list({ handle: wanted })),
      call((client) => client.cards.list({ handle: wanted })),
      call((client) => client.consents.sites({})),
    ])
    if (mine !== generation) return
    isLoaded.value = true
    problem.value = [list, held, named].find((reply): reply is Problem => !reply.ok) ?? null
    if (list.ok) consents.value = list.value
    if (held.ok) cards.value = held.value
    if (named.ok) sites.value = named.value
  }

  function forget(): void {
    generation++
    handle.value = null
    consents.value = []
    cards.value = []
    problem.value = null
    isLoaded.value = false
  }

  async function again(): Promise<void> {
    if (handle.value !== null) await load(handle.value)
  }

  /** Records a consent, or the next version of one. */
  async function decide(
    patient: string,
    consentId: string | null,
    asked: ConsentSigning,
  ): Promise<SigningProblem | null> {
    const { pin, second } = asked
    // Two people type a PIN here: the own one is tried first, so that it is clear whose was wrong.
    const own = second === null ? null : await call((client) => client.session.reauthenticate({ pin }))
    if (own !== null && !own.ok) return { problem: own, isSecond: false }
    const request = { ...asked, words: [...asked.words], handle: patient }
    const reply = await call<unknown>((client) =>
      consentId === null ? client.consents.grant(request) : client.consents.amend({ ...request, consentId }),
    )
    if (!reply.ok) return { problem: reply, isSecond: own !== null }
    await again()
    return null
  }

  /** Takes a consent back: with the card, or as the patient said it. */
  async function takeBack(
    patient: string,
    consentId: string,
    asked: { reason: string; card: CardProof | null; pin: string },
  ): Promise<Problem | null> {
    const reply = await call((client) => client.consents.revoke({ handle: patient, consentId, ...asked }))
    if (!reply.ok) return reply
    await again()
    return null
  }

  /** Makes a card, and ends the one that it replaces. What is printed is told once. */
  async function issueCard(
    patient: string,
    asked: { capacity: PatientCard['capacity']; holder: string | null; cardPin: string; pin: string },
  ): Promise<Outcome<PrintedCard>> {
    const reply = await call((client) => client.cards.issue({ handle: patient, ...asked }))
    if (reply.ok) await again()
    return reply
  }

  async function revokeCard(patient: string, cardId: string, reason: string, pin: string): Promise<Problem | null> {
    const reply = await call((client) => client.cards.revoke({ handle: patient, cardId, reason, pin }))
    if (!reply.ok) return reply
    await again()
    return null
  }

  watch(
    () => session.isOpen,
    (isOpen) => {
      if (!isOpen) forget()
    },
    { flush: 'sync' },
  )

  return {
    handle,
    consents,
    cards,
    sites,
    ownSite,
    problem,
    isLoaded,
    load,
    forget,
    decide,
    takeBack,
    issueCard,
    revokeCard,
  }
})
