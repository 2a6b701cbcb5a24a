/**
 * The core as Electron's utility process.
 *
 * @remarks
 * Proven by `tests/main/electron/core-process.test.ts`.
 *
 * @packageDocumentation
 */
import process from 'node:process'
import { startCore } from './index.ts'
import { serveShell, type ShellPort } from './serve-shell.ts'

const { parentPort } = process as unknown as { parentPort?: ShellPort }
if (parentPort === undefined) throw new Error('this program is started by the Electron shell')
serveShell(parentPort, startCore, (code) => process.exit(code))
