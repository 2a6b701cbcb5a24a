import { EventEmitter } from 'node:events'
import { MessageChannel } from 'node:worker_threads'
import { os } from '@orpc/server'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { ApiFailure } from '../../../src/main/core/failure.ts'
import type { Core, CoreOptions } from '../../../src/main/core/index.ts'
import { serveShell, type ShellPort } from '../../../src/main/core/serve-shell.ts'
import type { CoreStart, FromCore, ToCore } from '../../../src/shared/core-messages.ts'
import { clientOver, until } from '../../support/core-world.ts'

const START: CoreStart = {
  dataFolder: '/data',
  demo: true,
  shell: 'electron',
  nodeSecret: new Uint8Array(32),
  replays: [],
  virtualDevices: true,
}

/** The core's process, without a process: its port to the shell, and a core that only answers `ping`. */
function world(start?: (options: CoreOptions) => Promise<Core>) {
  const toCore = new EventEmitter()
  const said: FromCore[] = []
  const exits: number[] = []
  const options: CoreOptions[] = []
  const core = {
    router: { ping: os.handler(() => 'pong') },
    unlock: vi.fn((passphrase: string) =>
      Promise.resolve(
        passphrase === 'right' ? { ok: true as const } : { ok: false as const, code: 'WRONG_PASSPHRASE' },
      ),
    ),
    lockSession: vi.fn(),
    focus: vi.fn(),
    close: vi.fn(() => Promise.resolve()),
  }
  const port: ShellPort = {
    on: (event, listener) => toCore.on(event, listener),
    postMessage: (message) => said.push(message),
  }
  const startCore = (given: CoreOptions): Promise<Core> => {
    options.push(given)
    return start?.(given) ?? Promise.resolve(core as unknown as Core)
  }
  serveShell(port, startCore, (code) => exits.push(code))
  const tell = (data: ToCore, ports: unknown[] = []): boolean => toCore.emit('message', { data, ports })
  return { tell, said, exits, options, core }
}

const kinds = (said: readonly FromCore[]): string[] => said.map(({ kind }) => kind)

/** A window: its port goes to the core, and `ping` comes back. */
function ping({ tell }: Pick<ReturnType<typeof world>, 'tell'>): Promise<string> {
  const { port1, port2 } = new MessageChannel()
  onTestFinished(() => port2.close())
  tell({ kind: 'window' }, [port1])
  return (clientOver(port2) as unknown as { ping: () => Promise<string> }).ping()
}

describe('the core in a process of its own', () => {
  it('starts with what the shell says, and says when it has', async () => {
    const { tell, said, options } = world()
    tell({ kind: 'start', options: START })
    await until(() => said.length > 0)
    expect([kinds(said), options]).toEqual([['ready'], [{ ...START, log: expect.any(Function) }]])
    options[0]!.log('a line')
    expect(said.at(-1)).toEqual({ kind: 'log', line: 'a line' })
  })

  it('serves every window on the port that comes with it, also those that came before it was ready', async () => {
    const gate = Promise.withResolvers<Core>()
    const { tell, core } = world(() => gate.promise)
    tell({ kind: 'start', options: START })
    const early = ping({ tell })
    gate.resolve(core as unknown as Core)
    expect([await early, await ping({ tell })]).toEqual(['pong', 'pong'])
  })

  it('locks, comes to the front and unlocks when told', async () => {
    const { tell, said, core } = world()
    tell({ kind: 'start', options: START })
    tell({ kind: 'lock' })
    tell({ kind: 'focus' })
    tell({ kind: 'unlock', passphrase: 'wrong' })
    await until(() => kinds(said).includes('log'))
    expect([core.lockSession.mock.calls.length, core.focus.mock.calls.length]).toEqual([1, 1])
    expect(said.at(-1)).toEqual({
      kind: 'log',
      line: 'the start passphrase was not accepted (WRONG_PASSPHRASE); it can be entered in the window',
    })
    tell({ kind: 'unlock', passphrase: 'right' })
    await until(() => core.unlock.mock.calls.length === 2)
    expect(kinds(said)).toEqual(['ready', 'log'])
  })

  it('closes, says so, and ends', async () => {
    const { tell, said, exits, core } = world()
    tell({ kind: 'start', options: START })
    tell({ kind: 'close' })
    await until(() => exits.length > 0)
    expect([core.close.mock.calls.length, kinds(said), exits]).toEqual([1, ['ready', 'closed'], [0]])
  })

  it.each([
    [new ApiFailure('DATA_FOLDER_IN_USE'), 'DATA_FOLDER_IN_USE'],
    [new Error('cannot replay x'), 'INTERNAL'],
  ])('says why it cannot start, and can still be closed', async (error, code) => {
    const { tell, said, exits } = world(() => Promise.reject(error))
    tell({ kind: 'start', options: START })
    tell({ kind: 'lock' })
    tell({ kind: 'close' })
    await until(() => exits.length > 0)
    expect(said).toEqual([{ kind: 'log', line: error.message }, { kind: 'failed', code }, { kind: 'closed' }])
  })
})
