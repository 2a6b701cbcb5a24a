import { concatBytes, toHex } from '../../shared/bytes.ts'
import type { CheckpointRow, CosignatureRow, EvidenceRow, MirrorRow, StoredPayload } from './store.ts'

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

/** Size and name in a line of their own, then the line. */
export function cosignatureBytes({ size, name, line }: CosignatureRow): Uint8Array {
  return new TextEncoder().encode(`${size} ${name}\n${line}`)
}

/** How many are stored and what was refused in a line of their own, then both notes, each after a line of its length. */
export function mirrorBytes({ pending, stored, mirrored, refused }: MirrorRow): Uint8Array {
  const notes = [pending, mirrored].map((note) => (note === null ? '-\n' : `${note.length}\n${note}`))
  const refusal = refused === null ? '-' : `${refused.index} ${refused.code}`
  return new TextEncoder().encode(`${stored} ${refusal}\n${notes.join('')}`)
}

/** Id and log in a line of their own, then the text. */
export function evidenceBytes({ id, origin, text }: EvidenceRow): Uint8Array {
  return new TextEncoder().encode(`${toHex(id)} ${origin}\n${text}`)
}

function length(part: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, part.length)
  return bytes
}
