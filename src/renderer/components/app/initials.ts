/** First letters of the first and last word of a name, without titles: `Dr Miriam Castellane` is `MC`. */
export function initialsOf(name: string): string {
  const words = name.split(/\s+/).filter((word) => word !== '' && !/^(dr|prof|mr|mrs|ms)\.?$/i.test(word))
  const [first = '', last = ''] = [words[0], words.length > 1 ? words.at(-1) : '']
  return [first, last].map((word) => ([...word][0] ?? '').toUpperCase()).join('')
}
