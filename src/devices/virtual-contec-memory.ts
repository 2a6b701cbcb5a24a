/**
 * Packs stretches of seconds as the Auto memory of a Contec oximeter does, for virtual devices and tests.
 *
 * @remarks
 * Written from the layout and not from the decoder: `tests/devices/contec-memory.test.ts` holds one against the other
 * and both against the vendor's export.
 *
 * @packageDocumentation
 */
import { withChecksum7 } from './contec-packets.ts'

/** A recorded stretch. */
export interface VirtualStretch {
  /** `YYYY-MM-DDTHH:mm:ss`. */
  start: string
  user: number
  /** Percent, one a second; null where there is none. */
  spo2: readonly (number | null)[]
  /** Beats per minute, as many. */
  pulse: readonly (number | null)[]
}

const DATA_BYTES = 21
/** Two values share a byte as distances from the ceiling; this one in the second place means that there is none. */
const NONE = 15

/** The head of a record. `index` counts from 1. */
export function encodeAutoHead({ start, user, spo2 }: VirtualStretch, index: number, isLast: boolean): Uint8Array {
  const [year = 2000, ...rest] = start.split(/\D/).map(Number)
  const count = [spo2.length & 0x7f, (spo2.length >> 7) & 0x7f, spo2.length >> 14]
  const name = [...'   user'].map((letter) => letter.charCodeAt(0))
  return withChecksum7(Uint8Array.of(0xec, isLast ? 0x40 : 0, user, index, year - 2000, ...rest, ...count, ...name))
}

/** The packets of one half of a record. */
export function encodeAutoSeries(name: 'spo2' | 'pulse', values: readonly (number | null)[]): Uint8Array[] {
  const bytes = dataBytes(values.map((value) => value ?? (name === 'spo2' ? 127 : 255)))
  const packets: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += DATA_BYTES) {
    packets.push(packetOf(name, packets.length, bytes.slice(at, at + DATA_BYTES)))
  }
  return packets
}

interface Packed {
  byte: number
  flag: boolean
}

function dataBytes(values: readonly number[]): Packed[] {
  const bytes: Packed[] = []
  let ceiling = -1
  for (let at = 0; at < values.length;) {
    const [first = 0, second] = values.slice(at, at + 2)
    // The high part of the ceiling can be written down to seven bits only: a distance of 7 with its flag means otherwise.
    if (ceiling - first < 0 || ceiling - first > 7) {
      ceiling = Math.min(255, first + 3)
      bytes.push({ byte: 0x70 | (ceiling >> 4), flag: true }, { byte: 0x70 | (ceiling & 15), flag: true })
    }
    const isPair = second !== undefined && ceiling - second >= 0 && ceiling - second < NONE
    bytes.push({ byte: ((ceiling - first) << 4) | (isPair ? ceiling - second : NONE), flag: false })
    at += isPair ? 2 : 1
  }
  return bytes
}

/** Filled up as the unit does: with halves of ceilings, which are no values. */
function packetOf(name: 'spo2' | 'pulse', number: number, data: readonly Packed[]): Uint8Array {
  const packet = new Uint8Array(29)
  packet.set([0xed, 0x04, name === 'spo2' ? 1 : 2, number & 0x7f, number >> 7])
  for (let k = 0; k < DATA_BYTES; k++) {
    const { byte, flag } = data[k] ?? { byte: 0x7f, flag: true }
    packet[8 + k] = byte
    if (flag) packet[5 + Math.floor(k / 7)] = (packet[5 + Math.floor(k / 7)] ?? 0) | (1 << (k % 7))
  }
  return withChecksum7(packet)
}
