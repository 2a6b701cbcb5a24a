/**
 * FHIR R4 `Narrative` of plain paragraphs: what a person reads, in a form that every FHIR reader shows. Proven by
 * `tests/clinical/consent.test.ts`.
 *
 * @packageDocumentation
 */
import type { Element } from './element.ts'
import type { Writable } from './json.ts'

const OPEN = '<div xmlns="http://www.w3.org/1999/xhtml">'
const CLOSE = '</div>'
const PARAGRAPH = /^<p>([^<>]+)<\/p>/
const ENTITIES: Readonly<Record<string, string>> = { '&amp;': '&', '&lt;': '<', '&gt;': '>' }

/**
 * Paragraphs as a narrative.
 *
 * @param paragraphs - Plain text. At least one.
 */
export function narrativeOf(paragraphs: readonly string[]): Writable {
  const body = paragraphs.map((text) => `<p>${escaped(text)}</p>`).join('')
  return { status: 'generated', div: OPEN + body + CLOSE }
}

/**
 * The paragraphs of a narrative that {@link narrativeOf} wrote.
 *
 * @param resource - Has it as `text`.
 * @param maxParagraphs - More are refused.
 * @param maxLength - Characters of the longest paragraph.
 * @throws ClinicalError Any code, with the path.
 */
export function readNarrative(resource: Element, maxParagraphs: number, maxLength: number): string[] {
  const narrative = resource.child('text')
  const paragraphs = paragraphsOf(narrative.text('div'), maxParagraphs)
  if (paragraphs.length === 0 || !paragraphs.every((text) => isPlain(text, maxLength)))
    narrative.fail('WRONG_TEXT', 'div')
  // What is read must be all there is: written again, it is the same.
  resource.fixed('text', narrativeOf(paragraphs))
  return paragraphs
}

/** Paragraphs up to the first thing that is not one. */
function paragraphsOf(div: string, max: number): string[] {
  const paragraphs: string[] = []
  let rest = div.slice(OPEN.length)
  for (let match = PARAGRAPH.exec(rest); match && paragraphs.length < max; match = PARAGRAPH.exec(rest)) {
    paragraphs.push((match[1] ?? '').replace(/&(?:amp|lt|gt);/g, (entity) => ENTITIES[entity] ?? entity))
    rest = rest.slice(match[0].length)
  }
  return paragraphs
}

function isPlain(text: string, maxLength: number): boolean {
  return text.length > 0 && text.length <= maxLength && text === text.trim() && !/[\u0000-\u001f\u007f]/.test(text)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
