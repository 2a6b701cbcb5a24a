import { computed, reactive, ref } from 'vue'
import { useI18n } from 'vue-i18n'

/** What is asked before a clinic is created, in order. */
export const CLINIC_STEPS = ['invitation', 'clinic', 'administrator', 'passphrase'] as const
/** What is made on this computer: a clinic, one that joins the network of another, or a workstation of one that is there. */
export type Making = 'create' | 'join' | 'workstation'

/** The steps of each; the passphrase only where the operating system keeps none. */
const STEPS_OF: Readonly<Record<Making, readonly ClinicStep[]>> = {
  create: ['clinic', 'administrator', 'passphrase'],
  join: CLINIC_STEPS,
  workstation: ['invitation', 'passphrase'],
}

/** A step of {@link CLINIC_STEPS}. */
export type ClinicStep = (typeof CLINIC_STEPS)[number]

/** Shortest passphrase the core accepts. */
const PASSPHRASE_LENGTH = 12
const PIN_LENGTH = 4
/** Shortest invitation that there can be. */
const INVITATION_LENGTH = 20
const INVITATION = /^CHARTSEAL-JOIN/i

/**
 * The fields of the first-run wizard and what is wrong with them. Errors show only after an attempt to go on.
 *
 * @param needsPassphrase - False when the operating system keeps the node secret.
 * @param making - What is to be made.
 */
export function useClinicForm(needsPassphrase: () => boolean, making: () => Making) {
  const { t } = useI18n()
  const fields = reactive({
    invitation: '',
    clinic: '',
    name: '',
    pin: '',
    pinAgain: '',
    passphrase: '',
    passphraseAgain: '',
  })
  const position = ref(0)
  const wasTried = ref(false)
  const steps = computed(() => STEPS_OF[making()].filter((step) => step !== 'passphrase' || needsPassphrase()))
  const step = computed<ClinicStep>(() => steps.value[position.value] ?? 'clinic')

  const atLeast = (text: string, n: number): string =>
    text.trim() === '' ? t('setup.required') : text.trim().length < n ? t('setup.tooShort', { n }) : ''
  /** Slips are noticed here, before anything else is asked; whether it is one, only its clinic can say. */
  const invitationProblem = (text: string): string => {
    if (text.length < INVITATION_LENGTH) return t('network.join.short')
    return INVITATION.test(text) ? '' : t('network.join.other')
  }
  const same = (a: string, b: string): string => (a === b ? '' : t('setup.mustMatch'))

  const problems = computed<Partial<Record<keyof typeof fields, string>>>(() => {
    if (step.value === 'invitation') return { invitation: invitationProblem(fields.invitation.replace(/\s/g, '')) }
    if (step.value === 'clinic') return { clinic: atLeast(fields.clinic, 2) }
    if (step.value === 'passphrase')
      return {
        passphrase: atLeast(fields.passphrase, PASSPHRASE_LENGTH),
        passphraseAgain: same(fields.passphrase, fields.passphraseAgain),
      }
    return {
      name: atLeast(fields.name, 2),
      pin: atLeast(fields.pin, PIN_LENGTH),
      pinAgain: same(fields.pin, fields.pinAgain),
    }
  })
  const isRight = computed(() => Object.values(problems.value).every((problem) => problem === ''))
  const errorOf = (field: keyof typeof fields): string => (wasTried.value ? (problems.value[field] ?? '') : '')

  /** Goes on when the step is right. Returns true when all steps are done. */
  function advance(): boolean {
    wasTried.value = !isRight.value
    if (!isRight.value) return false
    if (position.value === steps.value.length - 1) return true
    position.value += 1
    return false
  }

  function retreat(): boolean {
    wasTried.value = false
    if (position.value === 0) return false
    position.value -= 1
    return true
  }

  /** Goes to a step, because something in it was refused. */
  function goTo(wanted: ClinicStep): void {
    wasTried.value = false
    position.value = Math.max(0, steps.value.indexOf(wanted))
  }

  return { goTo, fields, steps, step, position, isRight, errorOf, advance, retreat }
}
