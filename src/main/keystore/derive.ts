/**
 * Keys from passwords and from the node secret.
 *
 * @packageDocumentation
 */
import { hkdfSync, scrypt } from 'node:crypto'

/** Cost of scrypt, stored beside what it protects. N = 2^logN. */
export interface ScryptCost {
  readonly logN: number
  readonly r: number
  readonly p: number
}

/** Costs above this would let a changed file exhaust memory: 2^20 with r = 8 takes 1 GiB. */
const MAX_LOG_N = 20

/** Whether a cost read from a file is one we would write, or a later one: never cheaper than `floor`. */
export function isAcceptedCost(cost: ScryptCost, floor: number): boolean {
  return Number.isInteger(cost.logN) && cost.logN >= floor && cost.logN <= MAX_LOG_N && cost.r === 8 && cost.p === 1
}

/** The cost with N = 2^logN and the usual r and p. */
export function costOf(logN: number): ScryptCost {
  return { logN, r: 8, p: 1 }
}

/**
 * scrypt (RFC 7914) of a password, 32 bytes, off this thread.
 *
 * @param password - Normalised (NFKC) first: keyboards differ in how they compose letters.
 */
export function derivePassword(password: string, salt: Uint8Array, cost: ScryptCost): Promise<Uint8Array> {
  const N = 2 ** cost.logN
  const options = { N, r: cost.r, p: cost.p, maxmem: 256 * N * cost.r }
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, 32, options, (error, key) => {
      if (error === null) resolve(new Uint8Array(key.buffer, key.byteOffset, key.length))
      else reject(error)
    })
  })
}

/**
 * HKDF-SHA256 (RFC 5869) without salt, 32 bytes.
 *
 * @param purpose - Names the one use of the key.
 */
export function deriveKey(secret: Uint8Array, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, new Uint8Array(0), `chartseal/keystore/v1\n${purpose}`, 32))
}
