import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ESLint } from 'eslint'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '../..')

/** Rules that need no types, so that a planted text can be linted without a project around it. */
async function lint(path: string, text: string): Promise<{ rule: string | null; message: string }[]> {
  const [result] = await eslint.lintText(text, { filePath: join(root, path) })
  return result!.messages.map(({ ruleId, message }) => ({ rule: ruleId, message }))
}

let eslint: ESLint
beforeAll(async () => {
  const { default: ts } = await import('typescript-eslint')
  eslint = new ESLint({
    cwd: root,
    overrideConfig: [
      {
        files: ['**/*.{ts,vue}'],
        ...ts.configs.disableTypeChecked,
        languageOptions: { parserOptions: { project: null, program: null } },
      },
    ] as never,
  })
}, 60_000)

const clock = 'const now = Date.now()'
const planted: [what: string, path: string, text: string, rule: string, advice: RegExp][] = [
  ['a clock in the ledger', 'src/ledger/x.ts', clock, 'no-restricted-syntax', /clock as an argument/],
  [
    'a clock in clinical',
    'src/clinical/x.ts',
    'const today = new Date()',
    'no-restricted-syntax',
    /clock as an argument/,
  ],
  [
    'a stop watch in sync',
    'src/sync/x.ts',
    'const t = performance.now()',
    'no-restricted-syntax',
    /clock as an argument/,
  ],
  [
    'chance in a driver',
    'src/devices/x.ts',
    'const r = Math.random()',
    'no-restricted-syntax',
    /randomness as an argument/,
  ],
  [
    'crypto in the verifier',
    'src/verifier/x.ts',
    'crypto.getRandomValues(new Uint8Array(1))',
    'no-restricted-syntax',
    /randomness/,
  ],
  ['Buffer in shared', 'src/shared/x.ts', "const b = Buffer.from('x')", 'no-restricted-syntax', /Uint8Array/],
  [
    'BigInt of text',
    'src/ledger/x.ts',
    "const size = BigInt(read())\nfunction read() { return '' }",
    'no-restricted-syntax',
    /grammar/,
  ],
  ['a default export', 'src/main/store/x.ts', 'export default 1', 'no-restricted-syntax', /named export/],
  [
    'Verified granted in the ledger',
    'src/ledger/x.ts',
    'const v = 1 as Verified<number>',
    'no-restricted-syntax',
    /grants Verified/,
  ],
  [
    'Verified granted in a store',
    'src/renderer/stores/x.ts',
    'const v = rows as Verified<number>[]',
    'no-restricted-syntax',
    /grants Verified/,
  ],
  [
    'Verified granted in core',
    'src/main/core/x.ts',
    'const v = 1 as unknown as Verified<number>',
    'no-restricted-syntax',
    /grants Verified/,
  ],
  [
    'electron in core',
    'src/main/core/x.ts',
    "import { app } from 'electron'",
    '@typescript-eslint/no-restricted-imports',
    /Electron shell/,
  ],
  [
    'electron types in shared',
    'src/shared/x.ts',
    "import type { App } from 'electron'",
    '@typescript-eslint/no-restricted-imports',
    /Electron shell/,
  ],
  [
    'node-hid in core',
    'src/main/core/x.ts',
    "import { HID } from 'node-hid'",
    '@typescript-eslint/no-restricted-imports',
    /transport interface/,
  ],
  [
    'SQLite in core',
    'src/main/core/x.ts',
    "import { x } from 'better-sqlite3'",
    '@typescript-eslint/no-restricted-imports',
    /store interface/,
  ],
  [
    'a socket in core',
    'src/main/core/x.ts',
    "import { connect } from 'node:net'",
    '@typescript-eslint/no-restricted-imports',
    /Sockets/,
  ],
  [
    'a socket in the Electron shell',
    'src/main/electron/x.ts',
    "import { get } from 'https'",
    '@typescript-eslint/no-restricted-imports',
    /Sockets/,
  ],
  [
    'a WebSocket in a store',
    'src/main/store/x.ts',
    "import { WebSocket } from 'ws'",
    '@typescript-eslint/no-restricted-imports',
    /Sockets/,
  ],
  [
    'libp2p in core',
    'src/main/core/x.ts',
    "import { noise } from '@libp2p/noise'",
    '@typescript-eslint/no-restricted-imports',
    /peer-thread/,
  ],
  [
    'multicast in the browser shell',
    'src/main/browser/x.ts',
    "import mdns from 'multicast-dns'",
    '@typescript-eslint/no-restricted-imports',
    /peer-thread/,
  ],
  [
    'v-html',
    'src/renderer/components/XView.vue',
    '<script setup lang="ts">\nconst x = 1\n</script>\n\n<template>\n  <p v-html="x" />\n</template>\n',
    'vue/no-v-html',
    /XSS/,
  ],
  [
    'an undocumented export of a pure folder',
    'src/ledger/x.ts',
    'export function root() { return 1 }',
    'jsdoc/require-jsdoc',
    /JSDoc/,
  ],
  ['a focused test', 'tests/ledger/x.test.ts', "it.only('x', () => {})", 'no-restricted-syntax', /focused/],
]

describe('eslint', () => {
  it.each(planted)('finds %s', async (_what, path, text, rule, advice) => {
    const found = (await lint(path, text)).find((message) => message.rule === rule)
    expect(found?.message).toMatch(advice)
  })

  it.each([
    ['a clock in core', 'src/main/core/x.ts', clock],
    [
      'Verified where it is earned',
      'src/main/core/verify-record.ts',
      'export const v = 1 as unknown as Verified<number>',
    ],
    [
      'Verified where the wire dropped it',
      'src/renderer/api/client.ts',
      'export const v = 1 as unknown as Verified<number>',
    ],
    ['electron in its shell', 'src/main/electron/x.ts', "import { app } from 'electron'\napp.quit()"],
    [
      'SQLite in the store',
      'src/main/store/x.ts',
      "import Database from 'better-sqlite3'\nexport const d = new Database('x')",
    ],
    [
      'a socket in the browser shell',
      'src/main/browser/x.ts',
      "import { createServer } from 'node:http'\nexport const s = createServer()",
    ],
  ])('leaves %s alone', async (_what, path, text) => {
    const rules = (await lint(path, text)).map(({ rule }) => rule)
    expect(rules.filter((rule) => rule?.includes('restricted'))).toEqual([])
  })
})

/** A little project with one planted import, checked by the real rules. */
describe('the import graph', () => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'chartseal-graph-'))
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
    writeFileSync(
      join(folder, 'tsconfig.base.json'),
      '{"compilerOptions":{"module":"ESNext","moduleResolution":"bundler"}}',
    )
    for (const [from, to] of edges) {
      plant(from, `import '${to}'\n`)
      if (to.startsWith('.')) plant(join(dirname(from), to), '')
    }
    for (const [from, to] of allowed) {
      plant(from, `import '${to}'\n`)
      if (to.startsWith('.')) plant(join(dirname(from), to), '')
    }
    for (const [from, text] of [
      ['src/shared/a.ts', "import './b.ts'"],
      ['src/shared/b.ts', "import './a.ts'"],
    ] as const)
      plant(from, text)
    report = cruise()
  }, 60_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  let report: { from: string; to: string; rule: string }[]

  function plant(path: string, text: string): void {
    const file = join(folder, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text, { flag: 'a' })
  }

  function cruise(): { from: string; to: string; rule: string }[] {
    const program = join(root, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruiser.mjs')
    const args = [program, '--config', join(root, '.dependency-cruiser.cjs'), '--output-type', 'json', 'src']
    const output = execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
    const { summary } = JSON.parse(output) as {
      summary: { violations: { from: string; to: string; rule: { name: string } }[] }
    }
    return summary.violations.map(({ from, to, rule }) => ({ from, to, rule: rule.name }))
  }

  const edges: [from: string, to: string, rule: string][] = [
    ['src/shared/up.ts', '../ledger/x.ts', 'shared-imports-only-itself'],
    ['src/ledger/devices.ts', '../devices/x.ts', 'ledger-imports-only-shared'],
    ['src/clinical/ledger.ts', '../ledger/x.ts', 'clinical-imports-only-shared'],
    ['src/verifier/ledger.ts', '../ledger/x.ts', 'verifier-imports-only-shared'],
    ['src/verifier/cbor.ts', 'cborg', 'verifier-uses-noble-and-nothing-else'],
    ['src/devices/ledger.ts', '../ledger/x.ts', 'devices-imports-only-clinical-and-shared'],
    ['src/sync/devices.ts', '../devices/x.ts', 'sync-imports-only-ledger-and-shared'],
    ['src/ledger/node.ts', 'node:crypto', 'pure-folders-never-touch-node'],
    ['src/ledger/native.ts', 'libsodium-wrappers', 'pure-folders-use-only-pure-packages'],
    ['src/main/store/devices.ts', '../devices/x.ts', 'parts-of-main-meet-only-in-core'],
    ['src/main/browser/inside.ts', '../core/vault.ts', 'parts-of-main-meet-only-in-core'],
    ['src/main/browser/electron.ts', '../electron/x.ts', 'parts-of-main-meet-only-in-core'],
    ['src/main/store/core.ts', '../core/index.ts', 'only-shells-know-core'],
    ['src/main/store/shell.ts', '../shell/x.ts', 'only-shells-use-what-shells-share'],
    ['src/main/core/shell.ts', '../browser/x.ts', 'only-shells-use-what-shells-share'],
    ['src/main/cli/verify.ts', '../core/index.ts', 'offline-checks-load-neither-core-nor-native-modules'],
    ['src/main/core/electron.ts', 'electron', 'electron-only-in-its-shell-and-preload'],
    ['src/main/core/hid.ts', 'node-hid', 'hid-only-in-main-devices'],
    ['src/main/core/sqlite.ts', 'better-sqlite3', 'sqlite-only-in-main-store'],
    ['src/main/core/net.ts', 'node:net', 'sockets-only-in-peer-browser-and-the-instance-endpoint'],
    ['src/main/core/ws.ts', 'ws', 'sockets-only-in-peer-browser-and-the-instance-endpoint'],
    ['src/main/core/libp2p.ts', '@libp2p/noise', 'libp2p-and-multicast-only-in-main-peer'],
    ['src/main/browser/lan.ts', 'multicast-dns', 'libp2p-and-multicast-only-in-main-peer'],
    ['src/main/peer/peer-thread.ts', 'libp2p', 'the-network-is-loaded-only-in-its-own-thread'],
    ['src/renderer/ledger.ts', '../ledger/x.ts', 'renderer-imports-only-shared-verifier-and-clinical'],
    ['src/renderer/main.ts', '../main/core/index.ts', 'renderer-imports-only-shared-verifier-and-clinical'],
    ['src/renderer/ws.ts', 'ws', 'renderer-never-touches-the-machine'],
    ['src/renderer/fs.ts', 'node:fs', 'renderer-never-touches-node'],
    ['src/preload/zod.ts', 'zod', 'preload-is-a-thin-bridge'],
    ['src/preload/ledger.ts', '../ledger/x.ts', 'preload-is-a-thin-bridge'],
    ['src/ledger/missing.ts', 'no-such-package', 'every-import-resolves'],
    ['src/ledger/test.ts', '../../tests/support/x.ts', 'no-test-code-in-src'],
  ]

  const allowed: [from: string, to: string][] = [
    ['src/ledger/fine.ts', '../shared/x.ts'],
    ['src/ledger/cbor.ts', 'cborg'],
    ['src/verifier/fine.ts', '@noble/hashes/sha2.js'],
    ['src/devices/fine.ts', '../clinical/x.ts'],
    ['src/sync/fine.ts', '../ledger/x.ts'],
    ['src/main/core/fine.ts', '../store/x.ts'],
    ['src/main/core/devices.ts', '../devices/x.ts'],
    ['src/main/store/fine.ts', 'better-sqlite3'],
    ['src/main/devices/fine.ts', 'node-hid'],
    ['src/main/peer/fine.ts', 'libp2p'],
    ['src/main/peer/net.ts', 'node:net'],
    ['src/main/core/peers.ts', '../peer/x.ts'],
    ['src/main/browser/fine.ts', '../core/index.ts'],
    ['src/main/browser/shared.ts', '../shell/x.ts'],
    ['src/main/browser/net.ts', 'node:http'],
    ['src/main/electron/fine.ts', 'electron'],
    ['src/renderer/fine.ts', '../verifier/x.ts'],
    ['src/renderer/units.ts', '../clinical/x.ts'],
    ['src/preload/fine.ts', 'electron'],
  ]

  it.each(edges)('refuses %s -> %s: %s', (from, _to, rule) => {
    expect(report.filter((violation) => violation.from === from).map((violation) => violation.rule)).toContain(rule)
  })

  it.each(allowed)('allows %s -> %s', (from) => {
    expect(report.filter((violation) => violation.from === from)).toEqual([])
  })

  it('refuses circles', () => {
    expect(report.some(({ from, rule }) => rule === 'no-cycles' && from.startsWith('src/shared/'))).toBe(true)
  })
})
