/**
 * A virtual pulse oximeter that speaks the bytes of the Contec CMS50E.
 *
 * @remarks
 * Reports as in the recording: twenty a second of three packets, one of them a second with the numbers. It stops
 * when it is not kept alive. Its memory is sent as fast as it is read. Proven by `tests/devices/virtual-devices.test.ts`.
 *
 * @packageDocumentation
 */
import { concatBytes, equalBytes } from '../shared/bytes.ts'
import { CONTEC } from './contec-link.ts'
import { downloadCommand, MEMORY } from './contec-memory.ts'
import { encodeAutoHead, encodeAutoSeries, type VirtualStretch } from './virtual-contec-memory.ts'
import { encodeNumbers, encodeWave, NO_PERFUSION, withChecksum7 } from './contec-packets.ts'
import { createVirtualPatient, type VirtualPatient } from './virtual-patient.ts'
import { noFaults, openVirtual, type VirtualClock, type VirtualDevice, type VirtualFirmware } from './virtual-device.ts'

/** Options of {@link createVirtualOximeter}. */
export interface VirtualOximeterOptions {
  clock: VirtualClock
  /** What the real ones do not have. By default none. */
  serial?: string
  seed: number
  /** Whose finger it is; by default a patient of the seed. */
  patient?: VirtualPatient
  /** When the finger is in, as milliseconds from the start of the stream, half-open; by default from 1.5 s on. */
  fingerMs?: readonly [from: number, to: number]
  /** Recorded stretches in an Auto memory, oldest first; by default none. */
  records?: readonly VirtualStretch[]
  /** Does the model measure the perfusion index? By default yes. */
  perfusion?: boolean
}

const REPORT_BYTES = 64
const REPORT_MS = 50
const WAVE_MS = 1000 / 60
const REPORTS_A_SECOND = 20
/** The device gives up when it has not been kept alive for this long. */
const ALIVE_MS = 12_000
/** After the finger is in, numbers take this long to come. */
const SEARCH_MS = 2000

class OximeterFirmware implements VirtualFirmware {
  private readonly options: VirtualOximeterOptions
  private readonly patient: VirtualPatient
  private readonly device: VirtualDevice
  private startMs: number | null = null
  private aliveMs = 0
  private sent = 0
  private nextHead = 0

  constructor(options: VirtualOximeterOptions, patient: VirtualPatient, device: VirtualDevice) {
    this.options = options
    this.patient = patient
    this.device = device
  }

  onOutput(report: Uint8Array): Uint8Array[] {
    const is = (command: Uint8Array): boolean => equalBytes(report.subarray(0, command.length), command)
    if (is(CONTEC.startNumbers)) this.start()
    if (is(CONTEC.keepAlive)) this.aliveMs = this.options.clock.nowMs()
    if (is(CONTEC.stop) || is(CONTEC.stopAll)) this.startMs = null
    const memory = this.memory(report)
    if (memory !== null) return memory
    const [, answer] = this.answers().find(([command]) => is(command)) ?? []
    return answer === undefined ? [] : [padded(answer)]
  }

  nextAtMs(): number | null {
    if (this.startMs === null) return null
    const nextMs = this.startMs + this.sent * REPORT_MS
    return nextMs - this.aliveMs > ALIVE_MS ? null : nextMs
  }

  produce(): Uint8Array {
    const index = this.sent++
    const atMs = index * REPORT_MS
    const packets = [0, 1, 2].map((point) => this.wave(atMs + point * WAVE_MS))
    if (index % REPORTS_A_SECOND === REPORTS_A_SECOND - 1) packets[1] = this.numbers(atMs)
    return padded(concatBytes(...packets))
  }

  /** Answers to questions about the memory, null for others. */
  private memory(report: Uint8Array): Uint8Array[] | null {
    const records = this.options.records ?? []
    const is = (command: Uint8Array): boolean => equalBytes(report.subarray(0, command.length), command)
    if (is(MEMORY.stored)) return [padded(withChecksum7(Uint8Array.of(0xef, 0, records.length && 1, 0x40, 0, 0, 0)))]
    if (is(MEMORY.autoHead)) {
      const index = this.nextHead++ % records.length
      const record = records[index]
      return record === undefined ? [] : [padded(encodeAutoHead(record, index + 1, index === records.length - 1))]
    }
    for (const name of ['spo2', 'pulse'] as const) {
      const index = records.findIndex((_, at) => is(downloadCommand({ kind: 'auto', index: at + 1 }, name)))
      if (index >= 0) return this.download(encodeAutoSeries(name, records[index]?.[name] ?? []))
    }
    return null
  }

  private download(packets: readonly Uint8Array[]): Uint8Array[] {
    const size = this.device.faults.splitFrames ? 7 : REPORT_BYTES
    const bytes = concatBytes(...packets)
    return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
      this.device.faults.splitFrames
        ? bytes.slice(index * size, (index + 1) * size)
        : padded(bytes.subarray(index * size, (index + 1) * size)),
    )
  }

  private start(): void {
    this.startMs = this.options.clock.nowMs()
    this.aliveMs = this.startMs
    this.sent = 0
  }

  private answers(): (readonly [Uint8Array, Uint8Array])[] {
    const model = this.device.faults.wrongModel ? '\u0001' : '50E'
    return [
      [CONTEC.stopAll, Uint8Array.of(0xf0, 0x70)],
      [CONTEC.unknown0, Uint8Array.of(0xf2, 0x00, 0x00, 0x02, 0x02, 0x00, 0x0b, 0x01)],
      [CONTEC.unknown1, Uint8Array.of(0xf0, 0x70)],
      [CONTEC.user, withChecksum7(Uint8Array.of(0xfe, 0x03, ...ascii('   user')))],
      [CONTEC.model, withChecksum7(Uint8Array.of(0xf1, ...ascii(model.padEnd(8))))],
      [CONTEC.stop, Uint8Array.of(0xeb, 0x7f, 0x6a)],
    ]
  }

  private fingerForMs(atMs: number): number | null {
    const [from, to] = this.options.fingerMs ?? [1500, Infinity]
    return atMs >= from && atMs < to ? atMs - from : null
  }

  private wave(atMs: number): Uint8Array {
    if (this.fingerForMs(atMs) === null) return encodeWave(0x40, 0x60)
    const point = this.patient.pleth(atMs)
    return encodeWave(point, point >> 3)
  }

  private numbers(atMs: number): Uint8Array {
    const perfusion = this.options.perfusion === false ? NO_PERFUSION : this.patient.perfusion(atMs)
    const forMs = this.fingerForMs(atMs)
    if (forMs === null || forMs < SEARCH_MS) return encodeNumbers(null, null, perfusion)
    return encodeNumbers(this.patient.spo2(atMs), this.patient.heartRate(atMs), perfusion)
  }
}

const ascii = (text: string): number[] => [...text].map((character) => character.charCodeAt(0))

function padded(bytes: Uint8Array): Uint8Array {
  const report = new Uint8Array(REPORT_BYTES)
  report.set(bytes)
  return report
}

/** A virtual oximeter. */
export function createVirtualOximeter(options: VirtualOximeterOptions): VirtualDevice {
  const patient = options.patient ?? createVirtualPatient(options.seed)
  const device: VirtualDevice = {
    vendorId: 0x28e9,
    productId: 0x028a,
    product: 'Pulse Oximeter',
    manufacturer: '',
    serial: options.serial ?? null,
    present: true,
    faults: noFaults(),
    open: () => openVirtual(device, new OximeterFirmware(options, patient, device), options.clock),
  }
  return device
}
