/** Signing in, and coming back after a lock. */
export const messages = {
  title: 'Who is working?',
  locked: 'Locked',
  lockedText: 'Enter your PIN to go on, or choose a colleague. A running measurement goes on.',
  who: 'People',
  filter: 'Find your name',
  pin: 'PIN',
  pinOf: 'PIN of {name}',
  pad: 'Number pad',
  erase: 'Erase the last digit',
  signIn: 'Sign in',
  choose: 'Choose your name to enter your PIN.',
  wait: 'Too many wrong PINs. Try again in {time}.',
  demoPin: 'PIN {pin}',
  nobody: 'Nobody can sign in here',
  nobodyText: 'No practitioner of this clinic could be verified on this computer. Call IT.',
}
