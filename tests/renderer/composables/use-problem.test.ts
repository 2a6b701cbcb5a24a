import { mount } from '@vue/test-utils'
import { expect, it } from 'vitest'
import { defineComponent, h } from 'vue'
import type { Problem, ProblemCode } from '../../../src/renderer/api/types.ts'
import { useProblem } from '../../../src/renderer/composables/use-problem.ts'
import { createMessages } from '../../../src/renderer/i18n.ts'

function sentence(problem: Problem | ProblemCode): string {
  const Said = defineComponent({
    setup: () => {
      const { sentence } = useProblem()
      return () => h('p', sentence(problem))
    },
  })
  return mount(Said, { global: { plugins: [createMessages()] } }).text()
}

it('says what the contract says, where it says something', () => {
  const refused = { ok: false, code: 'NOT_ALLOWED' } as const
  expect(sentence('NOT_ALLOWED')).toMatch(/^Your role/)
  expect(sentence(refused)).toBe(sentence('NOT_ALLOWED'))
  const advice = 'Clinical data is for physicians {and} nurses @all.'
  expect(sentence({ ...refused, detail: 'see-clinical', advice })).toContain(advice)
})

it('takes advice for refusals alone', () => {
  expect(sentence({ ok: false, code: 'WRONG_PIN', advice: 'Try 1234.' })).toBe(sentence('WRONG_PIN'))
})
