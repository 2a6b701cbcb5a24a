import { ref, watch } from 'vue'
import { defineStore } from 'pinia'
import { DEFAULT_RANGE_RULES, RANGE_RULES, type RangeRule } from '../../clinical/ranges.ts'

/** `system` follows the operating system. */
export type Theme = 'system' | 'light' | 'dark'

const KEY = 'chartseal.theme'
const QUESTION_KEY = 'chartseal.question-key'
const RANGES_KEY = 'chartseal.ranges'

function storedRanges(): readonly RangeRule[] {
  const words = localStorage.getItem(RANGES_KEY)?.split(' ') ?? DEFAULT_RANGE_RULES
  return RANGE_RULES.filter((rule) => words.includes(rule))
}

function stored(): Theme {
  const text = localStorage.getItem(KEY)
  return text === 'light' || text === 'dark' ? text : 'system'
}

/** How the window looks on this machine. Holds no patient data. */
export const useSettingsStore = defineStore('settings', () => {
  const theme = ref<Theme>(stored())
  /** Whether a lone `?` opens the list of shortcuts: single keys must be possible to switch off. */
  const questionKey = ref(localStorage.getItem(QUESTION_KEY) !== 'off')
  /** Published ranges that the clinic wants named beside a reading; none until it chooses. */
  const ranges = ref(storedRanges())
  const prefersDark = window.matchMedia('(prefers-color-scheme: dark)')
  const isDark = ref(false)

  function apply(): void {
    isDark.value = theme.value === 'dark' || (theme.value === 'system' && prefersDark.matches)
    document.documentElement.dataset.theme = isDark.value ? 'dark' : 'light'
  }

  prefersDark.addEventListener('change', apply)
  watch(
    theme,
    (next) => {
      localStorage.setItem(KEY, next)
      apply()
    },
    { flush: 'sync' },
  )
  watch(ranges, (rules) => {
    localStorage.setItem(RANGES_KEY, rules.join(' '))
  })
  watch(questionKey, (on) => localStorage.setItem(QUESTION_KEY, on ? 'on' : 'off'))
  apply()

  return { theme, isDark, questionKey, ranges }
})
