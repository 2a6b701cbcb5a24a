/**
 * `chartseal node`: an always-on node without a window, a mirror and a vote for the clinics of a network.
 *
 * @remarks
 * Writes one JSON object a line to standard error; nothing of a patient, a person or a value is in any of them. Proven by
 * `tests/main/cli/node.test.ts`.
 *
 * @packageDocumentation
 */
import { mkdirSync } from 'node:fs'
import process from 'node:process'
import { type HeadlessEvent, type HeadlessNode, startHeadless, startWitness } from '../core/index.ts'
import { passphraseFromInput, storedPassphrase } from '../shell/passphrase.ts'
import { UsageError } from '../shell/usage-error.ts'
import { EXIT, type ExitCode, pathOf, plain, printLine, readArguments, readText } from './command.ts'
import { keepRecoveryKey } from './recovery-key-file.ts'

const USAGE = `usage: chartseal node [--witness] --data DIR [--join INVITATION_FILE] [--port N | --no-listen] [--announce ADDRESS]...
                      [--relay] [--no-discovery] [--health PORT] [--passphrase-file FILE]
The passphrase comes from that file (mode 0600), from the systemd credential chartseal-passphrase, or as the first line of
standard input. --join takes a file with the text of an invitation, for a data folder in which nothing is yet. --witness sees hashes
alone: no entry, no patient data.`
const MAX_INVITATION_BYTES = 4096

/** Runs until it is asked to stop. */
export async function node(args: readonly string[]): Promise<ExitCode> {
  const { values } = readArguments(
    args,
    {
      data: { type: 'string' },
      join: { type: 'string' },
      port: { type: 'string' },
      'no-listen': { type: 'boolean' },
      announce: { type: 'string', multiple: true },
      relay: { type: 'boolean' },
      witness: { type: 'boolean' },
      'no-discovery': { type: 'boolean' },
      health: { type: 'string' },
      'passphrase-file': { type: 'string' },
    },
    0,
    USAGE,
  )
  if (values.data === undefined) throw new UsageError(USAGE)
  const dataFolder = pathOf(values.data)
  const port = values.port === undefined ? undefined : portOf(values.port, '--port')
  const healthPort = values.health === undefined ? null : portOf(values.health, '--health')
  const reach = {
    ...(values['no-listen'] === true ? { port: null } : port === undefined ? {} : { port }),
    ...(values.announce === undefined ? {} : { announce: values.announce }),
    ...(values.relay === undefined ? {} : { relay: values.relay }),
    ...(values['no-discovery'] === undefined ? {} : { discovery: !values['no-discovery'] }),
  }
  const invitation = values.join === undefined ? null : readText(values.join, MAX_INVITATION_BYTES)
  const passphrase = await passphraseOf(values['passphrase-file'])
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 })
  const common = { dataFolder, passphrase, invitation, reach, healthPort, event: log }
  if (values.witness === true) return ended(await startWitness(common))
  const running = await startHeadless({
    ...common,
    recoveryKey: (text) => {
      tellRecoveryKey(dataFolder, text)
    },
  })
  return ended(running)
}

async function passphraseOf(file: string | undefined): Promise<string> {
  const stored = storedPassphrase(file === undefined ? null : pathOf(file), process.env.CREDENTIALS_DIRECTORY)
  const passphrase = stored ?? (await passphraseFromInput(process.stdin))
  process.stdin.destroy()
  if (passphrase === null) throw new UsageError(`no passphrase\n${USAGE}`)
  return passphrase
}

/** The key belongs on paper: it is written where nobody else reads it, never to a log. */
function tellRecoveryKey(dataFolder: string, text: string): void {
  const file = keepRecoveryKey(dataFolder, text)
  printLine(plain(`recovery key: ${file} - print it, keep the paper safe, delete the file`))
}

/** Runs until a signal or the end of the vault. */
async function ended(running: HeadlessNode): Promise<ExitCode> {
  const asked = new Promise<'asked'>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve('asked'))
  })
  const why = await Promise.race([asked, running.gone.then(() => 'gone' as const)])
  await running.close()
  return why === 'asked' ? EXIT.valid : EXIT.invalid
}

function log(event: HeadlessEvent): void {
  process.stderr.write(`${JSON.stringify({ at: new Date().toISOString(), ...event })}\n`)
}

function portOf(text: string, option: string): number {
  const port = /^[1-9][0-9]{0,4}$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_535) throw new UsageError(`${option} takes a number from 1 to 65535, not "${plain(text)}"`)
  return port
}
