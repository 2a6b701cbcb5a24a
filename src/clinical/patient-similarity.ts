/**
 * Whether two patients might be the same person, registered twice with a slip of the pen.
 *
 * @remarks
 * Names are compared without case, diacritics, hyphens and spaces, in either order, and with as many typing errors as
 * their length allows; birth dates with digits, or day and month, that changed places; identifiers with one wrong digit.
 * One coincidence alone is none: two of them must meet. A number inside a name is never a typing error: twins are named
 * by it. Who is similar is shown to a person, who decides. Proven by `tests/clinical/patient-similarity.test.ts`.
 *
 * @packageDocumentation
 */

/** What is compared. */
export interface Demographics {
  readonly familyName: string
  readonly givenName: string
  /** `YYYY-MM-DD`. */
  readonly birthDate: string
  readonly identifier: string
}

/** A patient prepared for comparing with many. */
export interface FoldedPatient {
  /** Words of the name, without case and diacritics. */
  readonly family: readonly string[]
  readonly given: readonly string[]
  readonly birthDate: string
  readonly identifier: string
}

/** Letters that do not fall apart into a base and a mark. */
const LETTERS: Readonly<Record<string, string>> = {
  ß: 'ss',
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  ł: 'l',
  þ: 'th',
  ı: 'i',
}

/** A text without case and diacritics: what search and comparison go by. */
export function foldText(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[ßæœøđðłþı]/g, (letter) => LETTERS[letter] ?? letter)
}

/** Prepares a patient for {@link isSimilarPatient}. */
export function foldPatient({ familyName, givenName, birthDate, identifier }: Demographics): FoldedPatient {
  return {
    family: wordsOf(familyName),
    given: wordsOf(givenName),
    birthDate,
    identifier: foldText(identifier).replaceAll(/[^\p{L}\p{N}]/gu, ''),
  }
}

/** Whether a person should look at both before one of them is registered. */
export function isSimilarPatient(one: FoldedPatient, other: FoldedPatient): boolean {
  const date = compareDates(one.birthDate, other.birthDate)
  const names = bestOrder(one, other)
  const areBoth = names.family !== 'none' && names.given !== 'none'
  const isEither = names.family !== 'none' || names.given !== 'none'
  if (areBoth && (date === 'same' || date === 'near')) return true
  if (names.family === 'same' && names.given === 'same' && date === 'digit') return true
  if (isEither && date === 'same') return true
  return areBoth && isOneOff(one.identifier, other.identifier)
}

type Likeness = 'same' | 'near' | 'none'

interface Names {
  readonly family: Likeness
  readonly given: Likeness
}

/** Names as they stand, or in the wrong fields, whichever fits better. */
function bestOrder(one: FoldedPatient, other: FoldedPatient): Names {
  const straight = { family: compareNames(one.family, other.family), given: compareNames(one.given, other.given) }
  const crossed = { family: compareNames(one.family, other.given), given: compareNames(one.given, other.family) }
  return pointsOf(crossed) > pointsOf(straight) ? crossed : straight
}

const POINTS = { same: 2, near: 1, none: 0 } as const satisfies Record<Likeness, number>

function pointsOf({ family, given }: Names): number {
  return POINTS[family] + POINTS[given]
}

function wordsOf(name: string): string[] {
  return foldText(name)
    .split(/[\s-]+/)
    .map((word) => word.replaceAll(/[^\p{L}\p{N}]/gu, ''))
    .filter((word) => word !== '')
}

function compareNames(one: readonly string[], other: readonly string[]): Likeness {
  const [a, b] = [one.join(''), other.join('')]
  if (a === b) return 'same'
  if (numbersIn(a) !== numbersIn(b)) return 'none'
  if (isPartOf(one, other) || isPartOf(other, one)) return 'near'
  return isWithin(a, b, allowedErrors(Math.max(a.length, b.length))) ? 'near' : 'none'
}

/** Second names are left out on one form and written on the next. */
function isPartOf(few: readonly string[], many: readonly string[]): boolean {
  return few.length > 0 && few.length < many.length && few.every((word) => word.length > 1 && many.includes(word))
}

function numbersIn(name: string): string {
  return name.replaceAll(/\P{N}/gu, '')
}

/** Short names differ by less: Lee is not Leo. */
function allowedErrors(length: number): number {
  return length < 4 ? 0 : length < 8 ? 1 : 2
}

/** Whether at most `limit` letters are wrong, missing, too many, or changed places with their neighbour. */
function isWithin(a: string, b: string, limit: number): boolean {
  if (Math.abs(a.length - b.length) > limit) return false
  let before: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const isSame = a[i - 1] === b[j - 1]
      const change = (last[j - 1] ?? 0) + (isSame ? 0 : 1)
      let least = Math.min(change, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] ?? 0) + 1)
      row.push(least)
    }
    if (Math.min(...row) > limit) return false
    before = last
    last = row
  }
  return (last[b.length] ?? Infinity) <= limit
}

/** `near`: two digits, or day and month, changed places. `digit`: one digit is another. */
function compareDates(one: string, other: string): Likeness | 'digit' {
  if (one === other) return 'same'
  const [year, month, day] = one.split('-')
  if (`${year}-${day}-${month}` === other) return 'near'
  const different = [...one].flatMap((digit, i) => (digit === other[i] ? [] : [i]))
  if (different.length === 1) return 'digit'
  const [i = 0, j = 0] = different
  return different.length === 2 && one[i] === other[j] && one[j] === other[i] ? 'near' : 'none'
}

/** One character is another, or two neighbours changed places. The same is not off. */
function isOneOff(one: string, other: string): boolean {
  if (one.length !== other.length) return false
  const different = [...one].flatMap((character, i) => (character === other[i] ? [] : [i]))
  const [i = 0, j = 0] = different
  const areSwapped = different.length === 2 && j === i + 1 && one[i] === other[j] && one[j] === other[i]
  return different.length === 1 || areSwapped
}
