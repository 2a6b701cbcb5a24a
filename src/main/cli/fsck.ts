/**
 * `chartseal fsck`: checks a C2SP tlog-tiles directory, ours or another's. Loads neither the core nor native modules.
 *
 * @remarks
 * Proven by `tests/main/cli/fsck.test.ts` on a log that another implementation wrote and on our own exports.
 *
 * @packageDocumentation
 */
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { checkLogFiles, type LogFileFinding, type LogFileTotals } from '../../ledger/check-log-files.ts'
import { type Checkpoint, logVerifier, parseCheckpoint } from '../../ledger/checkpoint.ts'
import { cosignerVerifier } from '../../ledger/cosignature.ts'
import { LedgerError } from '../../ledger/errors.ts'
import { textOfUtf8 } from '../../ledger/hash.ts'
import { MAX_NOTE_LENGTH, type NoteVerifier, openNote } from '../../ledger/note.ts'
import { isSatisfied, type Policy } from '../../ledger/policy.ts'
import { COSIGNATURE_V1, parseVkey, type VerifierKey } from '../../ledger/vkey.ts'
import { equalBytes, toHex } from '../../shared/bytes.ts'
import { UsageError } from '../shell/usage-error.ts'
import { EXIT, type ExitCode, pathOf, plain, printJson, printLine, readArguments, Unreadable } from './command.ts'
import { countNotCovered, logFolder, readAtMost } from './fsck-folder.ts'
import { policyOf } from './verify.ts'
import { bothVerifiers, hasher } from './verify-ports.ts'

const USAGE = 'usage: chartseal fsck DIR --key VKEY [--policy FILE] [--json]'

/** One line of the report. */
interface Finding {
  readonly path: string
  readonly problem: string
  readonly detail: string
}

/** A checkpoint that the given key signed, and the policy's witnesses that did. */
interface Opened {
  readonly head: Checkpoint
  readonly cosigned: readonly string[]
}

/** Runs the command. */
export async function fsck(args: readonly string[]): Promise<ExitCode> {
  const { values, positionals } = readArguments(
    args,
    { key: { type: 'string' }, policy: { type: 'string' }, json: { type: 'boolean' } },
    1,
    USAGE,
  )
  const folder = pathOf(positionals[0] ?? '')
  const [key, policy] = [keyOf(values.key), policyOf(values.policy)]
  const note = await checkpointIn(folder)
  const report = new Report(values.json === true)
  const opened = openHead(note, key, policy, report)
  const totals = opened === null ? null : await checkFiles(folder, opened.head, report)
  report.end(opened, totals, opened === null ? 0 : await countNotCovered(folder, opened.head.size))
  return report.count === 0 ? EXIT.valid : EXIT.invalid
}

function keyOf(text: string | undefined): VerifierKey {
  if (text === undefined) throw new UsageError(USAGE)
  try {
    return parseVkey(text)
  } catch (cause) {
    if (!(cause instanceof LedgerError)) throw cause
    throw new UsageError(`not an Ed25519 verifier key of type 1 or 4: ${cause.message}`, { cause })
  }
}

async function checkpointIn(folder: string): Promise<Uint8Array> {
  const stat = statSync(folder, { throwIfNoEntry: false })
  if (stat?.isDirectory() !== true) throw new Unreadable(`${folder} is not a folder`)
  const bytes = await readAtMost(join(folder, 'checkpoint'), 4 * MAX_NOTE_LENGTH)
  if (bytes === null) throw new Unreadable(`${folder} holds no file "checkpoint": it is no log`)
  return bytes
}

/** The signed head, or null after a finding that says why there is none. */
function openHead(bytes: Uint8Array, key: VerifierKey, policy: Policy | null, report: Report): Opened | null {
  try {
    const note = textOfUtf8(bytes)
    if (note === null) throw new LedgerError('BAD_NOTE', 'not UTF-8')
    const witnesses = (policy?.witnesses ?? []).filter((witness) => !sameKey(witness.key, key))
    const { text, signed } = openNote(note, [key, ...witnesses.map((witness) => witness.key)].map(knownKey))
    if (!signed.some(({ by }) => sameKey(by.key, key))) throw new LedgerError('NOTE_UNSIGNED', `no line of ${key.name}`)
    const witnessed = (policy?.witnesses ?? []).filter((w) => signed.some(({ by }) => sameKey(by.key, w.key)))
    const names = witnessed.map(({ name }) => name)
    if (policy !== null && !isSatisfied(policy, new Set(names))) {
      report.add({
        path: 'checkpoint',
        problem: 'QUORUM_MISSING',
        detail: `cosigned by ${names.join(', ') || 'nobody'}`,
      })
    }
    return { head: headOf(text), cosigned: names }
  } catch (error) {
    if (!(error instanceof LedgerError)) throw error
    report.add({ path: 'checkpoint', problem: error.code, detail: error.message })
    return null
  }
}

function sameKey(a: VerifierKey, b: VerifierKey): boolean {
  return a.type === b.type && equalBytes(a.publicKey, b.publicKey)
}

function knownKey(key: VerifierKey): NoteVerifier & { readonly key: VerifierKey } {
  const known = key.type === COSIGNATURE_V1 ? cosignerVerifier(key, bothVerifiers) : logVerifier(key, bothVerifiers)
  return { ...known, key }
}

/** Logs of others may add lines to a checkpoint. They are signed with the rest, and say nothing about the tree. */
function headOf(text: string): Checkpoint {
  const lines = text.slice(0, -1).split('\n')
  if (lines.slice(3).includes('')) throw new LedgerError('BAD_CHECKPOINT', 'an empty line')
  return parseCheckpoint(`${lines.slice(0, 3).join('\n')}\n`)
}

async function checkFiles(folder: string, head: Checkpoint, report: Report): Promise<LogFileTotals> {
  const run = checkLogFiles(hasher, head, logFolder(folder))
  let step: IteratorResult<LogFileFinding, LogFileTotals>
  while ((step = await run.next()).done !== true) report.add(step.value)
  return step.value
}

/** Says each finding when it is found, and what it came to at the end. */
class Report {
  count = 0
  readonly #json: boolean

  constructor(json: boolean) {
    this.#json = json
  }

  add(finding: Finding): void {
    this.count += 1
    if (this.#json) printJson({ kind: 'finding', ...finding })
    else printLine(plain(`${finding.path}: ${finding.problem}${finding.detail === '' ? '' : `: ${finding.detail}`}`))
  }

  end(opened: Opened | null, totals: LogFileTotals | null, notCovered: number): void {
    const head = opened?.head
    if (this.#json) {
      printJson({
        kind: 'result',
        command: 'fsck',
        valid: this.count === 0,
        findings: this.count,
        origin: head?.origin ?? null,
        size: head?.size ?? null,
        root: head === undefined ? null : toHex(head.root),
        files: totals?.files ?? 0,
        notCovered,
        cosigned: opened?.cosigned ?? [],
      })
      return
    }
    if (notCovered > 0) printLine(`not checked: ${notCovered} files that are not part of the signed tree`)
    if (head === undefined) printLine('invalid: no signed tree')
    else {
      const verdict = this.count === 0 ? 'valid' : `invalid: ${this.count} findings`
      printLine(`${verdict}: ${plain(head.origin)}, ${head.size} entries, ${totals?.files ?? 0} files`)
    }
  }
}
