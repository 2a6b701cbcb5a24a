/** Proving presence with the PIN, and changing it. */
export const messages = {
  title: 'Is it still you?',
  text: 'What you sign carries your name. It has been a while since you typed your PIN.',
  pinOf: 'PIN of {name}',
  missing: 'Type your PIN.',
  confirm: 'Go on',
  wait: 'Too many wrong PINs. Try again in {time}.',
  change: {
    open: 'Change PIN',
    title: 'Change your PIN',
    text: 'The new PIN opens your signing key from now on. The old one opens nothing any more.',
    old: 'Present PIN',
    new: 'New PIN',
    again: 'The same PIN once more',
    hint: 'At least 4 digits, not all the same and not in a row.',
    differs: 'The two PINs differ. Type both again.',
    short: 'Use at least 4 digits.',
    same: 'This is the present PIN. Choose another.',
    confirm: 'Change PIN',
    done: 'Your PIN is changed.',
  },
}
