import process from 'node:process'
import packageJson from '../../../package.json' with { type: 'json' }

const HELP = `Usage: chartseal COMMAND [ARGUMENTS]

Commands
  help        this text
  --version   version of Chartseal

To open the application: npm start
`

/** A command writes its results to standard output and returns the exit code. */
type Command = () => number

const COMMANDS: Readonly<Record<string, Command>> = {
  help: printHelp,
  '--help': printHelp,
  '-h': printHelp,
  '--version': printVersion,
}

function printHelp(): number {
  process.stdout.write(HELP)
  return 0
}

function printVersion(): number {
  process.stdout.write(`chartseal ${packageJson.version}\n`)
  return 0
}

function unknown(name: string): number {
  process.stderr.write(`chartseal: unknown command "${name}"; chartseal help lists what there is\n`)
  return 2
}

const [name = 'help'] = process.argv.slice(2)
const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined
process.exitCode = command === undefined ? unknown(name) : command()
