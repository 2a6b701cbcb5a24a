/** Looking for texts and keys in bytes, however they are written there. */

/** The ways in which a text may lie in a file, or the bytes of a key. */
export function spellings(text: string | Uint8Array): Map<string, Buffer> {
  if (typeof text !== 'string') return spellingsOfBytes(Buffer.from(text))
  const utf8 = Buffer.from(text, 'utf8')
  const swapped = Buffer.from(text, 'utf16le').swap16()
  const spelled = new Map([
    ['UTF-8', utf8],
    ['UTF-16 LE', Buffer.from(text, 'utf16le')],
    ['UTF-16 BE', swapped],
    ['hex', Buffer.from(utf8.toString('hex'))],
    ['HEX', Buffer.from(utf8.toString('hex').toUpperCase())],
    ...base64Of(utf8),
  ])
  return spelled
}

function spellingsOfBytes(bytes: Buffer): Map<string, Buffer> {
  const hex = bytes.toString('hex')
  const backwards = Buffer.from(bytes).reverse()
  return new Map([
    ...([['bytes', bytes] as const, ['bytes, backwards', backwards] as const] as const),
    ...([['hex', Buffer.from(hex)] as const, ['HEX', Buffer.from(hex.toUpperCase())] as const] as const),
    ...base64Of(bytes),
  ])
}

/** Base64 of a longer text that holds it, at each of the three alignments; the edges depend on what stands around. */
function base64Of(bytes: Buffer): [string, Buffer][] {
  return [0, 1, 2].flatMap((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replaceAll('=', '')
    const inner = encoded.slice(shift === 0 ? 0 : shift + 1, encoded.length - 2)
    return inner.length >= 6 ? [[`base64 at ${shift}`, Buffer.from(inner)] as [string, Buffer]] : []
  })
}

/** What of `planted` can be read in `content`: `text (spelling)`. */
export function readable(content: Buffer, planted: readonly (string | Uint8Array)[]): string[] {
  return planted.flatMap((text) =>
    [...spellings(text)].flatMap(([spelling, bytes]) =>
      content.includes(bytes) ? [`${typeof text === 'string' ? text : 'a key'} (${spelling})`] : [],
    ),
  )
}
