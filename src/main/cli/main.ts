import process from 'node:process'
import packageJson from '../../../package.json' with { type: 'json' }
import { CodedError } from '../../shared/errors.ts'
import { UsageError } from '../shell/usage-error.ts'
import { type Command, EXIT, printLine, Unreadable } from './command.ts'

const HELP = `Usage: chartseal COMMAND [ARGUMENTS]

Commands
  verify RECEIPT|- --network ID|--policy FILE [--json]
                    check a receipt, without database and network
  fsck DIR --key VKEY [--policy FILE] [--json]
                    check a directory in the tlog-tiles format, ours or another's
  audit DB --network ID [--json]
                    check everything in a database that needs no key
  evidence check FILE|- --key VKEY|--policy FILE|--network ID --receipt RECEIPT [--json]
                    check a proof that a log or a site signed two versions
  export-log ORIGIN DIR --data DIR|--db FILE [--json]
                    write a log as a directory in the tlog-tiles format
  backup [--data DIR] [--to FOLDER] [--json]
                    write a backup, also while Chartseal runs
  restore FILE [--data DIR] [--json]
                    open a clinic from a backup or from any copy of its database
  decode FAMILY FILE|-
                    a device's captured bytes as FHIR Observations, one a line
  node [--witness] --data DIR [--join FILE] [--port N | --no-listen] [--relay] [--health PORT] ...
                    run without a window: mirror, cosign, and keep what other clinics entrust; as a witness
                    see hashes alone
  help              this text
  --version         version of Chartseal

Exit codes: 0 valid, 1 not valid or not anchored, 2 cannot be read.
To open the application: npm start`

/** Each is loaded when it is asked for: checking a receipt needs neither the core nor a database. */
const COMMANDS: Readonly<Record<string, () => Command | Promise<Command>>> = {
  verify: async () => (await import('./verify.ts')).verify,
  fsck: async () => (await import('./fsck.ts')).fsck,
  audit: async () => (await import('./audit.ts')).audit,
  evidence: async () => (await import('./evidence.ts')).evidence,
  'export-log': async () => (await import('./export-log.ts')).exportLog,
  backup: async () => (await import('./backup.ts')).backup,
  restore: async () => (await import('./restore.ts')).restore,
  node: async () => (await import('./node.ts')).node,
  decode: async () => (await import('./decode.ts')).decode,
  help: () => printHelp,
  '--help': () => printHelp,
  '-h': () => printHelp,
  '--version': () => printVersion,
}

function printHelp() {
  printLine(HELP)
  return EXIT.valid
}

function printVersion() {
  printLine(`chartseal ${packageJson.version}`)
  return EXIT.valid
}

function complain(text: string) {
  process.stderr.write(`chartseal: ${text}\n`)
  return EXIT.unreadable
}

async function run([name = 'help', ...args]: readonly string[]) {
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
  if (load === undefined) return complain(`unknown command "${name}"; chartseal help lists what there is`)
  try {
    return await (
      await load()
    )(args)
  } catch (error) {
    // What stands in the way is said in a line; our own faults keep their stack.
    if (error instanceof UsageError || error instanceof Unreadable) return complain(error.message)
    if (error instanceof CodedError) return complain(`${error.code}: ${error.message}`)
    if (error instanceof Error && 'syscall' in error) return complain(error.message)
    throw error
  }
}

// A reader that has seen enough, such as head, is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  process.exit(EXIT.unreadable)
})

process.exitCode = await run(process.argv.slice(2))
