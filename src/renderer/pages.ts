/** Which pages there are, and whose work they belong to. What somebody may see or do there, the core decides. */
import type { Role } from './api/types.ts'

const EVERYBODY: readonly Role[] = ['physician', 'nurse', 'it', 'auditor']
const CLINICAL: readonly Role[] = ['physician', 'nurse']

/** Pages in the order of the navigation; the first that somebody has is where they start. */
const PAGES = [
  { key: 'patients', roles: ['physician', 'nurse', 'it'] },
  { key: 'bedside', roles: CLINICAL },
  { key: 'devices', roles: ['physician', 'nurse', 'it'] },
  { key: 'tray', roles: CLINICAL },
  { key: 'audit', roles: ['auditor', 'physician'] },
  { key: 'ledger', roles: EVERYBODY },
  { key: 'network', roles: EVERYBODY },
  { key: 'people', roles: EVERYBODY },
  { key: 'administration', roles: ['physician', 'it'] },
  { key: 'about', roles: EVERYBODY },
] as const satisfies readonly { key: string; roles: readonly Role[] }[]

/** Name of a page: its address and the key of its words. */
export type PageKey = (typeof PAGES)[number]['key']

/** Pages of a role; all of them while nobody is known. */
export function pagesOf(role: Role | null): PageKey[] {
  return PAGES.filter(({ roles }) => role === null || (roles as readonly Role[]).includes(role)).map(({ key }) => key)
}

/** Where somebody starts. */
export function homeOf(role: Role | null): string {
  return `/${pagesOf(role)[0] ?? 'about'}`
}

/** Pages that say themselves whose work they are. */
const SELF_EXPLAINING: readonly string[] = ['bedside', 'tray']

/** False for addresses under a page of other roles. */
export function mayVisit(role: Role | null, path: string): boolean {
  const first = path.split('/')[1] ?? ''
  const isOpen = !PAGES.some(({ key }) => key === first) || SELF_EXPLAINING.includes(first)
  return isOpen || pagesOf(role).some((key) => key === first)
}
