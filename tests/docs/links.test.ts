import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it } from 'vitest'
import packageJson from '../../package.json' with { type: 'json' }
import { anchors, code, documents, root, targets, type Document } from './markdown.ts'

const all = documents()
const scripts = new Set(Object.keys(packageJson.scripts))
/** Commands that npm has without a script, and that documents may name. */
const NPM_ITSELF = new Set(['ci', 'install'])

/** Relative targets that are not there, or whose document has no such heading. */
function broken({ name, text }: Document): string[] {
  return targets(text).filter((target) => {
    if (/^[a-z]+:/.test(target)) return false
    const [path = '', anchor] = target.split('#')
    const file = path === '' ? name : normalize(join(dirname(name), path))
    if (file.startsWith('..') || !existsSync(join(root, file))) return true
    return anchor !== undefined && !anchors(readFileSync(join(root, file), 'utf8')).has(anchor)
  })
}

/** Scripts that a document tells people to run. */
function namedScripts(text: string): string[] {
  const commands = code(text)
  const runs = [...commands.matchAll(/\bnpm run (?:-s )?([a-z][a-z:-]*)/g)].map(([, script]) => script!)
  const direct = [...commands.matchAll(/\bnpm (?!run\b)([a-z]+)\b/g)].map(([, word]) => word!)
  return [...runs, ...direct.filter((word) => !NPM_ITSELF.has(word))]
}

/** Commands of the command line, as its help lists them. */
function cliCommands(): Set<string> {
  const { stdout } = spawnSync(process.execPath, [join(root, 'src/main/cli/main.ts'), 'help'], { encoding: 'utf8' })
  return new Set([...stdout.matchAll(/^ {2}(-{0,2}[a-z][a-z-]*)\b/gm)].map(([, command]) => command!))
}

describe('documents', () => {
  it('are there', () => {
    const names = all.map(({ name }) => name)
    for (const name of ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'docs/architecture.md', 'docs/threat-model.md'])
      expect(names).toContain(name)
  })

  it.each(all)('$name links to what is there', (document) => {
    expect(broken(document)).toEqual([])
  })

  it.each(all)('$name names no script that package.json lacks', ({ text }) => {
    expect(namedScripts(text).filter((script) => !scripts.has(script))).toEqual([])
  })

  it('name no command that the command line lacks', () => {
    const known = cliCommands()
    expect(known).toContain('help')
    const named = all.flatMap(({ name, text }) =>
      [...code(text).matchAll(/\bchartseal (?:-- )?(-{0,2}[a-z][a-z-]*)/g)].map(([, command]) => ({
        name,
        command: command!,
      })),
    )
    expect(named.filter(({ command }) => !known.has(command))).toEqual([])
  })

  it('are all reached from the README', () => {
    const reached = new Set<string>()
    const queue = ['README.md']
    for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
      const document = all.find((other) => other.name === name)
      if (document === undefined || reached.has(name)) continue
      reached.add(name)
      for (const target of targets(document.text)) queue.push(normalize(join(dirname(name), target.split('#')[0]!)))
    }
    expect(all.map(({ name }) => name).filter((name) => !reached.has(name))).toEqual([])
  })
})

describe('the check itself', () => {
  const sample = (text: string): Document => ({ name: 'docs/sample.md', text })

  it('notices a missing file, a missing heading and a file outside', () => {
    const text = '[a](nowhere.md) ![b](images/none.png) [c](protocol.md#no-such-heading) [d](../../elsewhere)'
    expect(broken(sample(text))).toHaveLength(4)
    expect(broken(sample('[a](protocol.md#payload-envelope-v1) [b](https://c2sp.org) `[c](x)`'))).toEqual([])
  })

  it('notices a script that nobody has', () => {
    expect(namedScripts('`npm run -s nosuch -- x`, npm and `npm test`\n```sh\nnpm run test:long\n```\n')).toEqual([
      'test:long',
      'nosuch',
      'test',
    ])
  })
})
