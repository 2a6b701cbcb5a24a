// Lists that grow elsewhere, and the words the work views need for each of their members.
import { describe, expect, it } from 'vitest'
import { QUANTITIES } from '../../src/clinical/codes.ts'
import { RANGE_RULES } from '../../src/clinical/ranges.ts'
import { ENTRY_TYPES, SIGNATURE_ROLES } from '../../src/ledger/entry-types.ts'
import { CONSCIOUSNESS, MANUAL_FIELDS, TEMPERATURE_SITES } from '../../src/renderer/components/capture/manual-form.ts'
import { CHECK_STEPS } from '../../src/renderer/components/proof/check-in-window.ts'
import { createMessages } from '../../src/renderer/i18n.ts'
import { PROVEN } from '../../src/shared/api/codes.ts'
import { AUTHORITIES, REASONS } from '../../src/renderer/components/erasure/codes.ts'
import {
  AccessRecord,
  Assessment,
  AssessmentInput,
  Correction,
  DamagedKind,
  DATA_CLASSES,
  DamageOutcome,
  DeviceStatus,
  EMERGENCY_REASONS,
  ExportPurpose,
  ExportRequest,
  Grade,
  ImportItem,
  LedgerSummary,
  PURPOSES,
  Reading,
  REVIEW_OUTCOMES,
  Role,
  SystemNotice,
  TrayItem,
} from '../../src/shared/api/schemas.ts'
import { READING_KINDS } from '../../src/shared/reading-kinds.ts'

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
    ['every reason of an emergency', EMERGENCY_REASONS, 'access.glass.reasons'],
    ['every finding of a review', REVIEW_OUTCOMES, 'access.audit.review.outcomes'],
    ['what every finding means', REVIEW_OUTCOMES, 'access.audit.review.outcomesText'],
    ['every kind of access', AccessRecord.shape.kind.options, 'access.looked.kinds'],
    ['every purpose', [...PURPOSES, ...ExportPurpose.options], 'access.looked.purposes'],
    ['everything an audit finds', AccessRecord.shape.finding.unwrap().options, 'access.looked.findingsText'],
    ['every class of data', DATA_CLASSES, 'access.consent.classes'],
    ['every purpose of an export', ExportPurpose.options, 'exchange.export.purposes'],
    ['what every purpose of an export opens', ExportPurpose.options, 'exchange.export.purposesText'],
    ['every format of an export', ExportRequest.shape.format.options, 'exchange.export.formats'],
    ['every verdict on an import', ImportItem.shape.verdict.options, 'exchange.import.verdicts'],
    ['every resource of an import', ImportItem.shape.resource.options, 'exchange.import.resources'],
    ['every input of a score', AssessmentInput.shape.name.options, 'score.inputs'],
    ['every band of a score', Assessment.shape.band.options, 'score.bands'],
    ['what every band suggests', Assessment.shape.band.options, 'score.suggests'],
    ['why a band is that', Assessment.shape.band.options, 'score.why'],
    ['every kind of correction', Correction.shape.kind.options, 'correct.kind'],
    ['who signed for the patient', Reading.shape.authorised.unwrap().options, 'chart.authorised'],
    ['every reason to erase', REASONS, 'manage.erase.reasons'],
    ['every authority to erase', AUTHORITIES, 'manage.erase.authorities'],
    ['every range that may be named', RANGE_RULES, 'manage.ranges.rules'],
    ['every notice of the system', SystemNotice.shape.kind.options, 'app.notices'],
  ])('%s', (_, members, prefix) => {
    expect(members.length).toBeGreaterThan(0)
    expect(members.filter((member) => !te(`${prefix}.${member}`))).toEqual([])
  })
})
