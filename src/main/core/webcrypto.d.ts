import type { webcrypto } from 'node:crypto'

// @hpke/core names these globals; Node has them under another name, and the window's library is not for the core.
declare global {
  type CryptoKey = webcrypto.CryptoKey
  type CryptoKeyPair = webcrypto.CryptoKeyPair
}
