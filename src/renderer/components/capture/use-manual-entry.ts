import { computed, reactive, ref, watch } from 'vue'
import { judge } from '../../../clinical/limits.ts'
import { unitRow } from '../../../clinical/codes.ts'
import type { ManualValue, Quantity } from '../../api/types.ts'
import { emptyForm, valuesOf, type FormValue, type ManualField, type ManualForm } from './manual-form.ts'

/** What stands beside a field. */
export type FieldState =
  | { readonly level: 'ok' | 'kept' | 'unusual' | 'rejected'; readonly shown: string }
  | { readonly level: 'not-a-number' | 'incomplete'; readonly shown: '' }

const UNITS_KEY = 'chartseal.units'

/** Units last used on this machine. Values never carry over; units are a habit of the workplace. */
function rememberedUnits(): { temperature: ManualForm['temperatureUnit']; glucose: ManualForm['glucoseUnit'] } {
  const text = localStorage.getItem(UNITS_KEY) ?? ''
  return { temperature: text.includes('degF') ? '[degF]' : 'Cel', glucose: text.includes('mmol') ? 'mmol/L' : 'mg/dL' }
}

/** What was typed, and what of it may be signed. */
export function useManualEntry() {
  const form = reactive(emptyForm(rememberedUnits()))
  const kept = ref(new Set<ManualField>())
  const values = computed(() => valuesOf(form, kept.value))
  const states = computed(() => new Map(values.value.map((value) => [value.field, stateOf(value)])))
  const ready = computed(() =>
    values.value.filter((value) => value.ok).filter((value) => isSignable(states.value.get(value.field))),
  )
  /** Fields that stand in the way of signing. */
  const problems = computed(() =>
    values.value.map((value) => value.field).filter((field) => !isSignable(states.value.get(field))),
  )

  function clear(): void {
    Object.assign(form, emptyForm(rememberedUnits()))
    kept.value = new Set()
  }

  /** The person looked again and means it. */
  function keep(field: ManualField): void {
    if (states.value.get(field)?.level === 'unusual') kept.value = new Set(kept.value).add(field)
  }

  // A value that is typed anew has to be confirmed anew.
  watch(
    () => values.value.map((value) => `${value.field}=${textOf(value)}`),
    (now, before) => {
      const changed = before.filter((text) => !now.includes(text)).map((text) => text.split('=')[0])
      if (changed.some((field) => kept.value.has(field as ManualField)))
        kept.value = new Set([...kept.value].filter((field) => !changed.includes(field)))
    },
    { flush: 'sync' },
  )
  watch(
    () => `${form.temperatureUnit} ${form.glucoseUnit}`,
    (units) => {
      localStorage.setItem(UNITS_KEY, units)
    },
  )

  return { form, states, ready, problems, keep, clear }
}

/** The quantities of a typed value, spelled as the code table spells them. */
export function quantitiesOf(value: ManualValue): Quantity[] {
  return value.quantities.map((quantity) => ({
    ...quantity,
    comparator: null,
    unit: unitRow(quantity.name, quantity.ucum)?.short ?? '',
  }))
}

function stateOf(value: FormValue): FieldState {
  if (!value.ok) return { level: value.problem, shown: '' }
  const quantities = quantitiesOf(value.value)
  const shown =
    quantities.map((quantity) => quantity.value ?? '').join('/') + (quantities[0]?.unit ? ` ${quantities[0].unit}` : '')
  const { level } = judge(value.kind, quantities)
  if (level === 'reject') return { level: 'rejected', shown }
  if (level === 'confirm') return { level: value.value.confirmed ? 'kept' : 'unusual', shown }
  return { level: 'ok', shown }
}

function isSignable(state: FieldState | undefined): boolean {
  return state?.level === 'ok' || state?.level === 'kept'
}

function textOf(value: FormValue): string {
  return value.ok
    ? value.value.quantities
        .map((quantity) => `${quantity.value ?? ''}${quantity.coded ?? ''}${quantity.ucum}`)
        .join('/')
    : value.problem
}
