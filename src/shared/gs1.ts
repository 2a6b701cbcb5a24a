/**
 * GS1 codes on wristbands: the identifier of a person inside what a scanner types.
 *
 * @remarks
 * GS1 General Specifications: application identifier 8018 is the Global Service Relation Number of the one who is cared
 * for (18 digits, the last one a check digit), 8019 the instance of that relation, 8017 the one who provides the service.
 * A scanner may send a symbology identifier (ISO/IEC 15424) first, such as `]C1` for GS1-128 and `]d2` for GS1
 * DataMatrix, and FNC1 as the character 29; people read the identifiers in round brackets. Proven by
 * `tests/shared/gs1.test.ts`.
 *
 * @packageDocumentation
 */

/** Symbologies that carry element strings: GS1-128, DataBar, DataMatrix, QR, Aztec and DotCode with FNC1 first. */
const GS1_SYMBOLOGY = /^\](?:C1|e0|d2|Q3|z3|J1)/
const SYMBOLOGY = /^\][A-Za-z][0-9]/
const FNC1 = '\u001d'
const PERSON = '8018'
/** What may stand on a wristband, and how long it is. */
const ELEMENTS: Readonly<Record<string, RegExp>> = {
  '8017': /^[0-9]{18}/,
  '8018': /^[0-9]{18}/,
  '8019': /^[0-9]{1,10}/,
}
const AI_SIZE = 4

/** True for a Global Service Relation Number: 18 digits with the right check digit. */
export function isGsrn(text: string): boolean {
  if (!/^[0-9]{18}$/.test(text)) return false
  // From the right, without the check digit: 3, 1, 3, 1, …
  const sum = [...text].reduce((total, digit, i) => total + Number(digit) * (i % 2 === 0 ? 3 : 1), 0)
  // The check digit itself was counted once, and brings the sum to a multiple of ten.
  return sum % 10 === 0
}

/**
 * What the code of a wristband may mean: the identifiers to look for, and no other.
 *
 * @param code - As scanned. Untrusted.
 * @returns Empty when it is a GS1 code without a valid number of a person. A code that does not say whether it is one
 * may be both: then the plain text comes first.
 */
export function identifiersIn(code: string): string[] {
  const trimmed = code.trim()
  const isGs1 = GS1_SYMBOLOGY.test(trimmed) || trimmed.startsWith(FNC1)
  const plain = trimmed.replace(SYMBOLOGY, '').trim()
  const person = personIn(plain)
  if (isGs1) return person === null ? [] : [person]
  return person === null || person === plain ? [plain] : [plain, person]
}

/** The number of the person in an element string, or null. */
function personIn(text: string): string | null {
  const elements = elementsOf(text)
  const person = elements?.get(PERSON) ?? null
  return person !== null && isGsrn(person) ? person : null
}

/** Null for anything else than known elements, each once. */
function elementsOf(text: string): Map<string, string> | null {
  const elements = new Map<string, string>()
  let rest = text.startsWith(FNC1) ? text.slice(1) : text
  while (rest !== '') {
    const bracketed = /^\(([0-9]{4})\)/.exec(rest)
    const ai = bracketed?.[1] ?? rest.slice(0, AI_SIZE)
    const data = rest.slice(bracketed?.[0].length ?? AI_SIZE)
    const value = ELEMENTS[ai]?.exec(data)?.[0]
    if (value === undefined || elements.has(ai)) return null
    elements.set(ai, value)
    const after = data.slice(value.length)
    // None of them has a length that GS1 predefines: another one follows a separator, or stands in brackets.
    if (after !== '' && !after.startsWith(FNC1) && !after.startsWith('(')) return null
    rest = after.startsWith(FNC1) ? after.slice(1) : after
  }
  return elements
}
