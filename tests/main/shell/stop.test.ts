import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'

const moduleUrl = pathToFileURL(join(import.meta.dirname, '../../../src/main/shell/stop.ts')).href

/** A process that stops on signals and prints what happens. */
function startProcess(close: string) {
  const program = `
    import { stopOnSignals } from ${JSON.stringify(moduleUrl)}
    stopOnSignals(${close}, (line) => console.log(line))
    setInterval(() => undefined, 1000)
    console.log('ready')`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  return { child, ready: once(child.stdout, 'data'), ended: once(child, 'close'), output: () => output }
}

describe.skipIf(process.platform === 'win32')('stopOnSignals', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('shuts down once on %s and leaves with 0', async (signal) => {
    const { child, ready, ended, output } = startProcess(
      `async () => { console.log('closing'); await new Promise((r) => setTimeout(r, 100)) }`,
    )
    await ready
    // From the terminal, and again from whoever started it.
    child.kill(signal)
    child.kill(signal)
    expect(await ended).toEqual([0, null])
    expect(output()).toBe('ready\nclosing\n')
  })

  it('leaves with 1 when the shutdown fails', async () => {
    const { child, ready, ended, output } = startProcess(`async () => { throw new Error('disk gone') }`)
    await ready
    child.kill('SIGINT')
    expect(await ended).toEqual([1, null])
    expect(output()).toContain('disk gone')
  })
})
