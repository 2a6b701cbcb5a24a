/**
 * What the Electron shell and the core's utility process say to each other, apart from the API itself.
 *
 * @remarks
 * The first message is `start`; it carries the unwrapped node secret, which exists nowhere else outside the shell.
 * Every window comes as a `window` message with one MessagePort on which the core serves the API. Proven by
 * `tests/main/electron/core-process.test.ts`.
 *
 * @packageDocumentation
 */

/** How a core is started: `CoreOptions` of `src/main/core/index.ts` without what cannot cross a process. */
export interface CoreStart {
  /** Absolute path. */
  readonly dataFolder: string
  readonly demo: boolean
  readonly shell: 'electron' | 'browser' | 'headless'
  /** 32 bytes, or null where the operating system keeps none. */
  readonly nodeSecret: Uint8Array | null
  readonly replays: { family: string; file: string }[]
  readonly virtualDevices: boolean
}

/** Shell to core. */
export type ToCore =
  | { readonly kind: 'start'; readonly options: CoreStart }
  /** One port comes along: serve the API on it. */
  | { readonly kind: 'window' }
  /** Tries a start passphrase; the outcome shows in the windows. */
  | { readonly kind: 'unlock'; readonly passphrase: string }
  /** Suspend, screen lock or shutdown: lock the session. */
  | { readonly kind: 'lock' }
  /** Tell the windows to come to the front. */
  | { readonly kind: 'focus' }
  /** Shut down cleanly, answer `closed`, then exit with 0. */
  | { readonly kind: 'close' }

/** Core to shell. */
export type FromCore =
  | { readonly kind: 'ready' }
  /** It cannot start: an `ApiCode` where there is one, else `INTERNAL`. */
  | { readonly kind: 'failed'; readonly code: string }
  | { readonly kind: 'log'; readonly line: string }
  | { readonly kind: 'closed' }
