/**
 * Which open proposals are kept, so that nobody can keep out those of others.
 *
 * @remarks
 * Each site holds one place: that of the newest round it approved something in. What no site approved has none. So there are
 * never more than there are sites, and one that approves many things fills no place but its own. Proven by
 * `tests/main/core/vault/proposal-slots.test.ts`.
 *
 * @packageDocumentation
 */

/** A proposal among others. */
export interface Slotted {
  /** The same for the same proposal, whoever approved it. */
  readonly key: string
  /** 0, or a later attempt at the same. */
  readonly round: number
  /** Ids of the sites that approved it, proven. */
  readonly supporters: readonly string[]
}

/**
 * The proposals that are kept, now that one was heard.
 *
 * @param kept - So far.
 * @param heard - With all approvals that are known of it.
 * @returns The same list when it is not kept.
 */
export function withHeard<Item extends Slotted>(kept: readonly Item[], heard: Item): readonly Item[] {
  if (kept.some(({ key }) => key === heard.key)) return kept.map((one) => (one.key === heard.key ? heard : one))
  if (!heard.supporters.some((site) => roundOf(kept, site) < heard.round)) return kept
  const all = [...kept, heard]
  return all.filter(({ round, supporters }) => supporters.some((site) => roundOf(all, site) === round))
}

/** The newest round in which a site approved something; -1 for none. */
function roundOf(kept: readonly Slotted[], site: string): number {
  return Math.max(-1, ...kept.filter(({ supporters }) => supporters.includes(site)).map(({ round }) => round))
}
