import { useI18n } from 'vue-i18n'
import type { Problem, ProblemCode, VerifyStep } from '../api/types.ts'

/** Sentences for codes: what happened and what to do. */
export function useProblem() {
  const { t } = useI18n()
  return {
    sentence: (problem: Problem | ProblemCode): string =>
      t(`errors.codes.${typeof problem === 'string' ? problem : problem.code}`),
    failedStep: (step: VerifyStep): string => t('errors.notVerifiedStep', { step: t(`errors.steps.${step}`) }),
  }
}
