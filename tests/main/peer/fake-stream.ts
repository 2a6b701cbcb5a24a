/** A stream of a peer as a test plays it. */
import type { PeerStream } from '../../../src/main/peer/peer-link.ts'

export class FakeStream implements PeerStream {
  readonly facts = { address: '/ip4/127.0.0.1/tcp/1', isOutbound: true, isRelayed: false, sinceMs: 0 }
  readonly written: Uint8Array[] = []
  isPaused = false
  aborted: Error | null = null
  /** Writes that still have room; -1 for any number. */
  room = -1
  #read: (bytes: Uint8Array) => void = () => undefined
  #closed: (cause: Error | null) => void = () => undefined
  #drained: { resolve: () => void; reject: (error: Error) => void } | null = null

  write(bytes: Uint8Array): boolean {
    if (this.aborted !== null) throw new Error('written after the end')
    this.written.push(Uint8Array.from(bytes))
    if (this.room > 0) this.room -= 1
    return this.room !== 0
  }
  drain(): Promise<void> {
    return new Promise((resolve, reject) => (this.#drained = { resolve, reject }))
  }
  onData(read: (bytes: Uint8Array) => void): void {
    this.#read = read
  }
  onClose(closed: (cause: Error | null) => void): void {
    this.#closed = closed
  }
  pause(): void {
    this.isPaused = true
  }
  resume(): void {
    this.isPaused = false
  }
  close(): Promise<void> {
    this.#end(null)
    return Promise.resolve()
  }
  abort(cause: Error): void {
    this.#end(cause)
  }

  /** Plays bytes arriving; an error of the reader resets, as it does in the real one. */
  arrive(bytes: Uint8Array): void {
    try {
      this.#read(bytes)
    } catch (error) {
      this.abort(error as Error)
    }
  }
  /** Plays room in the wire, for `writes` writes. */
  makeRoom(writes: number): void {
    this.room = writes
    this.#drained?.resolve()
    this.#drained = null
  }
  #end(cause: Error | null): void {
    if (this.aborted !== null) return
    this.aborted = cause ?? new Error('closed in order')
    this.#drained?.reject(new Error('closed'))
    this.#closed(cause)
  }
}
