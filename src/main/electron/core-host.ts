import { join } from 'node:path'
import { MessageChannelMain, utilityProcess, type MessagePortMain, type UtilityProcess } from 'electron'
import type { CoreStart, FromCore, ToCore } from '../../shared/core-messages.ts'

/**
 * Every open HID device keeps one thread of libuv's pool in a blocking read. With the usual four, a fifth device would wait for
 * one of them to say something, and so would every file and every hash.
 */
const UV_THREADPOOL_SIZE = '16'

/** A core that does not answer a shutdown by then is ended. Its store survives that by design. */
const CLOSE_TIMEOUT_MS = 10_000

/** What the core's process tells the shell. */
export interface CoreEvents {
  readonly log: (line: string) => void
  /** It cannot start; the code is an `ApiCode` or `INTERNAL`. */
  readonly failed: (code: string) => void
  /** It ended without being asked to. */
  readonly crashed: (exitCode: number) => void
}

/** The core in its own process, and the ports that lead to it. */
export class CoreHost {
  readonly #outFolder: string
  readonly #options: CoreStart
  readonly #events: CoreEvents
  #process: UtilityProcess | null = null
  #closing = false
  #failed = false

  /**
   * @param outFolder - Absolute path of `out`.
   * @param options - How to start the core. Holds the node secret: kept in memory only, for restarts.
   * @param events - Who hears about it.
   */
  constructor(outFolder: string, options: CoreStart, events: CoreEvents) {
    this.#outFolder = outFolder
    this.#options = options
    this.#events = events
  }

  /** Starts the core, or starts it again after a crash. */
  start(): void {
    const child = utilityProcess.fork(join(this.#outFolder, 'main', 'core.js'), [], {
      serviceName: 'Chartseal core',
      stdio: 'inherit',
      env: { UV_THREADPOOL_SIZE, ...process.env },
    })
    this.#process = child
    child.on('message', (message: FromCore) => this.#hear(message))
    child.once('exit', (code) => {
      if (this.#process !== child) return
      this.#process = null
      if (!this.#closing && !this.#failed) this.#events.crashed(code)
    })
    // Messages are queued until the core listens; the options must be the first.
    this.#send({ kind: 'start', options: this.#options })
  }

  /** Opens a channel: one end goes to the core, the other is returned for the window. Null while there is no core. */
  connectWindow(): MessagePortMain | null {
    if (this.#process === null) return null
    const { port1, port2 } = new MessageChannelMain()
    this.#send({ kind: 'window' }, [port1])
    return port2
  }

  /** Locks the session: the workstation was locked, put to sleep or is shutting down. */
  lockSession(): void {
    this.#send({ kind: 'lock' })
  }

  /** Tells the windows that somebody started Chartseal again. */
  focus(): void {
    this.#send({ kind: 'focus' })
  }

  /**
   * @param passphrase - The start passphrase from a file or a system credential.
   */
  unlock(passphrase: string): void {
    this.#send({ kind: 'unlock', passphrase })
  }

  /** Shuts the core down and waits until its process is gone. */
  async close(): Promise<void> {
    this.#closing = true
    const child = this.#process
    if (child === null) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => child.kill(), CLOSE_TIMEOUT_MS)
      child.once('exit', () => {
        clearTimeout(timer)
        resolve()
      })
      this.#send({ kind: 'close' })
    })
  }

  #send(message: ToCore, ports: MessagePortMain[] = []): void {
    this.#process?.postMessage(message, ports)
  }

  #hear(message: FromCore): void {
    if (message.kind === 'log') this.#events.log(message.line)
    if (message.kind === 'failed') {
      this.#failed = true
      this.#events.failed(message.code)
    }
  }
}
