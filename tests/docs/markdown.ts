import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** The checkout. */
export const root = join(import.meta.dirname, '../..')

/** A document, by its path from the root. */
export interface Document {
  readonly name: string
  readonly text: string
}

/** Every document of the project: those at the root, and all below `docs`. */
export function documents(): Document[] {
  const below = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' }).map((name) => join('docs', name))
  return [...readdirSync(root), ...below]
    .filter((name) => name.endsWith('.md') && existsSync(join(root, name)))
    .map((name) => ({ name: relative(root, join(root, name)), text: readFileSync(join(root, name), 'utf8') }))
}

/** The text without fenced blocks and code spans, where nothing is a link. */
export function prose(text: string): string {
  return text.replaceAll(/^(```|~~~)[\s\S]*?^\1/gm, '').replaceAll(/`[^`\n]*`/g, '')
}

/** What stands in fenced blocks and code spans, one piece a line. */
export function code(text: string): string {
  const fenced = [...text.matchAll(/^(```|~~~).*\n([\s\S]*?)^\1/gm)].map(([, , block]) => block ?? '')
  const spans = [...text.replaceAll(/^(```|~~~)[\s\S]*?^\1/gm, '').matchAll(/`([^`\n]+)`/g)].map(
    ([, span]) => span ?? '',
  )
  return [...fenced, ...spans].join('\n')
}

/** Targets of links and images. */
export function targets(text: string): string[] {
  return [...prose(text).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target]) => target ?? [])
}

/** Anchors of a document's headings, as code hosts make them. */
export function anchors(text: string): Set<string> {
  const headings = text.replaceAll(/^(```|~~~)[\s\S]*?^\1/gm, '').matchAll(/^#{1,6} (.+)$/gm)
  const slug = (heading: string) =>
    heading
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-')
  return new Set([...headings].map(([, heading]) => slug(heading ?? '')))
}

/** Rows of all tables, as cells. */
export function tableRows(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('|') && !/^\|[\s|:-]+$/.test(line))
    .map((line) =>
      line
        .slice(1, line.lastIndexOf('|'))
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim()),
    )
}
