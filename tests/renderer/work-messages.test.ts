// Lists that grow elsewhere, and the words the work views need for each of their members.
import { describe, expect, it } from 'vitest'
import { QUANTITIES } from '../../src/clinical/codes.ts'
import { ENTRY_TYPES, SIGNATURE_ROLES } from '../../src/ledger/entry-types.ts'
import { CONSCIOUSNESS, MANUAL_FIELDS, TEMPERATURE_SITES } from '../../src/renderer/components/capture/manual-form.ts'
import { CHECK_STEPS } from '../../src/renderer/components/proof/check-in-window.ts'
import { createMessages } from '../../src/renderer/i18n.ts'
import { PROVEN } from '../../src/shared/api/codes.ts'
import {
  DamagedKind,
  DamageOutcome,
  DeviceStatus,
  Grade,
  LedgerSummary,
  READING_KINDS,
  Role,
  TrayItem,
} from '../../src/shared/api/schemas.ts'

const { te } = createMessages().global as unknown as { te: (key: string) => boolean }
const GRADES = Grade.shape.name.options

describe('the work views have words for', () => {
  it.each<[string, readonly string[], string]>([
    ['every kind of reading', READING_KINDS, 'capture.kinds'],
    [
      'every field of the grid',
      MANUAL_FIELDS.filter((field) => !['systolic', 'diastolic'].includes(field)),
      'capture.manual',
    ],
    ['every level of consciousness', CONSCIOUSNESS, 'capture.manual'],
    ['the letter of every level', CONSCIOUSNESS, 'capture.manual.letters'],
    ['every site of a temperature', TEMPERATURE_SITES, 'capture.manual'],
    [
      'every coded answer',
      Object.values(QUANTITIES).flatMap((row) => row.answers.map((answer) => answer.code)),
      'capture.coded',
    ],
    ['every entry type', ENTRY_TYPES.map((type) => type.replaceAll('.', '-')), 'ledger.types'],
    ['every signature role', SIGNATURE_ROLES, 'ledger.roles'],
    ['every signature role of a proof', SIGNATURE_ROLES, 'proof.signatures.roles'],
    ['every step of the window’s own check', CHECK_STEPS, 'proof.verify.steps'],
    ['every grade', GRADES, 'proof.grade'],
    ['the meaning of every grade', GRADES, 'proof.gradeText'],
    ['every table that a check looks through', DamagedKind.options, 'ledger.incidents.rows'],
    ['what became of a damaged row', DamageOutcome.options, 'ledger.incidents.outcomes'],
    ['every high-water mark', LedgerSummary.shape.highWaterMark.options, 'ledger.summary.mark'],
    ['what every high-water mark means', LedgerSummary.shape.highWaterMark.options, 'ledger.summary.markText'],
    ['every state of a device', DeviceStatus.options, 'devices.status'],
    ['every level of proof of a driver', PROVEN, 'devices.proven'],
    ['what every level of proof means', PROVEN, 'devices.provenText'],
    ['every reason to be in the tray', TrayItem.shape.reason.options, 'tray.reasons'],
    ['every role', Role.options, 'people.roles'],
    ['what every role may do', Role.options, 'people.roleText'],
  ])('%s', (_, members, prefix) => {
    expect(members.length).toBeGreaterThan(0)
    expect(members.filter((member) => !te(`${prefix}.${member}`))).toEqual([])
  })
})
