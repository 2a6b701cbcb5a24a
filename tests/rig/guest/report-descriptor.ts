/** Lengths in bytes, without report id; 0 for none. Kernels drop an input report that is shorter than described. */
export interface ReportShape {
  usagePage: number
  usage: number
  input: number
  output: number
  feature: number
  /**
   * `equal`: every report begins with its number, 1 to 255, and each is as long as given. `counting`: so do they, and
   * input and output report n is n bytes long.
   */
  numbers: 'none' | 'equal' | 'counting'
}

const HIGHEST_REPORT = 255
/** Main items: data, variable, absolute. */
const INPUT = 0x81
const OUTPUT = 0x91
const FEATURE = 0xb1

/** HID 1.11, section 6.2.2: one application collection whose reports are bytes. */
export function reportDescriptor(shape: ReportShape): Buffer {
  const numbers = shape.numbers === 'none' ? [null] : Array.from({ length: HIGHEST_REPORT }, (_, index) => index + 1)
  let count = 0
  // Said only when it changes: a descriptor has 4096 bytes at most.
  const counted = (length: number): number[] => (length === count ? [] : [0x95, (count = length)])
  const mainItem = ([item, length]: readonly [number, number]): number[] =>
    length === 0 ? [] : [...counted(length), 0x09, 0x01, item, 0x02]
  const lengthOf = (longest: number, number: number | null): number =>
    shape.numbers !== 'counting' || number === null ? longest : number > longest ? 0 : number
  const reportOf = (number: number | null): number[] =>
    [
      [INPUT, lengthOf(shape.input, number)] as const,
      [OUTPUT, lengthOf(shape.output, number)] as const,
      [FEATURE, shape.feature] as const,
    ].flatMap(mainItem)
  return Buffer.from([
    ...[0x06, ...littleEndian(shape.usagePage), 0x0a, ...littleEndian(shape.usage), 0xa1, 0x01],
    ...[0x15, 0x00, 0x26, 0xff, 0x00, 0x75, 0x08],
    ...numbers.flatMap((number) => [...(number === null ? [] : [0x85, number]), ...reportOf(number)]),
    0xc0,
  ])
}

const littleEndian = (value: number): [number, number] => [value & 0xff, value >> 8]
