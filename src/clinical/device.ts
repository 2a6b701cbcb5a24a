/**
 * An enrolled device as the exact text of a FHIR R4 Device, and back. Proven by `tests/clinical/people.test.ts`.
 *
 * @packageDocumentation
 */
import type { ReadingKind } from '../shared/api/schemas.ts'
import { READING_KINDS } from '../shared/reading-kinds.ts'
import { MDC, OWN } from './codes.ts'
import { parseResource, type Element } from './element.ts'
import { writeJson, type Writable } from './json.ts'
import { TEST_DATA, metaOf } from './observation-codes.ts'

/** What is known about an enrolled device. */
export interface DeviceFacts {
  /** 16 bytes in hex. */
  readonly handle: string
  /** Asset label, as on the sticker. */
  readonly label: string
  /** Driver family such as `contec-28e9-028a`. */
  readonly family: string
  readonly model: string
  readonly manufacturer: string | null
  readonly serial: string | null
  /** USB ids, `0..65535`. */
  readonly vendorId: number
  readonly productId: number
  /** Where it is plugged in: part of its identity when it has no serial number, else null. */
  readonly port: string | null
  readonly kinds: readonly ReadingKind[]
  /** A virtual device, or one that serves tests. */
  readonly test: boolean
}

const HANDLE = /^[0-9a-f]{32}$/
const FAMILY = /^[a-z0-9][a-z0-9-]{0,59}$/
const USB = /^[0-9a-f]{4}:[0-9a-f]{4}(?::|$)/
const FAMILY_SYSTEM = `${OWN}/identifier/driver-family`
const PORT = `${OWN}/StructureDefinition/device-port`
const TYPE = { coding: [{ system: MDC, code: '65573', display: 'MDC_MOC_VMS_MDS_SIMP' }] } as const
/** 11073-10101 device specializations by the kind that tells them apart. */
const SPECIALIZATIONS: readonly { readonly kind: ReadingKind; readonly code: string; readonly display: string }[] = [
  { kind: 'blood-pressure', code: '528391', display: 'MDC_DEV_SPEC_PROFILE_BP' },
  { kind: 'spo2', code: '528388', display: 'MDC_DEV_SPEC_PROFILE_PULS_OXIM' },
  { kind: 'temperature', code: '528392', display: 'MDC_DEV_SPEC_PROFILE_TEMP' },
  { kind: 'weight', code: '528399', display: 'MDC_DEV_SPEC_PROFILE_SCALE' },
  { kind: 'glucose', code: '528401', display: 'MDC_DEV_SPEC_PROFILE_GLUCOSE' },
]
const KIND_SYSTEM = `${OWN}/CodeSystem/reading-kind`

/**
 * Writes a device as FHIR R4 JSON.
 *
 * @param device - Validated here, by reading the text back.
 * @throws ClinicalError Any code; the message is the path of the element.
 */
export function encodeDevice(device: DeviceFacts): string {
  const text = writeJson({
    resourceType: 'Device',
    id: device.handle,
    meta: metaOf(null, device.test),
    extension: device.port === null ? undefined : [{ url: PORT, valueString: device.port }],
    identifier: [
      { system: 'urn:usb:vid-pid-serial', value: usbIdentifier(device) },
      { system: FAMILY_SYSTEM, value: device.family },
    ],
    status: 'active',
    manufacturer: device.manufacturer ?? undefined,
    serialNumber: device.serial ?? undefined,
    modelNumber: device.model,
    deviceName: [{ name: device.label, type: 'user-friendly-name' }],
    type: TYPE,
    specialization: device.kinds.map(specializationOf),
  })
  decodeDevice(text)
  return text
}

/**
 * Reads a Device that {@link encodeDevice} wrote.
 *
 * @param text - Untrusted.
 * @throws ClinicalError Any code; the message is the path of the element.
 */
export function decodeDevice(text: string): DeviceFacts {
  const resource = parseResource(text, 'Device')
  const handle = resource.id('id')
  if (!HANDLE.test(handle)) resource.fail('WRONG_ID', 'id')
  const test = resource.optional('meta')?.is('security', TEST_DATA) ?? false
  resource.fixed('meta', metaOf(null, test))
  resource.fixed('status', 'active')
  resource.fixed('type', TYPE)
  const facts = {
    handle,
    test,
    ...readIdentifiers(resource),
    port: readPort(resource),
    manufacturer: resource.optionalWords('manufacturer', 100),
    serial: resource.optionalWords('serialNumber', 80),
    model: resource.words('modelNumber', 100),
    label: readLabel(resource),
    kinds: readKinds(resource),
  }
  resource.children('identifier')[0]?.fixed('value', usbIdentifier(facts))
  resource.end()
  return facts
}

/** `vvvv:pppp` or `vvvv:pppp:serial`. */
function usbIdentifier({
  vendorId,
  productId,
  serial,
}: Pick<DeviceFacts, 'vendorId' | 'productId' | 'serial'>): string {
  const ids = [vendorId, productId].map((id) => id.toString(16).padStart(4, '0'))
  return [...ids, ...(serial === null ? [] : [serial])].join(':')
}

/** Standard specialization where there is one; our own kind code always. */
function specializationOf(kind: ReadingKind): Writable {
  const row = SPECIALIZATIONS.find((each) => each.kind === kind)
  const standard = row ? [{ system: MDC, code: row.code, display: row.display }] : []
  return { systemType: { coding: [{ system: KIND_SYSTEM, code: kind }, ...standard] } }
}

function readIdentifiers(resource: Element): Pick<DeviceFacts, 'vendorId' | 'productId' | 'family'> {
  const [usb, family] = resource.children('identifier', 2, 2)
  if (!usb || !family) return resource.fail('WRONG_CARDINALITY', 'identifier')
  usb.fixed('system', 'urn:usb:vid-pid-serial')
  family.fixed('system', FAMILY_SYSTEM)
  const text = usb.words('value', 100)
  if (!USB.test(text)) usb.fail('WRONG_ID', 'value')
  const name = family.code('value')
  if (!FAMILY.test(name)) family.fail('WRONG_ID', 'value')
  usb.end()
  family.end()
  const [vendorId, productId] = [text.slice(0, 4), text.slice(5, 9)].map((hex) => Number.parseInt(hex, 16))
  return { vendorId: vendorId ?? 0, productId: productId ?? 0, family: name }
}

function readPort(resource: Element): string | null {
  if (!resource.has('extension')) return null
  const extension = resource.only('extension')
  if (!extension.is('url', PORT)) extension.fail('WRONG_CODE', 'url')
  const port = extension.words('valueString', 120)
  extension.end()
  return port
}

function readLabel(resource: Element): string {
  const name = resource.only('deviceName')
  name.fixed('type', 'user-friendly-name')
  const label = name.words('name', 60)
  name.end()
  return label
}

function readKinds(resource: Element): ReadingKind[] {
  const kinds = resource.children('specialization', 1, READING_KINDS.length).map((element) => {
    const [first] = element.child('systemType').children('coding', 1)
    return (first ?? element).oneOf('code', READING_KINDS)
  })
  resource.fixed('specialization', kinds.map(specializationOf))
  return kinds
}
