/**
 * What a core in a process of its own does with the messages of its shell.
 *
 * @remarks
 * Proven by `tests/main/electron/core-process.test.ts`.
 *
 * @packageDocumentation
 */
import { RPCHandler } from '@orpc/server/message-port'
import type { FromCore, ToCore } from '../../shared/core-messages.ts'
import { failureOf } from './failure.ts'
import type { Core, CoreOptions } from './index.ts'

/** A port that a window is at the other end of: Electron's, or in tests Node's. */
type WindowPort = Parameters<InstanceType<typeof RPCHandler>['upgrade']>[0] & { start(): void }

/** Electron's `process.parentPort`, as far as it is used. */
export interface ShellPort {
  on(event: 'message', listener: (event: { data: ToCore; ports: WindowPort[] }) => void): unknown
  postMessage(message: FromCore): void
}

/**
 * Starts the core at the shell's first message and serves it until told to close.
 *
 * @param shell - Where messages come from and go to.
 * @param startCore - Starts the core.
 * @param exit - Ends the process.
 */
export function serveShell(
  shell: ShellPort,
  startCore: (options: CoreOptions) => Promise<Core>,
  exit: (code: number) => void,
): void {
  const log = (line: string): void => shell.postMessage({ kind: 'log', line })
  let starting: Promise<Core | null> = Promise.resolve(null)
  shell.on('message', ({ data, ports }) => {
    if (data.kind === 'start') starting = start(data.options)
    else void starting.then((core) => obey(core, data, ports))
  })

  async function start(options: Extract<ToCore, { kind: 'start' }>['options']): Promise<Core | null> {
    try {
      const core = await startCore({ ...options, log })
      shell.postMessage({ kind: 'ready' })
      return core
    } catch (error) {
      const { code } = failureOf(error)
      log(error instanceof Error ? error.message : code)
      shell.postMessage({ kind: 'failed', code })
      return null
    }
  }

  async function obey(core: Core | null, message: ToCore, ports: readonly WindowPort[]): Promise<void> {
    if (message.kind === 'close') {
      await core?.close()
      shell.postMessage({ kind: 'closed' })
      exit(0)
    } else if (core === null) return
    else if (message.kind === 'window') for (const port of ports) serveWindow(core, port)
    else if (message.kind === 'lock') core.lockSession()
    else if (message.kind === 'focus') core.focus()
    else if (message.kind === 'unlock') await unlock(core, message.passphrase)
  }

  async function unlock(core: Core, passphrase: string): Promise<void> {
    const result = await core.unlock(passphrase)
    if (!result.ok) log(`the start passphrase was not accepted (${result.code}); it can be entered in the window`)
  }
}

function serveWindow(core: Core, port: WindowPort): void {
  new RPCHandler(core.router).upgrade(port, { context: {} })
  port.start()
}
