import { useGovernanceStore } from '../../stores/governance.ts'

/** How buttons of the governance stand: the one that was pressed works, and the others wait for it. */
export function useGovernanceBusy() {
  const governance = useGovernanceStore()

  /**
   * @param action - As the store names it in `doing`.
   * @param disabled - For another reason.
   */
  const busyWith = (action: string, disabled = false): { busy: boolean; disabled: boolean } => {
    const busy = governance.doing === action
    return { busy, disabled: disabled || (governance.isBusy && !busy) }
  }

  return { busyWith }
}
