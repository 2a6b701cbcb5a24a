/** Who may import whom (docs/architecture.md). Read each `name` as a sentence; lint-rules.test.ts proves that they bite. */
const PURE = '^src/(shared|ledger|clinical|devices|verifier|sync)/'
const PACKAGE = 'node_modules/'

/** `only('verifier', ['shared'])` forbids a pure folder every folder of ours but the named ones. */
const only = (folder, allowed) => ({
  name: `${folder}-imports-only-${allowed.length === 0 ? 'itself' : allowed.join('-and-')}`,
  severity: 'error',
  from: { path: `^src/${folder}/` },
  to: { path: `^src/(?!(${[folder, ...allowed].join('|')})/)` },
})

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'every-import-resolves', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-test-code-in-src',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^(tests|bench|scripts)/' },
    },

    only('shared', []),
    only('ledger', ['shared']),
    only('clinical', ['shared']),
    only('verifier', ['shared']),
    only('devices', ['clinical', 'shared']),
    only('sync', ['ledger', 'shared']),
    {
      name: 'pure-folders-never-touch-node',
      severity: 'error',
      from: { path: PURE },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'pure-folders-use-only-pure-packages',
      severity: 'error',
      from: { path: PURE },
      to: { path: `${PACKAGE}(?!(@noble/|cborg/|zod/|@orpc/contract/|@types/fhir/))` },
    },
    {
      name: 'verifier-uses-noble-and-nothing-else',
      severity: 'error',
      from: { path: '^src/verifier/' },
      to: { path: `${PACKAGE}(?!@noble/)` },
    },

    {
      name: 'parts-of-main-meet-only-in-core',
      severity: 'error',
      from: { path: '^src/main/(?!core/)([^/]+)/' },
      to: { path: '^src/main/', pathNot: ['^src/main/$1/', '^src/main/core/index\\.ts$', '^src/main/shell/'] },
    },
    {
      name: 'only-shells-know-core',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/main/(core|electron|browser|cli)/' },
      to: { path: '^src/main/core/' },
    },
    {
      name: 'only-shells-use-what-shells-share',
      severity: 'error',
      from: { path: '^src/main/', pathNot: '^src/main/(shell|electron|browser|cli)/' },
      to: { path: '^src/main/(shell|electron|browser|cli)/' },
    },
    {
      name: 'offline-checks-load-neither-core-nor-native-modules',
      severity: 'error',
      from: { path: '^src/main/cli/(verify|fsck)' },
      to: { path: `^src/main/core/|${PACKAGE}(better-sqlite3|node-hid)/`, reachable: true },
    },

    {
      name: 'electron-only-in-its-shell-and-preload',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(main/electron|preload)/' },
      to: { path: `${PACKAGE}electron/|^electron$` },
    },
    {
      name: 'hid-only-in-main-devices',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/main/devices/' },
      to: { path: `${PACKAGE}node-hid/` },
    },
    {
      name: 'sqlite-only-in-main-store',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/main/store/' },
      to: { path: `${PACKAGE}(better-sqlite3|@types/better-sqlite3)/` },
    },
    {
      name: 'policies-are-evaluated-in-one-place',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/main/core/policy-engine' },
      to: { path: `${PACKAGE}@cedar-policy/` },
    },
    {
      name: 'sockets-only-in-peer-browser-and-the-instance-endpoint',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/main/(peer/|browser/|shell/instance)' },
      to: { path: `^(node:)?(net|http|https|http2|tls|dgram)$|${PACKAGE}(ws|@types/ws)/` },
    },
    {
      name: 'libp2p-and-multicast-only-in-main-peer',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/main/peer/' },
      to: { path: `${PACKAGE}(libp2p|@libp2p|@multiformats|multicast-dns|@types/multicast-dns)/` },
    },
    {
      name: 'the-network-is-loaded-only-in-its-own-thread',
      severity: 'error',
      from: { path: '^src/main/peer/peer-thread' },
      to: { path: `${PACKAGE}(libp2p|@libp2p|@multiformats|multicast-dns)/`, reachable: true },
    },

    {
      name: 'renderer-imports-only-shared-verifier-and-clinical',
      severity: 'error',
      from: { path: '^src/renderer/' },
      to: { path: '^src/(?!(renderer|shared|verifier|clinical)/)' },
    },
    {
      name: 'renderer-never-touches-the-machine',
      severity: 'error',
      from: { path: '^src/renderer/' },
      to: { path: `${PACKAGE}(electron|better-sqlite3|node-hid|ws|libsodium-wrappers)/` },
    },
    {
      name: 'renderer-never-touches-node',
      severity: 'error',
      from: { path: '^src/renderer/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'preload-is-a-thin-bridge',
      severity: 'error',
      from: { path: '^src/preload/' },
      to: { path: `^src/(?!(preload|shared)/)|${PACKAGE}(?!electron/)` },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.vue', '.js', '.json', '.css'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'default'],
    },
  },
}
