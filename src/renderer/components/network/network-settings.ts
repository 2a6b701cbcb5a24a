/**
 * The settings of the network as somebody edits them: texts, and what is wrong with them.
 *
 * @remarks
 * Whether an address can be called, the core says; here only what needs no dialling is checked. Proven by
 * `tests/renderer/components/network/network-settings.test.ts`.
 *
 * @packageDocumentation
 */
import type { NetworkSettings, NetworkStatus } from '../../api/types.ts'

/** Addresses from outside at most, and of one node. */
export const MAX_ANNOUNCED = 4
export const MAX_OF_NODE = 8
/** Characters of an address. */
const [SHORTEST, LONGEST] = [3, 300]

/** What stands in the fields. */
export interface SettingsDraft {
  port: string
  announce: string
  discovery: boolean
  relay: boolean
  /** By site. */
  names: Record<string, string>
  /** By log. */
  addresses: Record<string, string>
}

/** What is wrong with a field that was typed. */
export interface DraftProblems {
  readonly isPortWrong: boolean
  readonly isAnnounceTooLong: boolean
  /** Logs of nodes with too many addresses. */
  readonly tooMany: readonly string[]
  /** An address that is too short or too long to be one; null when none is. */
  readonly unusable: string | null
}

/** The fields as the core has them. */
export function draftOf({ settings, sites }: Pick<NetworkStatus, 'settings' | 'sites'>): SettingsDraft {
  const others = sites.filter(({ isOwn }) => !isOwn)
  const nodes = sites.flatMap((site) => site.nodes.filter(({ isOwn }) => !isOwn))
  const typedFor = (log: string): string => settings.peers.find((peer) => peer.log === log)?.addresses.join(', ') ?? ''
  const nameFor = (id: string): string => settings.names?.find(({ site }) => site === id)?.name ?? ''
  return {
    port: settings.port === null ? '' : String(settings.port),
    announce: settings.announce.join('\n'),
    discovery: settings.discovery,
    relay: settings.relay,
    names: Object.fromEntries(others.map(({ id }) => [id, nameFor(id)])),
    addresses: Object.fromEntries(nodes.map(({ log }) => [log, typedFor(log)])),
  }
}

/** Addresses of a text, which are separated by white space, commas or semicolons. */
export function addressesIn(text: string): string[] {
  return [...new Set(text.split(/[\s,;]+/).filter((part) => part !== ''))]
}

/** What is wrong before anything is asked; everything false or empty when nothing is. */
export function problemsOf(draft: SettingsDraft): DraftProblems {
  const port = draft.port.trim()
  const all = [draft.announce, ...Object.values(draft.addresses)].flatMap(addressesIn)
  return {
    unusable: all.find(({ length }) => length < SHORTEST || length > LONGEST) ?? null,
    isPortWrong: port !== '' && !(/^[1-9][0-9]{0,4}$/.test(port) && Number(port) <= 65_535),
    isAnnounceTooLong: addressesIn(draft.announce).length > MAX_ANNOUNCED,
    tooMany: Object.entries(draft.addresses).flatMap(([log, text]) =>
      addressesIn(text).length > MAX_OF_NODE ? [log] : [],
    ),
  }
}

/** The settings that the fields stand for. Addresses of nodes that no field is about stay as they are. */
export function settingsOf(draft: SettingsDraft, before: NetworkSettings): Omit<NetworkSettings, 'custodians'> {
  const typed = Object.entries(draft.addresses).map(([log, text]) => ({ log, addresses: addressesIn(text) }))
  const untouched = before.peers.filter(({ log }) => !(log in draft.addresses))
  const names = Object.entries(draft.names).map(([site, name]) => ({ site, name: name.trim() }))
  return {
    port: draft.port.trim() === '' ? null : Number(draft.port.trim()),
    announce: addressesIn(draft.announce),
    discovery: draft.discovery,
    relay: draft.relay,
    peers: [...untouched, ...typed.filter(({ addresses }) => addresses.length > 0)],
    names: names.filter(({ name }) => name !== ''),
  }
}

/** The field that an address stands in: `announce`, or the log of a node; null when none has it. */
export function fieldOf(draft: SettingsDraft, address: string): string | null {
  if (addressesIn(draft.announce).includes(address)) return 'announce'
  return Object.entries(draft.addresses).find(([, text]) => addressesIn(text).includes(address))?.[0] ?? null
}
