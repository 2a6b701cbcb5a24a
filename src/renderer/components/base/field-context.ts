import { inject, type ComputedRef, type InjectionKey } from 'vue'

/** What a field tells the control inside it: its id and what describes it. */
export interface FieldContext {
  readonly id: string
  readonly describedBy: ComputedRef<string | undefined>
  readonly invalid: ComputedRef<boolean>
}

/** Provided by `BaseField`, read by the controls. */
export const fieldKey: InjectionKey<FieldContext> = Symbol('field')

/** The field around a control, or null when the control stands alone and is labelled by its caller. */
export function useField(): FieldContext | null {
  return inject(fieldKey, null)
}
