/**
 * Where an erasure of this node stands at the other nodes of the network, by what their logs confirm.
 *
 * @remarks
 * Every node of a site that was in the roster when the entry was recorded is asked, with or without a key: each may hold
 * sealed records. A site counts when each of its present nodes has confirmed. That a site is to be asked is worked out
 * from the ledger; the database only remembers those that may leave, and whether they had confirmed by then. Proven by
 * `tests/main/core/network/erasure-confirmed.test.ts`.
 *
 * @packageDocumentation
 */
import { rosterAt } from '../../../ledger/directory.ts'
import type { RosterSite } from '../../../ledger/roster.ts'
import type { ErasureSite } from '../../../shared/api/schemas.ts'
import { instantText } from '../../../clinical/instant.ts'
import { offsetMinAt, type Clinic } from './clinic.ts'
import type { Erased } from './erased-records.ts'

/** What is needed of the clinic. */
type SitesOfClinic = Pick<Clinic, 'replica' | 'store' | 'identity' | 'foreign'>

/** Ids of the sites with another node, as the newest roster lists them. */
export function otherSites({ replica, identity }: SitesOfClinic): string[] {
  return present(replica)
    .filter((site) => othersOf(site, identity.log).length > 0)
    .map(({ id }) => id)
}

/** How an erasure stands at each site that is to confirm it, by id. Settles those that did. */
export function erasureSites(clinic: SitesOfClinic, { by, entry }: Pick<Erased, 'by' | 'entry'>): ErasureSite[] {
  const { replica, store, identity, foreign } = clinic
  const directory = replica.log(by.origin)?.directory
  const then = directory === undefined ? [] : (rosterAt(directory, by.index)?.roster.sites ?? [])
  const open = new Set(store.erasureSites(entry.body.id))
  const confirmed = new Map((foreign?.confirmations(by) ?? []).map(({ log, atMs }) => [log, atMs]))
  return [...new Set([...then.map(({ id }) => id), ...open])].sort().flatMap((id): ErasureSite[] => {
    const site = present(replica).find((other) => other.id === id)
    const isOwn = id === identity.site
    // One that had confirmed before it left is settled.
    if (site === undefined) return open.has(id) ? [{ ...NOT_YET, site: id, isOwn, state: 'left' }] : []
    const nodes = othersOf(site, identity.log)
    if (nodes.length === 0) return []
    const times = nodes.flatMap((log) => confirmed.get(log) ?? [])
    const counts = { nodes: nodes.length, confirmed: times.length }
    if (times.length < nodes.length) return [{ site: id, isOwn, state: 'open', at: null, ...counts }]
    if (open.has(id)) store.settleErasureSite(entry.body.id, id)
    const atMs = Math.max(...times)
    return [{ site: id, isOwn, state: 'confirmed', at: instantText(atMs, offsetMinAt(atMs)), ...counts }]
  })
}

const NOT_YET = { at: null, nodes: 0, confirmed: 0 }

function present(replica: Clinic['replica']): readonly RosterSite[] {
  return rosterAt(replica.directory, replica.head.size)?.roster.sites ?? []
}

function othersOf({ nodes }: RosterSite, own: string): string[] {
  return nodes.map(({ log }) => log).filter((log) => log !== own)
}
