import js from '@eslint/js'
import prettier from 'eslint-config-prettier'
import jsdoc from 'eslint-plugin-jsdoc'
import tsdoc from 'eslint-plugin-tsdoc'
import vue from 'eslint-plugin-vue'
import { defineConfig } from 'eslint/config'
import ts from 'typescript-eslint'
import vueParser from 'vue-eslint-parser'

const PURE = ['shared', 'ledger', 'clinical', 'devices', 'verifier', 'sync'].map((folder) => `src/${folder}/**/*.ts`)
const PROJECTS = ['pure', 'main', 'preload', 'web', 'tests'].map((project) => `tsconfig.${project}.json`)

// Flat configuration replaces the options of a rule rather than merging them: every list below is spread where it applies.
const NAMED_EXPORTS = {
  selector: 'ExportDefaultDeclaration',
  message: 'Prefer a named export: it can be searched for.',
}
const VERIFIED = {
  selector: "TSAsExpression TSTypeReference[typeName.name='Verified']",
  message: 'Only verify-record.ts grants Verified, and only the API client restores it.',
}
const CLOCKS_AND_CHANCE = [
  {
    selector:
      "CallExpression[callee.object.name='Date'][callee.property.name='now'], NewExpression[callee.name='Date'][arguments.length=0]",
    message: 'Take the clock as an argument.',
  },
  { selector: "MemberExpression[object.name='performance']", message: 'Take the clock as an argument.' },
  {
    selector: "CallExpression[callee.object.name='Math'][callee.property.name='random'], Identifier[name='crypto']",
    message: 'Take randomness as an argument.',
  },
  {
    selector: "Identifier[name='Buffer']",
    message: 'Use Uint8Array and src/shared/bytes.ts: this folder also runs in the window.',
  },
  {
    // Sizes and times are numbers and may be widened; what is cut out of a text may not be.
    selector:
      "CallExpression[callee.name='BigInt'] > :matches(TemplateLiteral, CallExpression, MemberExpression[computed=true], TSNonNullExpression)",
    message: "BigInt('') is 0n and BigInt('0x10') is 16n: parse text by its grammar first.",
  },
]

const SOCKETS = ['net', 'http', 'https', 'http2', 'tls', 'dgram'].flatMap((name) => [`node:${name}`, name])
/** Modules that belong to one folder, and what everybody else does instead. */
const OWNED_MODULES = [
  {
    names: ['electron'],
    home: /^src\/(main\/electron|preload)\//,
    message: 'Only the Electron shell knows Electron: hand in what you need.',
  },
  {
    names: ['node-hid'],
    home: /^src\/main\/devices\//,
    message: 'Speak to the transport interface of src/main/devices.',
  },
  {
    names: ['better-sqlite3'],
    home: /^src\/main\/store\//,
    message: 'Speak to the store interface of src/main/store.',
  },
  {
    names: ['ws', ...SOCKETS],
    home: /^src\/main\/(peer\/|browser\/|shell\/instance)/,
    message: 'Sockets live in src/main/peer and src/main/browser.',
  },
]

/** Packages that reach other nodes: every path into them. */
const PEER_PACKAGES = {
  group: ['libp2p', '@libp2p/*', '@multiformats/*', 'multicast-dns'],
  message: 'Speak to the thread of the sockets through src/main/peer/peer-thread.ts.',
}

/** The owned modules that files below `folder` may not import. */
const restrictedImports = (folder) => [
  'error',
  {
    patterns: folder.startsWith('src/main/peer/') ? [] : [PEER_PACKAGES],
    paths: OWNED_MODULES.filter(({ home }) => !home.test(folder)).flatMap(({ names, message }) =>
      names.map((name) => ({ name, message })),
    ),
  },
]
const HOMES = [
  'src/main/electron/',
  'src/preload/',
  'src/main/devices/',
  'src/main/store/',
  'src/main/peer/',
  'src/main/browser/',
]

const DOCUMENTED = {
  'jsdoc/require-jsdoc': [
    'error',
    {
      publicOnly: true,
      enableFixer: false,
      require: { FunctionDeclaration: true, ClassDeclaration: true },
      contexts: [
        'ExportNamedDeclaration > TSInterfaceDeclaration',
        'ExportNamedDeclaration > VariableDeclaration > VariableDeclarator > ArrowFunctionExpression',
      ],
    },
  ],
}

export default defineConfig(
  { ignores: ['out/', 'dist/', 'coverage/', 'test-results/', 'node_modules/', '.cache/', '**/*.cjs'] },
  js.configs.recommended,
  ts.configs.strictTypeChecked,
  ts.configs.stylisticTypeChecked,
  vue.configs['flat/recommended'],
  {
    files: ['**/*.{ts,vue}'],
    languageOptions: {
      parserOptions: { project: PROJECTS, tsconfigRootDir: import.meta.dirname, extraFileExtensions: ['.vue'] },
    },
  },
  {
    files: ['src/**/*.{ts,vue}'],
    plugins: { tsdoc },
    rules: {
      'tsdoc/syntax': 'error',
      eqeqeq: 'error',
      'no-eval': 'error',
      'no-implied-eval': 'off',
      // Refusing control characters is what such expressions are for here.
      'no-control-regex': 'off',
      // Spreading a string into code points is what the byte helpers want.
      '@typescript-eslint/no-misused-spread': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/no-confusing-void-expression': [
        'error',
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'no-restricted-syntax': ['error', NAMED_EXPORTS, VERIFIED],
      '@typescript-eslint/no-restricted-imports': restrictedImports('src/'),
    },
  },
  ...HOMES.map((folder) => ({
    files: [`${folder}**/*.ts`],
    rules: { '@typescript-eslint/no-restricted-imports': restrictedImports(folder) },
  })),
  {
    files: ['src/main/shell/instance*.ts'],
    rules: { '@typescript-eslint/no-restricted-imports': restrictedImports('src/main/shell/instance') },
  },
  {
    files: ['**/*.vue'],
    languageOptions: { parser: vueParser, parserOptions: { parser: ts.parser } },
    rules: {
      // A single-file component is its own default export.
      'no-restricted-syntax': ['error', VERIFIED],
      'vue/block-order': ['error', { order: ['script', 'template', 'style'] }],
      'vue/component-api-style': ['error', ['script-setup']],
      'vue/no-v-html': 'error',
      'vue/multi-word-component-names': 'error',
      // The type checker knows the window's globals, and what a destructured prop without a value is.
      'no-undef': 'off',
      '@typescript-eslint/no-useless-default-assignment': 'off',
      // Type-only props already say which are required; exactOptionalPropertyTypes covers the rest.
      'vue/require-default-prop': 'off',
    },
  },
  {
    files: PURE,
    plugins: { jsdoc },
    rules: { 'no-restricted-syntax': ['error', NAMED_EXPORTS, VERIFIED, ...CLOCKS_AND_CHANCE], ...DOCUMENTED },
  },
  {
    // The two places that may say Verified: where it is earned, and where the wire dropped the compiler's mark.
    files: ['src/main/core/verify-record.ts', 'src/renderer/api/client.ts'],
    rules: { 'no-restricted-syntax': ['error', NAMED_EXPORTS] },
  },
  {
    files: ['tests/**/*.ts', 'bench/**/*.ts', '*.config.ts'],
    rules: {
      // Tests look inside and build nonsense on purpose.
      'no-control-regex': 'off',
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-meaningless-void-operator': 'off',
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-type-assertion': 'off',
      '@typescript-eslint/restrict-template-expressions': 'off',
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/no-empty-function': 'off',
      '@typescript-eslint/require-await': 'off',
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-unnecessary-condition': 'off',
      '@typescript-eslint/no-dynamic-delete': 'off',
      '@typescript-eslint/no-extraneous-class': 'off',
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      'vue/one-component-per-file': 'off',
      'no-restricted-syntax': [
        'error',
        {
          selector: "MemberExpression[property.name='only'][object.name=/^(it|test|describe)$/]",
          message: 'A focused test hides all others.',
        },
      ],
    },
  },
  { files: ['*.config.ts', 'eslint.config.js'], rules: { 'no-restricted-syntax': 'off' } },
  {
    files: ['**/*.{js,mjs}'],
    ...ts.configs.disableTypeChecked,
    languageOptions: {
      ...ts.configs.disableTypeChecked.languageOptions,
      globals: Object.fromEntries(
        ['process', 'console', 'URL', 'fetch', 'AbortSignal', 'setTimeout', 'clearTimeout', 'Buffer'].map((name) => [
          name,
          'readonly',
        ]),
      ),
    },
  },
  prettier,
)
