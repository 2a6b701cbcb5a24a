/** Characters of the random part of an id that are shown. */
const SHOWN = 8

/** A site as people can tell it from others: `site-7414e50b` of `chartseal.local/site-7414e50b55fff067`. */
export function shortSite(site: string): string {
  const name = site.replace(/^chartseal\.local\//, '')
  const random = /-([0-9a-f]{16})$/.exec(name)
  return random === null ? name : name.slice(0, random.index + 1 + SHOWN)
}
