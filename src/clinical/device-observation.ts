/**
 * What a device says, as FHIR R4 Observations of nobody: no subject, no performer, and therefore no profile claimed.
 *
 * @remarks
 * For decoding captures. What is recorded for a patient is written by `encodeObservation` alone. Control solution is a
 * test of the meter: it carries the code of a control and the label of test data. Proven by
 * `tests/clinical/device-observation.test.ts`.
 *
 * @packageDocumentation
 */
import type { Quantity, Reading } from '../shared/api/schemas.ts'
import { KINDS, MDC, OWN, QUANTITIES } from './codes.ts'
import { digits, writeJson, type Writable } from './json.ts'
import { categoryOf, codeOf, componentCodeOf, metaOf } from './observation-codes.ts'
import { deviceExtensions } from './observation-extensions.ts'
import { valueOf } from './observation.ts'
import { fromTable, inTableOrder, splitMeasurement, type KindOfReading } from './quantity.ts'

/** What a device says about one measurement. */
export interface DeviceStatement {
  readonly quantities: readonly Quantity[]
  /** ISO 8601 with offset; null when nobody knows when it was. */
  readonly effective: string | null
  /** The device's own clock, local. */
  readonly deviceTime: string | null
  /** Seconds since the start of a stream without a clock; null for everything else. */
  readonly second: number | null
  readonly window: Reading['window']
  readonly flags: readonly string[]
  /** Control solution instead of blood. */
  readonly control: boolean
  /** Names the record within the device's memory. */
  readonly recordKey: string | null
  readonly raw: Uint8Array | null
  readonly device: { readonly family: string; readonly name: string }
}

const SECOND = `${OWN}/StructureDefinition/stream-second`
const RECORD_KEY = `${OWN}/identifier/device-record`
const FAMILY = `${OWN}/identifier/driver-family`
const CONTROL = { system: MDC, code: '160208', display: 'MDC_CONC_GLU_CONTROL' } as const

/**
 * Writes a measurement, one Observation for each code: pressures together, everything else alone.
 *
 * @param statement - Quantities of the table.
 * @returns JSON texts without line breaks, in the order of the table.
 * @throws ClinicalError `WRONG_CODE`, `WRONG_UNIT` or `WRONG_NUMBER`.
 */
export function encodeDeviceObservations(statement: DeviceStatement): string[] {
  return splitMeasurement(statement.quantities).map((part) => writeJson(resourceOf(statement, part)))
}

function resourceOf(statement: DeviceStatement, { kind, quantities, technique }: KindOfReading): Writable {
  const row = KINDS[kind]
  const all = inTableOrder(quantities.map((quantity) => fromTable(quantity)))
  const [first] = all
  const { effective, control, recordKey, device } = statement
  return {
    resourceType: 'Observation',
    meta: metaOf(null, control),
    extension: extensionsOf(statement),
    identifier: recordKey === null ? undefined : [{ system: RECORD_KEY, value: recordKey }],
    status: 'final',
    // Rooms and control solution are neither vital signs nor findings about anybody.
    category: control || kind === 'environment' ? undefined : categoryOf(row),
    code:
      control || first === undefined
        ? { coding: [CONTROL], text: 'Control solution' }
        : codeOf(QUANTITIES[first.name], first.ucum, technique, null),
    effectiveDateTime: effective ?? undefined,
    ...(row.panel || first === undefined ? {} : valueOf(first)),
    device: { identifier: { system: FAMILY, value: device.family }, display: device.name },
    component: row.panel
      ? all.map((quantity) => ({ code: componentCodeOf(QUANTITIES[quantity.name]), ...valueOf(quantity) }))
      : undefined,
  }
}

/** None when there is nothing to say: FHIR has no empty arrays. */
function extensionsOf(statement: DeviceStatement): Writable | undefined {
  const { second, deviceTime, window, flags, raw } = statement
  const extensions = [
    ...(second === null ? [] : [{ url: SECOND, valueInteger: digits(String(second)) }]),
    ...deviceExtensions({ deviceTime, deviceClockOffsetS: null, window, flags: [...flags], rawBytes: raw }),
  ]
  return extensions.length === 0 ? undefined : extensions
}
