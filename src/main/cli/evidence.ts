/**
 * `chartseal evidence check`: who is convicted by a fork proof, offline. Loads neither the core nor native modules.
 *
 * @remarks
 * Whose signatures are looked for is what the reader trusts: keys on the command line, a policy, or the rosters of a
 * network, taken from any of its receipts that verifies. Proven by `tests/main/cli/evidence.test.ts`.
 *
 * @packageDocumentation
 */
import type { LogKey } from '../../ledger/checkpoint.ts'
import { type AllSuspects, convict, type ConvictedFork } from '../../ledger/convict.ts'
import type { CosignerKey } from '../../ledger/cosignature.ts'
import { LedgerError } from '../../ledger/errors.ts'
import { parseFork } from '../../ledger/evidence.ts'
import { splitOrigin } from '../../ledger/names.ts'
import { checkRosterChain } from '../../ledger/next-roster.ts'
import { mirrorNameOf } from '../../ledger/roster.ts'
import { readReceipt, verifyReceipt } from '../../ledger/verify-receipt.ts'
import { ED25519, parseVkey, type VerifierKey } from '../../ledger/vkey.ts'
import { toHex } from '../../shared/bytes.ts'
import { UsageError } from '../shell/usage-error.ts'
import { EXIT, type ExitCode, plain, printJson, printLine, readArguments, readText, Unreadable } from './command.ts'
import { networkOf, policyOf } from './verify.ts'
import { bothVerifiers, hasher } from './verify-ports.ts'

const USAGE =
  'usage: chartseal evidence check FILE|- --key VKEY [--key VKEY]|--policy FILE|--network ID --receipt RECEIPT [--json]'
/** The largest proof, policy and receipt, with room to spare. */
const MAX_TEXT = 2_000_000

/** Runs the command. */
export function evidence(args: readonly string[]): ExitCode {
  const { values, positionals } = readArguments(
    args,
    {
      key: { type: 'string', multiple: true },
      policy: { type: 'string' },
      network: { type: 'string' },
      receipt: { type: 'string' },
      json: { type: 'boolean' },
    },
    2,
    USAGE,
  )
  const [action, file = '-'] = positionals
  if (action !== 'check') throw new UsageError(USAGE)
  const suspects = suspectsOf(values)
  const text = readText(file, MAX_TEXT)
  readable(() => parseFork(text), `${file} is not a fork proof`)
  return judge(text, suspects, values.json === true)
}

/** Whose signatures are looked for, by origin. */
type Suspects = (origin: string) => AllSuspects

function suspectsOf(values: {
  readonly key?: string[]
  readonly policy?: string
  readonly network?: string
  readonly receipt?: string
}): Suspects {
  const { key: keys = [], policy: path, receipt } = values
  const network = networkOf(values.network)
  const policy = policyOf(path)
  if ((network === null) !== (receipt === undefined)) throw new UsageError(USAGE)
  if (keys.length === 0 && policy === null && network === null) throw new UsageError(USAGE)
  const parsed = keys.map((text) => readable(() => parseVkey(text), `${text} is not a verifier key`))
  const all = [...parsed, ...(policy?.logs ?? []), ...(policy?.witnesses.map((witness) => witness.key) ?? [])]
  const ofNetwork = network === null || receipt === undefined ? () => NOBODY : networkSuspects(network, receipt)
  return (origin) => {
    const { logKeys, cosigners } = ofNetwork(origin)
    const isLog = ({ type, name }: VerifierKey): boolean => type === ED25519 && name === origin
    return {
      logKeys: [...logKeys, ...all.filter(isLog)],
      cosigners: [...cosigners, ...all.filter(({ type }) => type !== ED25519)],
    }
  }
}

const NOBODY: AllSuspects = { logKeys: [], cosigners: [] }

/** Keys that the rosters of a network ever listed, and that of the log that a receipt is from. */
function networkSuspects(network: Uint8Array, path: string): Suspects {
  const parts = readable(() => readReceipt(readText(path, MAX_TEXT)), `${path} is not a receipt`)
  const verdict = verifyReceipt(hasher, bothVerifiers, parts, { network, policy: null })
  const { head, logKey } = verdict
  if (!verdict.ok || head === null || logKey === null) throw new Unreadable(`${path} does not verify for this network`)
  const sites = checkRosterChain(bothVerifiers, network, parts.rosters).flatMap(({ roster }) => roster.sites)
  const cosigners = sites.map(({ id, mirrorKey }): CosignerKey => ({ name: mirrorNameOf(id), publicKey: mirrorKey }))
  const nodes = sites.flatMap((site) => site.nodes)
  return (origin) => {
    const own: LogKey[] = head.origin === origin ? [{ name: origin, publicKey: logKey }] : []
    const listed = nodes.filter(({ log }) => log === logOf(origin))
    return {
      logKeys: [...own, ...listed.map((node): LogKey => ({ name: origin, publicKey: node.logKey }))].filter(isFirst),
      cosigners: cosigners.filter(isFirst),
    }
  }
}

function isFirst<Key extends LogKey | CosignerKey>(key: Key, at: number, keys: readonly Key[]): boolean {
  const nameOf = (other: Key): string => `${other.name} ${toHex(other.publicKey)}`
  return keys.findIndex((other) => nameOf(other) === nameOf(key)) === at
}

function logOf(origin: string): string | null {
  try {
    return splitOrigin(origin).log
  } catch (error) {
    if (error instanceof LedgerError) return null
    throw error
  }
}

function judge(text: string, suspects: Suspects, isJson: boolean): ExitCode {
  try {
    report(convict(hasher, bothVerifiers, text, suspects), isJson)
    return EXIT.valid
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error
    const { code, message: detail } = error
    if (isJson) printJson({ kind: 'result', command: 'evidence', valid: false, code, detail })
    else printLine(plain(`convicts nobody: ${code}: ${detail}`))
    return EXIT.invalid
  }
}

function report({ origin, older, newer, logKeys, cosigners }: ConvictedFork, isJson: boolean): void {
  const heads = [older, newer].map(({ size, root }) => ({ size, root: toHex(root) }))
  const guilty = [...logKeys, ...cosigners].map(({ name, publicKey }) => ({ name, key: toHex(publicKey) }))
  if (isJson) {
    printJson({ kind: 'result', command: 'evidence', valid: true, origin, heads, byLog: logKeys.length > 0, guilty })
    return
  }
  for (const { size, root } of heads) printLine(plain(`head: ${origin}, ${size} entries, root ${root}`))
  for (const { name, key } of guilty) printLine(plain(`signed both: ${name}, key ${key}`))
  printLine(plain(`convicts: ${origin} exists in two versions`))
}

function readable<Value>(read: () => Value, what: string): Value {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause
    throw new Unreadable(`${what}: ${cause.message}`, { cause })
  }
}
