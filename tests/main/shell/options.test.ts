import { describe, expect, it } from 'vitest'
import { defaultDataFolder } from '../../../src/main/shell/data-folder.ts'
import { parseShellOptions } from '../../../src/main/shell/options.ts'
import type { Surroundings } from '../../../src/main/shell/surroundings.ts'
import { UsageError } from '../../../src/main/shell/usage-error.ts'

const linux: Surroundings = { platform: 'linux', env: {}, home: '/home/ana', cwd: '/clinic' }
const parse = (...args: string[]) => parseShellOptions(args, linux)

describe('parseShellOptions', () => {
  it('has a default for everything', () => {
    expect(parse()).toEqual({
      dataFolder: '/home/ana/.local/share/chartseal',
      demo: false,
      headless: false,
      replays: [],
      passphraseFile: null,
      port: 0,
    })
  })

  it('reads every option, paths being meant from where npm was called', () => {
    expect(
      parse(
        '--demo',
        '--data',
        'd',
        '--headless',
        '--replay',
        'omron=a=b.hex',
        '--replay=contec=/c',
        '--passphrase-file',
        'p',
        '--port',
        '8123',
      ),
    ).toEqual({
      dataFolder: '/clinic/d',
      demo: true,
      headless: true,
      replays: [
        { family: 'omron', file: '/clinic/a=b.hex' },
        { family: 'contec', file: '/c' },
      ],
      passphraseFile: '/clinic/p',
      port: 8123,
    })
  })

  it.each([['--passphrase', 'secret'], ['--passphrase=secret']])('refuses %s and does not repeat it', (...args) => {
    expect(() => parse(...args)).toThrow(UsageError)
    expect(() => parse(...args)).not.toThrow('secret')
  })

  it.each([
    ['--nonsense'],
    ['positional'],
    ['--port', 'x'],
    ['--port', '65536'],
    ['--port', '-1'],
    ['--port', '0080'],
    ['--replay', 'omron'],
    ['--replay', '=file'],
    ['--replay', '../x=file'],
    ['--data'],
  ])('refuses %s %s', (...args) => {
    expect(() => parse(...args)).toThrow(UsageError)
  })
})

describe('defaultDataFolder', () => {
  it.each([
    [{ platform: 'linux', env: { XDG_DATA_HOME: '/xdg' }, home: '/h' }, false, '/xdg/chartseal'],
    [{ platform: 'linux', env: { XDG_DATA_HOME: 'relative' }, home: '/h' }, false, '/h/.local/share/chartseal'],
    [{ platform: 'linux', env: {}, home: '/h' }, true, '/h/.local/share/chartseal-demo'],
    [{ platform: 'darwin', env: {}, home: '/Users/a' }, false, '/Users/a/Library/Application Support/chartseal'],
    [{ platform: 'win32', env: { APPDATA: 'C:\\A' }, home: 'C:\\U' }, true, 'C:\\A\\chartseal-demo'],
    [{ platform: 'win32', env: {}, home: 'C:\\U' }, false, 'C:\\U\\AppData\\Roaming\\chartseal'],
  ] as const)('%o, demo %s: %s', (around, demo, expected) => {
    expect(defaultDataFolder(around, demo)).toBe(expected)
  })
})
