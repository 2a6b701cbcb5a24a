import { resolve } from 'node:path'
import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'electron-vite'

const root = import.meta.dirname

/** Programs of the main side. Each becomes `out/main/<name>.js`; what they share becomes chunks. */
const MAIN_ENTRIES = {
  electron: resolve(root, 'src/main/electron/main.ts'),
  browser: resolve(root, 'src/main/browser/main.ts'),
  cli: resolve(root, 'src/main/cli/main.ts'),
  // Started by the Electron shell as a utility process, and by the core as its vault thread.
  core: resolve(root, 'src/main/core/core-process.ts'),
  'vault-worker': resolve(root, 'src/main/core/vault-worker.ts'),
  // Started by whichever thread speaks to peers.
  'peer-worker': resolve(root, 'src/main/peer/peer-worker.ts'),
}

export default defineConfig({
  main: {
    build: {
      outDir: 'out/main',
      target: 'node24',
      minify: false,
      sourcemap: true,
      // Native and WASM packages resolve their own files, so every dependency stays where npm put it.
      externalizeDeps: true,
      rolldownOptions: {
        input: MAIN_ENTRIES,
        output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'shared-[name]-[hash].js' },
      },
    },
  },
  preload: {
    build: {
      outDir: 'out/preload',
      // A sandboxed preload must be one CommonJS file: it cannot load packages.
      externalizeDeps: false,
      minify: false,
      rolldownOptions: {
        input: { index: resolve(root, 'src/preload/index.ts') },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: resolve(root, 'src/renderer'),
    // Relative, because the same files are served by a custom protocol and by a loopback server.
    base: './',
    plugins: [vue()],
    define: {
      __VUE_OPTIONS_API__: 'false',
      __VUE_PROD_DEVTOOLS__: 'false',
      __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'false',
      __VUE_I18N_FULL_INSTALL__: 'true',
      __VUE_I18N_LEGACY_API__: 'false',
      __INTLIFY_PROD_DEVTOOLS__: 'false',
    },
    build: {
      outDir: resolve(root, 'out/renderer'),
      emptyOutDir: true,
      target: 'chrome140',
      // The content security policy allows no data: scripts or styles; fonts and icons stay files.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      rolldownOptions: { input: resolve(root, 'src/renderer/index.html') },
    },
  },
})
