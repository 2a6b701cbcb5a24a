import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../../..')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }

/** The command line from its sources: Node strips the types itself. */
const chartseal = (...args: string[]) =>
  spawnSync(process.execPath, [join(root, 'src/main/cli/main.ts'), ...args], { encoding: 'utf8' })

describe('chartseal', () => {
  it('says its version', () => {
    expect(chartseal('--version')).toMatchObject({ status: 0, stdout: `chartseal ${version}\n`, stderr: '' })
  })

  it.each([['help'], ['--help'], []])('lists its commands when given %j', (...args) => {
    const { status, stdout, stderr } = chartseal(...args)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch(/^Usage: chartseal/)
  })

  it.each(['nonsense', 'constructor', '__proto__', 'toString'])('does not know %s', (name) => {
    const { status, stdout, stderr } = chartseal(name)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toContain(`unknown command "${name}"`)
  })
})
