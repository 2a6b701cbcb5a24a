/** Lengths in bytes, without report id; 0 for none. */
export interface ReportShape {
  usagePage: number
  usage: number
  input: number
  output: number
  feature: number
  /** Every report begins with its number: 1 to 255, each as long as given. */
  isNumbered: boolean
}

const HIGHEST_REPORT = 255
/** Main items: data, variable, absolute. */
const INPUT = 0x81
const OUTPUT = 0x91
const FEATURE = 0xb1

/** HID 1.11, section 6.2.2: one application collection whose reports are bytes. */
export function reportDescriptor(shape: ReportShape): Buffer {
  const numbers = shape.isNumbered ? Array.from({ length: HIGHEST_REPORT }, (_, index) => index + 1) : [null]
  return Buffer.from([
    ...[0x06, ...littleEndian(shape.usagePage), 0x0a, ...littleEndian(shape.usage), 0xa1, 0x01],
    ...[0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08],
    ...numbers.flatMap((number) => [...(number === null ? [] : [0x85, number]), ...mainItems(shape)]),
    0xc0,
  ])
}

function mainItems({ input, output, feature }: ReportShape): number[] {
  const items = [
    [INPUT, input],
    [OUTPUT, output],
    [FEATURE, feature],
  ] as const
  return items.flatMap(([item, length]) => (length === 0 ? [] : [0x09, 0x01, 0x95, length, item, 0x02]))
}

const littleEndian = (value: number): [number, number] => [value & 0xff, value >> 8]
