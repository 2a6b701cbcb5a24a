/**
 * Hands a text to the browser as a file to keep.
 *
 * @param mediaType - Of the text, without a character set: it is always UTF-8.
 */
export function saveFile(fileName: string, text: string, mediaType = 'text/plain'): void {
  const url = URL.createObjectURL(new Blob([text], { type: mediaType }))
  const link = document.createElement('a')
  link.href = url
  link.download = fileName
  link.click()
  // The browser has taken its own hold of the bytes by the next turn.
  setTimeout(() => {
    URL.revokeObjectURL(url)
  })
}
