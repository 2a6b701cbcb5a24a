/** Hands a text to the browser as a file to keep. Whoever runs the window may refuse: say where else the text can be had. */
export function saveFile(fileName: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'text/plain' }))
  const link = document.createElement('a')
  link.href = url
  link.download = fileName
  link.click()
  // The browser has taken its own hold of the bytes by the next turn.
  setTimeout(() => {
    URL.revokeObjectURL(url)
  })
}
