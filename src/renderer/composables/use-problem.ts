import { useI18n } from 'vue-i18n'
import type { Problem, ProblemCode, VerifyStep } from '../api/types.ts'

/** Sentences for codes: what happened and what to do. */
export function useProblem() {
  const { t } = useI18n()
  return {
    sentence: (problem: Problem | ProblemCode): string => {
      if (typeof problem === 'string') return t(`errors.codes.${problem}`)
      // What the sites agreed on says more than a sentence for every refusal can.
      if (problem.code === 'NOT_ALLOWED' && problem.advice !== undefined) {
        return t('errors.notAllowedBecause', { advice: problem.advice })
      }
      return t(`errors.codes.${problem.code}`)
    },
    failedStep: (step: VerifyStep): string => t('errors.notVerifiedStep', { step: t(`errors.steps.${step}`) }),
  }
}
