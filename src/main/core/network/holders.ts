/**
 * Connected nodes that hold logs of this one: what is damaged here is fetched from them.
 *
 * @remarks
 * Proven by `tests/main/core/network/mended-by-peers.test.ts`.
 *
 * @packageDocumentation
 */
import type { SyncNode } from '../../../sync/sync-node.ts'
import type { Clinic } from '../vault/clinic.ts'
import type { RepairSource } from '../vault/repair.ts'
import { PeerSource } from './peer-source.ts'

/** See the module's comment. */
export class Holders {
  readonly #clinic: Clinic
  readonly #node: SyncNode
  /** Links of holders that were told of. */
  #told: ReadonlySet<number> = new Set()

  constructor(clinic: Clinic, node: SyncNode) {
    this.#clinic = clinic
    this.#node = node
  }

  /**
   * As sources of repairs: those of the own site first.
   *
   * @param signal - Ends all waiting for them.
   */
  sources(signal: AbortSignal): RepairSource[] {
    const { identity, replica } = this.#clinic
    return this.#now()
      .toSorted((a, b) => Number(b.site === identity.site) - Number(a.site === identity.site))
      .map(({ link, log: node }) => {
        const said = (origin: string) =>
          this.#node
            .facts()
            .find((one) => one.link === link)
            ?.known.get(origin)?.size ?? 0
        const held = (origin: string) => Math.min(said(origin), replica.log(origin)?.head.size ?? 0)
        return new PeerSource({ sessions: this.#node, link, node, held, signal })
      })
  }

  /** True once for each connection to one. */
  hasNew(): boolean {
    const links = new Set(this.#now().map(({ link }) => link))
    const isNew = [...links].some((link) => !this.#told.has(link))
    this.#told = links
    return isNew
  }

  /** How many hold every entry of the own log, as they say. */
  countWhole(): number {
    const { origin, head } = this.#clinic.replica.live
    const nodes = this.#node.facts().filter(({ who }) => who.kind === 'node')
    return nodes.filter(({ known }) => (known.get(origin)?.size ?? 0) >= head.size).length
  }

  #now() {
    const origins = this.#clinic.replica.logs.map(({ origin }) => origin)
    return this.#node.facts().flatMap(({ link, who, hello, known }) => {
      const isHolder =
        who.kind === 'node' && hello !== null && origins.some((origin) => (known.get(origin)?.size ?? 0) > 0)
      return isHolder ? [{ link, site: who.site, log: who.log }] : []
    })
  }
}
