/**
 * `chartseal audit`: checks everything in a replica file that needs no key, without changing it.
 *
 * @remarks
 * Proven by `tests/main/cli/audit.test.ts`.
 *
 * @packageDocumentation
 */
import { toHex } from '../../shared/bytes.ts'
import { auditReplicaFile } from '../core/index.ts'
import { UsageError } from '../shell/usage-error.ts'
import { EXIT, type ExitCode, pathOf, plain, printJson, printLine, readArguments } from './command.ts'
import { networkOf } from './verify.ts'

const USAGE = 'usage: chartseal audit DB --network ID [--json]'

/** Runs the command. */
export function audit(args: readonly string[]): ExitCode {
  const { values, positionals } = readArguments(
    args,
    { network: { type: 'string' }, json: { type: 'boolean' } },
    1,
    USAGE,
  )
  const network = networkOf(values.network)
  if (network === null) throw new UsageError(USAGE)
  const isJson = values.json === true
  let findings = 0
  const totals = auditReplicaFile(pathOf(positionals[0] ?? ''), network, ({ log, index, step, code, detail }) => {
    findings += 1
    if (isJson) printJson({ kind: 'finding', log, index, step, code, detail })
    else printLine(plain(`${log ?? 'database'}${index === null ? '' : ` ${index}`}: ${step}: ${code}: ${detail}`))
  })
  const valid = findings === 0
  if (isJson) printJson({ kind: 'result', command: 'audit', valid, findings, network: toHex(network), ...totals })
  else {
    const { logs, mirrored, entries, blocks, payloads } = totals
    const copies = mirrored === 0 ? '' : ` (${mirrored} of them copies of other nodes' logs)`
    const looked = `${logs} logs${copies}, ${entries} entries, ${blocks} blocks, ${payloads} encrypted records`
    printLine(`${valid ? 'valid' : `invalid: ${findings} findings`}: ${looked}`)
    if (mirrored > 0) printLine('of a copy only the entries, tree and signatures are checked: it need not hold records')
    printLine('not checked: whether a newer state was replaced by this one; the encrypted content')
  }
  return valid ? EXIT.valid : EXIT.invalid
}
