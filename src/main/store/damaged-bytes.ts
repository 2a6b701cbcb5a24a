import { concatBytes } from '../../shared/bytes.ts'
import type { CheckpointRow, StoredPayload } from './store.ts'

/** The parts of a payload row one after the other, each after its length in four bytes: how quarantine keeps it. */
export function payloadBytes({ ciphertext, wrappedKey, salt }: StoredPayload): Uint8Array {
  return concatBytes(...[ciphertext, wrappedKey, salt].flatMap((part) => [length(part), part]))
}

/** Block and size in a line of their own, then the note. */
export function checkpointBytes({ block, size, note }: CheckpointRow): Uint8Array {
  return new TextEncoder().encode(`${block} ${size}\n${note}`)
}

/** The recipient's key, then the sealed key. */
export function epochKeyBytes({ recipient, sealed }: { recipient: Uint8Array; sealed: Uint8Array }): Uint8Array {
  return concatBytes(recipient, sealed)
}

function length(part: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, part.length)
  return bytes
}
