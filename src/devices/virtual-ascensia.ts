/**
 * A virtual Contour Next USB.
 *
 * @remarks
 * Proven by `tests/devices/ascensia-1a79.test.ts`.
 *
 * @packageDocumentation
 */
import { concatBytes } from '../shared/bytes.ts'
import { CONTROL, decodeContourReport, encodeContourFrame, encodeContourReports } from './ascensia-frames.ts'
import { buildVirtual, refuses } from './virtual-build.ts'
import type { VirtualClock, VirtualDevice } from './virtual-device.ts'
import type { VirtualGlucose } from './virtual-glucose.ts'

/** Options of {@link createVirtualContour}. */
export interface VirtualContourOptions {
  clock: VirtualClock
  /** Records between header and end, oldest first. Asked anew when a transfer begins. */
  records: () => readonly string[]
  /** The meter's clock, `YYYY-MM-DDTHH:mm:ss`. */
  deviceNow: string
  serial?: string
}

const SPLIT_BYTES = 7

/** The record of a result. `sequence` counts from 1. */
export function contourRecord({ time, mgdl }: VirtualGlucose, sequence: number): string {
  return `R|${sequence}|^^^Glucose|${mgdl}|mg/dL^P||M0/T1||${time.replaceAll(/\D/g, '').slice(0, 12)}`
}

/** A virtual meter. */
export function createVirtualContour(options: VirtualContourOptions): VirtualDevice {
  const description = { vendorId: 0x1a79, productId: 0x7410, product: 'Contour NEXT USB', manufacturer: 'Bayer' }
  return buildVirtual(description, options.clock, (device) => {
    let frames: Uint8Array[] = []
    let at = -1
    const head = (): Uint8Array => concatBytes(frames[0] ?? new Uint8Array(0), Uint8Array.of(CONTROL.enq))
    const answerTo = (control: number): Uint8Array => {
      if (control === CONTROL.eot) {
        frames = framesOf(options, device)
        at = -1
        return concatBytes(Uint8Array.of(CONTROL.eot), head())
      }
      if (control === CONTROL.ack) at += 1
      return at === -1 ? head() : (frames[at] ?? Uint8Array.of(CONTROL.eot))
    }
    return {
      onOutput(report) {
        const [control = 0] = decodeContourReport(report)
        const answer = refuses(device) ? Uint8Array.of(CONTROL.nak) : answerTo(control)
        return dressed(answer, device)
      },
    }
  })
}

function framesOf({ records, deviceNow, serial = '7428-4293200' }: VirtualContourOptions, device: VirtualDevice) {
  const product = `${device.faults.wrongModel ? 'Other' : 'Bayer7410'}^01.10\\01.05\\10.03^${serial}^00000`
  const results = records()
  const header = `H|\\^&||7EyQm2|${product}|A=1^C=03^U=0^V=20600|${results.length}|||||P|1|${deviceNow.replaceAll(/\D/g, '')}`
  const texts = [header, 'P|1', ...results, 'L|1||N']
  return texts.map((text, index) =>
    encodeContourFrame({ number: (index + 1) % 8, text, isLast: index === texts.length - 1 }),
  )
}

/** The reports of an answer, as the faults want them. */
function dressed(answer: Uint8Array, { faults }: VirtualDevice): Uint8Array[] {
  const size = faults.splitFrames ? SPLIT_BYTES : answer.length
  const pieces = Array.from({ length: Math.ceil(answer.length / size) }, (_, index) =>
    answer.subarray(index * size, (index + 1) * size),
  )
  // An empty report between the others is all that this family has of keep-alives.
  const all = faults.keepAlives ? pieces.flatMap((piece) => [new Uint8Array(0), piece]) : pieces
  const reports = all.flatMap(encodeContourReports)
  if (!faults.stalePadding) return reports
  return reports.map((report) => report.slice().fill(0xa5, 4 + (report[3] ?? 0)))
}
