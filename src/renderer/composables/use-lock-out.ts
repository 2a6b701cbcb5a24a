import { computed, watch, type Ref } from 'vue'
import { useI18n } from 'vue-i18n'
import type { Problem, ProblemCode } from '../api/types.ts'
import { useCountdown } from './use-countdown.ts'
import { useProblem } from './use-problem.ts'

/** Fewer characters are never a PIN. */
export const PIN_LENGTH = 4
/** What the field of the own PIN says itself. */
export const PIN_CODES: readonly ProblemCode[] = ['WRONG_PIN', 'PIN_LOCKED']
/** What the fields of a new PIN say themselves. */
export const NEW_PIN_CODES: readonly ProblemCode[] = ['WEAK_PIN']
/** What the fields of a card say themselves. */
export const CARD_CODES: readonly ProblemCode[] = ['WRONG_CARD_PIN', 'CARD_LOCKED', 'BAD_CARD']

/** A problem that no field of the form says, or null. */
export function beyondFields(problem: Problem | null, ...said: readonly (readonly ProblemCode[])[]): Problem | null {
  return problem === null || said.flat().includes(problem.code) ? null : problem
}

/**
 * What to say beside a secret that was typed wrong: the sentence, or the time until the next try.
 *
 * @param problem - Of the last call that carried the secret.
 * @param codes - Codes that are about this secret; everything else is somebody else's to show.
 */
export function useLockOut(problem: () => Problem | null, codes: readonly ProblemCode[]) {
  const { t } = useI18n()
  const { sentence } = useProblem()
  const lockOut = useCountdown()
  const isMine = computed(() => codes.includes(problem()?.code ?? 'INTERNAL'))
  const isLocked: Readonly<Ref<boolean>> = computed(() => lockOut.leftS.value > 0)
  const message = computed(() => {
    const now = problem()
    if (isLocked.value) return t('presence.wait', { time: lockOut.text.value })
    return isMine.value && now !== null && now.retryAfterS === undefined ? sentence(now) : ''
  })
  watch(
    problem,
    (now) => {
      if (isMine.value && now?.retryAfterS !== undefined) lockOut.start(now.retryAfterS)
    },
    { immediate: true },
  )
  return { message, isLocked }
}
