import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { parseReceipt } from '../../../src/ledger/receipt.ts'
import { encodeVkey } from '../../../src/ledger/vkey.ts'
import { fromHex } from '../../../src/shared/bytes.ts'
import { forWholeFile, temporaryFolder } from '../../faults/support/clinic.ts'
import { smallClinic } from './clinic.ts'
import { chartseal, jsonLines, WITHOUT_CORE } from './run.ts'

let folder: string
let network: string
let receipt: string
let index: number
let logKey: string
let origin: string
const fileOf = (name: string, text: string): string => {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

beforeAll(() =>
  forWholeFile(async () => {
    folder = temporaryFolder()
    const { vault, ...clinic } = await smallClinic()
    ;({ network, origin } = clinic)
    index = (await vault.entries(null, 0, 500)).find(({ type }) => type === 'reading')!.index
    const file = await vault.receipt(null, index)
    expect(file.fileName).toMatch(/^chartseal\.local-site-[0-9a-f]{16}-node-[0-9a-f]{8}-1-\d+\.tlog-proof$/)
    receipt = file.text
    ;({ logKey } = await vault.proof(null, index))
  }),
)

describe('chartseal verify', () => {
  it('accepts a receipt of a real vault with nothing but the network id', () => {
    const { status, stdout, stderr } = chartseal(['verify', fileOf('a.tlog-proof', receipt), '--network', network])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toContain(`valid: entry ${index} of ${origin}, type reading, final (1 of 1 cosigned`)
    expect(stdout).toContain('not checked: the encrypted content')
    expect(stdout).not.toContain('FAIL')
  })

  it('trusts the network of the clinic on this computer when nothing else is named', () => {
    const data = temporaryFolder()
    mkdirSync(join(data, 'clinic', 'keystore'), { recursive: true })
    writeFileSync(join(data, 'clinic', 'keystore', 'network-id'), `${network}\n`)
    const args = ['verify', fileOf('p.tlog-proof', receipt), '--data', data]
    const { status, stdout } = chartseal(args)
    expect(status).toBe(0)
    expect(stdout).toContain(`network: ${network}, as the keystore of this computer has it`)
    expect(chartseal([...args, '--network', 'ab'.repeat(32)]).status).toBe(1)
    writeFileSync(join(data, 'clinic', 'keystore', 'network-id'), `${'ab'.repeat(32)}\n`)
    expect(chartseal(args).status).toBe(1)
    writeFileSync(join(data, 'clinic', 'keystore', 'network-id'), 'nonsense')
    expect(chartseal(args).stdout).toContain('UNANCHORED')
  })

  it('reads standard input and says the same as JSON', () => {
    const { status, stdout } = chartseal(['verify', '-', '--network', network.toUpperCase(), '--json'], receipt)
    const [result, ...more] = jsonLines(stdout)
    expect(status).toBe(0)
    expect(more).toEqual([])
    expect(result).toMatchObject({
      kind: 'result',
      command: 'verify',
      valid: true,
      failed: null,
      network,
      origin,
      index,
      type: 'reading',
      grade: { name: 'final', k: 1, q: 1 },
    })
    expect((result?.steps as { name: string }[]).map(({ name }) => name)).toEqual([
      'anchor',
      'rosters',
      'log-key',
      'checkpoint',
      'seal',
      'cosignatures',
      'inclusion',
      'entry',
      'signatures',
      'second-verifier',
    ])
    expect(result?.notChecked).toEqual(['later-rosters', 'enrolment', 'contract', 'content', 'completeness', 'time'])
  })

  it('accepts a policy that lists the log, and refuses one that asks for more', () => {
    const vkey = encodeVkey({ name: origin, type: 1, publicKey: fromHex(logKey) })
    const file = fileOf('b.tlog-proof', receipt)
    const policy = fileOf('policy', `log ${vkey}\nquorum none\n`)
    const accepted = chartseal(['verify', file, '--policy', policy, '--json'])
    expect(accepted.status).toBe(0)
    expect(jsonLines(accepted.stdout)[0]?.notChecked).toContain('network')
    const strict = fileOf(
      'strict',
      `log ${vkey}\nwitness w ${encodeVkey({ name: 'w', type: 4, publicKey: fromHex(logKey) })}\nquorum w\n`,
    )
    const refused = chartseal(['verify', file, '--policy', strict])
    expect(refused.status).toBe(1)
    expect(refused.stdout).toContain('FAIL  cosignatures')
    expect(refused.stdout).toMatch(/invalid: cosignatures\n$/)
  })

  it.each<[string, (text: string) => string, string]>([
    ['the index', (text) => text.replace(/index (\d+)/, (_, n: string) => `index ${Number(n) - 1}`), 'inclusion'],
    ['the size', (text) => text.replace(/\n(\d+)\n/, '\n9999\n'), 'checkpoint'],
    ['a hash of the path', (text) => text.replace(/\n[A-Za-z0-9+/]{43}=\n/, `\n${'A'.repeat(43)}=\n`), 'inclusion'],
    ['the origin', (text) => text.replace('node-', 'nodf-'), 'log-key'],
  ])('names the step that a change of %s breaks', (_name, change, step) => {
    const changed = change(receipt)
    expect(changed).not.toBe(receipt)
    const { status, stdout } = chartseal(['verify', '-', '--network', network, '--json'], changed)
    expect({ status, failed: jsonLines(stdout)[0]?.failed }).toEqual({ status: 1, failed: step })
  })

  it('needs neither core nor native modules nor a network', () => {
    const args = ['verify', '-', '--network', network]
    expect(chartseal(args, receipt, WITHOUT_CORE)).toMatchObject({ status: 0, stderr: '' })
    const audit = chartseal(['audit', '/nowhere', '--network', network], '', WITHOUT_CORE)
    expect(audit.stderr).toContain('loads ')
  })

  it('is not fooled by another network, or by none', () => {
    const other = chartseal(['verify', '-', '--network', 'ab'.repeat(32)], receipt)
    expect({ status: other.status, last: other.stdout.trim().split('\n').at(-1) }).toEqual({
      status: 1,
      last: 'invalid: anchor',
    })
    const none = chartseal(['verify', '-'], receipt)
    expect(none.status).toBe(1)
    expect(none.stdout).toContain('UNANCHORED')
  })

  it.each<[string, string[], string]>([
    ['no receipt', ['verify', '-', '--network', '00'.repeat(32)], 'hello'],
    ['nothing', ['verify', '-', '--network', '00'.repeat(32)], ''],
    ['a file that is not there', ['verify', '/nowhere/x', '--network', '00'.repeat(32)], ''],
    ['a folder', ['verify', '/', '--network', '00'.repeat(32)], ''],
    ['no argument', ['verify'], ''],
    ['an unknown option', ['verify', '-', '--nonsense'], ''],
    ['half a network id', ['verify', '-', '--network', 'ab'], ''],
    ['a policy that is none', ['verify', '-', '--policy', import.meta.filename], ''],
    ['a proof without an entry', ['verify', '-', '--network', '00'.repeat(32)], 'c2sp.org/tlog-proof@v1\nindex 0\n\nx'],
  ])('cannot read %s', (_name, args, input) => {
    const { status, stdout, stderr } = chartseal(args, input)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toMatch(/^chartseal: .+\n/)
    expect(stderr).not.toContain('    at ')
  })

  it('checks a file of several, one by one', () => {
    const several = chartseal(['verify', '-', '--network', network], receipt + receipt)
    expect(several.status).toBe(0)
    expect(several.stdout).toContain('receipt 2 of 2')
    expect(several.stdout).toMatch(/2 of 2 receipts are valid\n$/)
    const spoiled = receipt + receipt.replace(/index (\d+)/, (_, n: string) => `index ${Number(n) - 1}`)
    const { status, stdout } = chartseal(['verify', '-', '--network', network, '--json'], spoiled)
    expect(status).toBe(1)
    expect(jsonLines(stdout).map(({ valid }) => valid)).toEqual([true, false])
    expect(chartseal(['verify', '-', '--network', network], `${receipt}c2sp.org/tlog-proof@v1\nx`).status).toBe(2)
  })

  it('shows no control characters of a stranger', () => {
    const { checkpoint } = parseReceipt(receipt)
    const evil = receipt.replace(checkpoint, checkpoint.replaceAll(origin, `x\u202e\u009b31m`))
    const { stdout } = chartseal(['verify', '-', '--network', network], evil)
    expect(stdout).not.toMatch(/[\u0080-\u009f\u202e]/)
  })
})
