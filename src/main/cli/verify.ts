/**
 * `chartseal verify`: checks a receipt, or a file of several, offline. Loads neither the core nor native modules.
 *
 * @remarks
 * Two implementations check it, the ledger's with libsodium and the independent verifier with noble, and both must
 * accept. Proven by `tests/main/cli/verify.test.ts`.
 *
 * @packageDocumentation
 */
import { encodeCbor } from '../../ledger/cbor.ts'
import { LedgerError } from '../../ledger/errors.ts'
import { encodeRosterFields } from '../../ledger/fields.ts'
import { parsePolicy, type Policy } from '../../ledger/policy.ts'
import { splitReceipts } from '../../ledger/receipts-file.ts'
import {
  readReceipt,
  type ReceiptAnchor,
  type ReceiptLimit,
  type ReceiptParts,
  type ReceiptVerdict,
  verifyReceipt,
} from '../../ledger/verify-receipt.ts'
import { fromHex, toHex } from '../../shared/bytes.ts'
import { isCommittedTo } from '../../verifier/disclosure.ts'
import { type ProofStep, verifyProof } from '../../verifier/verify-proof.ts'
import { UsageError } from '../shell/usage-error.ts'
import { pinnedNetwork } from './data-folder.ts'
import { EXIT, type ExitCode, plain, printJson, printLine, readArguments, readText, Unreadable } from './command.ts'
import { bothVerifiers, hasher } from './verify-ports.ts'

const USAGE = 'usage: chartseal verify RECEIPT|- [--network ID|--policy FILE|--data DIR] [--json]'
/** The largest policy, with room to spare. */
const MAX_TEXT = 2_000_000
/** The largest file of receipts, likewise. */
const MAX_RECEIPTS_TEXT = 64_000_000

const LIMITS: Readonly<Record<ReceiptLimit, string>> = {
  network: 'that this network is one you trust: the policy vouches for the log alone',
  'later-rosters': 'whether a later roster changed or removed keys: those of the roster in force then count',
  enrolment: 'whose keys made the signatures of people and devices',
  contract: 'whether the contract in force asked for these signatures',
  content: 'the encrypted content: the entry holds its commitment, the receipt does not hold the content',
  completeness: 'whether a later entry amends or withdraws this one',
  'split-view': 'that everybody is shown the same log: no quorum cosigned this checkpoint',
  time: 'the time in the entry: it is the clock of those who signed',
}

/** One line of the report. */
interface Line {
  readonly name: string
  readonly ok: boolean
  readonly reason: string | null
  readonly detail: string
}

/** Runs the command. */
export function verify(args: readonly string[]): ExitCode {
  const { values, positionals } = readArguments(
    args,
    {
      network: { type: 'string' },
      policy: { type: 'string' },
      data: { type: 'string' },
      json: { type: 'boolean' },
    },
    1,
    USAGE,
  )
  const isPinned = values.network === undefined && values.policy === undefined
  const network = isPinned ? (pinnedNetwork(values.data) ?? undefined) : values.network
  const anchor: ReceiptAnchor = { network: networkOf(network), policy: policyOf(values.policy) }
  const receipts = receiptsIn(readText(positionals[0] ?? '-', MAX_RECEIPTS_TEXT))
  const isJson = values.json === true
  if (!isJson && isPinned && network !== undefined)
    printLine(`network: ${network}, as the keystore of this computer has it`)
  let valid = 0
  for (const [i, parts] of receipts.entries()) {
    if (!isJson && receipts.length > 1) printLine(`receipt ${i + 1} of ${receipts.length}`)
    if (verifyOne(parts, anchor, isJson)) valid += 1
  }
  if (!isJson && receipts.length > 1) printLine(`${valid} of ${receipts.length} receipts are valid`)
  return valid === receipts.length ? EXIT.valid : EXIT.invalid
}

function verifyOne(parts: ReceiptParts, anchor: ReceiptAnchor, isJson: boolean): boolean {
  const verdict = verifyReceipt(hasher, bothVerifiers, parts, anchor)
  const lines: Line[] = [...verdict.steps, secondOpinion(parts, verdict, anchor)]
  const isValid = lines.every((line) => line.ok)
  if (isJson) printJson(jsonOf(parts, verdict, lines, isValid))
  else printReport(parts, verdict, lines, isValid)
  return isValid
}

/**
 * The trust anchor as written: 64 hexadecimal digits.
 *
 * @throws {@link UsageError}.
 */
export function networkOf(text: string | undefined): Uint8Array | null {
  if (text === undefined) return null
  if (!/^[0-9a-fA-F]{64}$/.test(text)) throw new UsageError('a network id is 64 hexadecimal digits')
  return fromHex(text.toLowerCase())
}

/**
 * The policy in a file.
 *
 * @throws {@link Unreadable}.
 */
export function policyOf(path: string | undefined): Policy | null {
  if (path === undefined) return null
  try {
    return parsePolicy(readText(path, MAX_TEXT))
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause
    throw new Unreadable(`${path} is not a policy: ${cause.code} ${cause.message}`, { cause })
  }
}

function receiptsIn(text: string): ReceiptParts[] {
  try {
    return splitReceipts(text).map(readReceipt)
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause
    throw new Unreadable(`not a receipt: ${cause.message}`, { cause })
  }
}

/** What the independent verifier says of the same bytes. It knows no policies: who vouches for the log is not its matter then. */
function secondOpinion(parts: ReceiptParts, { head, logKey }: ReceiptVerdict, anchor: ReceiptAnchor): Line {
  const name = 'second-verifier'
  if (head === null || logKey === null) return { name, ok: false, reason: 'NOT_REACHED', detail: 'no signed head' }
  const { steps } = verifyProof({
    ...parts,
    rosters: parts.rosters.map((signed) => encodeCbor(encodeRosterFields(signed))),
    networkId: anchor.network ?? hasher.sha256(parts.rosters[0]?.document ?? new Uint8Array()),
    origin: head.origin,
    logKey,
    size: head.size,
  })
  const failed = steps.filter((step) => !step.ok && (anchor.network !== null || step.name !== 'log-key'))
  const detail = failed.map((step: ProofStep) => `${step.name} ${step.reason ?? ''}`).join(', ')
  if (failed.length > 0) return { name, ok: false, reason: 'DISAGREES', detail }
  const { disclosure, entry } = parts
  if (disclosure !== null && !isCommittedTo(entry, disclosure.plaintext, disclosure.salt))
    return { name, ok: false, reason: 'DISAGREES', detail: 'content' }
  return { name, ok: true, reason: null, detail: 'the independent verifier comes to the same' }
}

function gradeOf({ cosigned }: ReceiptVerdict): { name: string; k: number; q: number } | null {
  if (cosigned === null) return null
  const { k, q, satisfied } = cosigned
  return { name: satisfied && q > 0 ? 'final' : k > 0 ? 'cosigned' : 'sealed', k, q }
}

function jsonOf(parts: ReceiptParts, verdict: ReceiptVerdict, lines: readonly Line[], isValid: boolean) {
  const { head, entry } = verdict
  return {
    kind: 'result',
    command: 'verify',
    valid: isValid,
    failed: lines.find((line) => !line.ok)?.name ?? null,
    network: entry === null ? null : toHex(entry.body.network),
    origin: head?.origin ?? null,
    index: parts.index,
    size: head?.size ?? null,
    root: head === null ? null : toHex(head.root),
    type: entry?.body.type ?? null,
    entryId: entry === null ? null : toHex(entry.body.id),
    grade: gradeOf(verdict),
    rosterVersion: verdict.rosterVersion,
    steps: lines.map(({ name, ok, reason, detail }) => ({ name, ok, reason, detail })),
    unknownHolders: verdict.unknownHolders,
    notChecked: verdict.notChecked,
    content: isValid ? contentOf(parts) : null,
  }
}

/** What a receipt discloses, as text; null for nothing, or for what is no text. */
function contentOf({ disclosure }: ReceiptParts): string | null {
  if (disclosure === null) return null
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(disclosure.plaintext)
  } catch {
    return null
  }
}

function printReport(parts: ReceiptParts, verdict: ReceiptVerdict, lines: readonly Line[], isValid: boolean): void {
  for (const { name, ok, reason, detail } of lines) {
    const mark = ok ? 'ok  ' : reason === 'NOT_REACHED' ? 'skip' : 'FAIL'
    printLine(`${mark}  ${name.padEnd(16)}${ok || reason === null ? '' : `${reason}: `}${plain(detail)}`)
  }
  const failed = lines.find((line) => !line.ok)
  if (!isValid) {
    printLine(`invalid: ${failed?.name ?? ''}`)
    return
  }
  if (parts.disclosure !== null) printLine(`content: ${plain(contentOf(parts) ?? 'not text')}`)
  for (const limit of verdict.notChecked) printLine(`not checked: ${LIMITS[limit]}`)
  for (const key of verdict.unknownHolders) printLine(`holder not known here: ${key}`)
  const grade = gradeOf(verdict)
  const type = verdict.entry?.body.type ?? ''
  const origin = plain(verdict.head?.origin ?? '')
  const votes =
    grade === null ? '' : `, ${grade.name} (${grade.k} of ${grade.q} cosigned, roster ${verdict.rosterVersion ?? 0})`
  printLine(`valid: entry ${parts.index} of ${origin}, type ${type}${votes}`)
}
