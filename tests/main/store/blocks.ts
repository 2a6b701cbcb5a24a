import type { BlockClosing, NewBlock, NewEntry, Store } from '../../../src/main/store/store.ts'

export const ORIGIN = 'chartseal.test/a/n1/1'
export const LOG_KEY = new Uint8Array(32).fill(9)

/** 16 bytes that differ for each number. */
export function id(n: number): Uint8Array {
  const bytes = new Uint8Array(16)
  new DataView(bytes.buffer).setUint32(12, n)
  return bytes
}

/** Bytes of an entry that differ for each number. */
export function entryBytes(n: number): Uint8Array {
  return new TextEncoder().encode(`entry ${n}`)
}

export function entry(n: number, extra: Partial<NewEntry> = {}): NewEntry {
  return { id: id(n), bytes: entryBytes(n), type: 'reading', subject: null, payload: null, ...extra }
}

/** The next block of a store's log, of entries with the numbers given. */
export function block(store: Store, entries: readonly NewEntry[], extra: Partial<NewBlock> = {}): NewBlock {
  const newest = store.newestCheckpoint(ORIGIN)
  return {
    origin: ORIGIN,
    firstIndex: newest?.size ?? 0,
    previousNote: newest?.note ?? null,
    entries,
    epochKeys: [],
    ...extra,
  }
}

/** A closing with one tile, whose note names block and size. */
export function closing(store: Store, next: NewBlock): BlockClosing {
  const number = (store.newestCheckpoint(ORIGIN)?.block ?? -1) + 1
  const size = next.firstIndex + next.entries.length
  return {
    tiles: [{ level: 0, index: 0, bytes: new Uint8Array(32 * Math.min(size, 256)).fill(number) }],
    block: number,
    size,
    note: `note of block ${number}, size ${size}\n`,
  }
}

/** Appends entries with the numbers given as one block. */
export function appendNumbers(store: Store, ...numbers: number[]): void {
  const next = block(
    store,
    numbers.map((n) => entry(n)),
  )
  const end = closing(store, next)
  store.append(next, () => end)
}

/** The code of the error that `body` throws. */
export function codeOf(body: () => unknown): unknown {
  try {
    body()
  } catch (error) {
    return (error as { code?: unknown }).code ?? error
  }
  return 'no error'
}
