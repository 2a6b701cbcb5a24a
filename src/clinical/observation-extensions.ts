/**
 * What R4 has no element for: the set, the device's clock, the stable window, status bits, and the device's own bytes.
 *
 * @packageDocumentation
 */
import type { Reading } from '../shared/api/schemas.ts'
import { toBase64 } from '../shared/bytes.ts'
import type { Element } from './element.ts'
import { digits, type Writable } from './json.ts'
import { EXTENSIONS } from './observation-codes.ts'

/** The parts of a reading that travel in extensions. */
export type InExtensions = Pick<
  Reading,
  'setId' | 'deviceTime' | 'deviceClockOffsetS' | 'window' | 'flags' | 'assignedBecause' | 'unsignedBecause'
> & {
  /** The node that received the value: an id of at most 64 letters, digits, dots and hyphens, and its label. */
  readonly gateway: { readonly handle: string; readonly label: string } | null
  readonly rawBytes: Uint8Array | null
  /** Why this takes the place of an earlier reading; left out for a reading that takes none. */
  readonly amendedBecause?: string
}

/** Bytes of the longest device record. */
export const MAX_RAW_BYTES = 16_384
const MAX_FLAGS = 16
const FLAG = /^[a-z0-9][a-z0-9-]{0,39}$/

/** The extensions, in a fixed order. */
export function writeExtensions(input: InExtensions): Writable[] {
  const { gateway, setId, assignedBecause, amendedBecause, unsignedBecause, rawBytes } = input
  const all: Writable[] = [{ url: EXTENSIONS.set, valueString: setId }]
  if (gateway) all.unshift({ url: EXTENSIONS.gateway, valueReference: gatewayReference(gateway) })
  all.push(...deviceExtensions({ ...input, rawBytes: null }))
  if (assignedBecause !== undefined) all.push({ url: EXTENSIONS.assigned, valueString: assignedBecause })
  if (amendedBecause !== undefined) all.push({ url: EXTENSIONS.amended, valueString: amendedBecause })
  if (unsignedBecause !== undefined) all.push({ url: EXTENSIONS.unsigned, valueString: unsignedBecause })
  if (rawBytes) all.push(recordOf(rawBytes))
  return all
}

/** What only the device says: its clock, the stretch that a value stands for, status bits, its bytes. */
export function deviceExtensions(
  said: Pick<InExtensions, 'deviceTime' | 'deviceClockOffsetS' | 'window' | 'flags' | 'rawBytes'>,
): Writable[] {
  const { deviceTime, deviceClockOffsetS, window, flags, rawBytes } = said
  const all: Writable[] = []
  if (deviceTime !== null || deviceClockOffsetS !== null) {
    all.push({ url: EXTENSIONS.clock, extension: clockParts(deviceTime, deviceClockOffsetS) })
  }
  if (window) all.push({ url: EXTENSIONS.window, extension: windowParts(window) })
  for (const flag of flags) all.push({ url: EXTENSIONS.flag, valueCode: flag })
  if (rawBytes) all.push(recordOf(rawBytes))
  return all
}

function recordOf(bytes: Uint8Array): Writable {
  return { url: EXTENSIONS.record, valueBase64Binary: toBase64(bytes) }
}

/** `status`: a reading that takes the place of another says so where every reader of FHIR looks. */
export function statusOf({ amendedBecause }: Pick<InExtensions, 'amendedBecause'>): 'final' | 'amended' {
  return amendedBecause === undefined ? 'final' : 'amended'
}

/**
 * Reads the extensions of an Observation. Unknown and repeated ones are refused.
 *
 * @throws ClinicalError Any code, with the path.
 */
export function readExtensions(observation: Element): InExtensions {
  const byUrl = new Map<string, Element[]>()
  for (const extension of observation.children('extension', 1, 10 + MAX_FLAGS)) {
    const url = extension.oneOf('url', Object.values(EXTENSIONS))
    const others = byUrl.get(url) ?? []
    if (others.length > 0 && url !== EXTENSIONS.flag) extension.fail('WRONG_CARDINALITY')
    byUrl.set(url, [...others, extension])
  }
  const one = (url: string) => byUrl.get(url)?.[0] ?? null
  const read = {
    gateway: readGateway(one(EXTENSIONS.gateway)),
    setId: (one(EXTENSIONS.set) ?? observation.fail('MISSING', 'extension')).words('valueString', 40),
    ...readClock(one(EXTENSIONS.clock)),
    window: readWindow(one(EXTENSIONS.window)),
    flags: readFlags(byUrl.get(EXTENSIONS.flag) ?? []),
    ...readAssigned(one(EXTENSIONS.assigned)),
    ...readAmended(one(EXTENSIONS.amended)),
    ...readUnsigned(one(EXTENSIONS.unsigned)),
    rawBytes: one(EXTENSIONS.record)?.bytes('valueBase64Binary', MAX_RAW_BYTES) ?? null,
  }
  for (const extensions of byUrl.values()) for (const extension of extensions) extension.end()
  return read
}

/** Why a reading was given to its patient later. */
function readAssigned(extension: Element | null): Pick<InExtensions, 'assignedBecause'> {
  return extension === null ? {} : { assignedBecause: extension.words('valueString', 200) }
}

/** Why a reading takes the place of another. */
function readAmended(extension: Element | null): Pick<InExtensions, 'amendedBecause'> {
  return extension === null ? {} : { amendedBecause: extension.words('valueString', 200) }
}

/** Why the patient, who was to sign as well, could not. */
function readUnsigned(extension: Element | null): Pick<InExtensions, 'unsignedBecause'> {
  return extension === null ? {} : { unsignedBecause: extension.words('valueString', 200) }
}

/** A reference to the node's Device. */
function gatewayReference({ handle, label }: { handle: string; label: string }): Writable {
  return { reference: `Device/${handle}`, display: label }
}

function clockParts(deviceTime: string | null, offsetS: number | null): Writable[] {
  const parts: Writable[] = []
  if (deviceTime !== null) parts.push({ url: 'deviceTime', valueString: deviceTime })
  if (offsetS !== null) parts.push({ url: 'offsetSeconds', valueInteger: digits(String(offsetS)) })
  return parts
}

function windowParts({ seconds, min, max }: { seconds: number; min: string; max: string }): Writable[] {
  return [
    { url: 'seconds', valueInteger: digits(String(seconds)) },
    { url: 'min', valueDecimal: digits(min) },
    { url: 'max', valueDecimal: digits(max) },
  ]
}

function readGateway(extension: Element | null): InExtensions['gateway'] {
  if (!extension) return null
  const reference = extension.child('valueReference')
  const gateway = { handle: reference.reference('reference', 'Device'), label: reference.words('display', 100) }
  reference.end()
  return gateway
}

function readClock(extension: Element | null): { deviceTime: string | null; deviceClockOffsetS: number | null } {
  if (!extension) return { deviceTime: null, deviceClockOffsetS: null }
  const parts = readParts(extension, ['deviceTime', 'offsetSeconds'])
  const deviceTime = parts.get('deviceTime')?.localTime('valueString') ?? null
  const deviceClockOffsetS = parts.get('offsetSeconds')?.integer('valueInteger') ?? null
  endAll(parts)
  return { deviceTime, deviceClockOffsetS }
}

function readWindow(extension: Element | null): Reading['window'] {
  if (!extension) return null
  const parts = readParts(extension, ['seconds', 'min', 'max'])
  const part = (name: string) => parts.get(name) ?? extension.fail('MISSING', name)
  const window = {
    seconds: part('seconds').integer('valueInteger'),
    min: part('min').decimal('valueDecimal'),
    max: part('max').decimal('valueDecimal'),
  }
  endAll(parts)
  return window
}

function readFlags(extensions: readonly Element[]): string[] {
  const flags = extensions.map((extension) => {
    const flag = extension.code('valueCode')
    return FLAG.test(flag) ? flag : extension.fail('WRONG_CODE', 'valueCode')
  })
  if (flags.length > MAX_FLAGS) extensions[0]?.fail('WRONG_CARDINALITY')
  return flags
}

/** The inner extensions by name, each at most once. */
function readParts(extension: Element, names: readonly string[]): Map<string, Element> {
  const parts = new Map<string, Element>()
  for (const part of extension.children('extension', 1, names.length)) {
    const name = part.oneOf('url', names)
    if (parts.has(name)) part.fail('WRONG_CARDINALITY')
    parts.set(name, part)
  }
  return parts
}

function endAll(parts: ReadonlyMap<string, Element>): void {
  for (const part of parts.values()) part.end()
}
