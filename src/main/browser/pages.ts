/**
 * The page that a redeemed launch address shows for an instant.
 *
 * @remarks
 * Not an HTTP redirect: when the address was followed from a page of another site, a SameSite=Strict cookie would not
 * be sent along the redirect. A refresh starts a navigation of our own, which carries it.
 */
export const LAUNCHED_PAGE = page(
  'Opening Chartseal',
  'Opening Chartseal…',
  '<meta http-equiv="refresh" content="0;url=/">',
)

/** For whoever comes without a session. */
export const CLOSED_PAGE = page(
  'Chartseal',
  'This address opens only from Chartseal itself. Start Chartseal again to open its window.',
  '',
)

function page(title: string, text: string, head: string): string {
  return (
    // The empty icon keeps browsers from asking for one, which is refused before there is a session.
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><link rel="icon" href="data:,">${head}` +
    `<title>${title}</title></head>` +
    `<body><p>${text}</p></body></html>\n`
  )
}
