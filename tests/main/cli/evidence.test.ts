import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { encodeFork, proveFork } from '../../../src/ledger/evidence.ts'
import { encodeVkey } from '../../../src/ledger/vkey.ts'
import { toHex } from '../../../src/shared/bytes.ts'
import { temporaryFolder } from '../../faults/support/clinic.ts'
import { siteOf } from '../../support/cosigned-log.ts'
import { addCosignature, ForkedLog } from '../../support/forked-log.ts'
import { smallClinic } from './clinic.ts'
import { chartseal, jsonLines, WITHOUT_CORE } from './run.ts'

const log = new ForkedLog()
const tree = {
  rootAt: (size: number) => log.root(size, 1, 1),
  proveConsistency: (older: number, newer: number) => log.proof(older, newer, 1, 1),
}
const cosigned = (note: string) => addCosignature(note, 'test.local/s0/mirror', siteOf(0).mirror)
const proof = encodeFork(proveFork(cosigned(log.note(4)), cosigned(log.note(7, 1, 1)), tree))
const logKey = encodeVkey({ ...log.logKey, type: 1 })
const mirrorKey = encodeVkey({ name: 'test.local/s0/mirror', type: 4, publicKey: siteOf(0).mirror.publicKey })
const strangerKey = encodeVkey({ name: 'test.local/s1/mirror', type: 4, publicKey: siteOf(1).mirror.publicKey })

function fileOf(text: string, name = 'proof.fork'): string {
  const file = join(temporaryFolder(), name)
  writeFileSync(file, text)
  return file
}

describe('chartseal evidence check', () => {
  it('names who signed both versions, without core and database', () => {
    const { status, stdout, stderr } = chartseal(
      ['evidence', 'check', fileOf(proof), '--key', logKey, '--key', mirrorKey],
      '',
      WITHOUT_CORE,
    )
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout.split('\n').slice(0, -1)).toEqual([
      `head: test.local/forked/1, 4 entries, root ${toHex(log.root(4))}`,
      `head: test.local/forked/1, 7 entries, root ${toHex(log.root(7, 1, 1))}`,
      `signed both: test.local/forked/1, key ${toHex(log.logKey.publicKey)}`,
      `signed both: test.local/s0/mirror, key ${toHex(siteOf(0).mirror.publicKey)}`,
      'convicts: test.local/forked/1 exists in two versions',
    ])
  })

  it('reads standard input and a policy, and says the same as JSON', () => {
    const policy = fileOf(`log ${logKey}\nwitness s0 ${mirrorKey}\nquorum s0\n`, 'policy')
    const { status, stdout } = chartseal(['evidence', 'check', '-', '--policy', policy, '--json'], proof)
    expect(status).toBe(0)
    expect(jsonLines(stdout)).toMatchObject([
      { valid: true, origin: 'test.local/forked/1', byLog: true, heads: [{ size: 4 }, { size: 7 }] },
    ])
  })

  it('convicts nobody who did not sign both', () => {
    const args = ['evidence', 'check', fileOf(proof), '--key', strangerKey]
    expect(chartseal(args)).toMatchObject({ status: 1, stdout: expect.stringMatching(/^convicts nobody: NOT_A_FORK/) })
    expect(jsonLines(chartseal([...args, '--json']).stdout)).toMatchObject([{ valid: false, code: 'NOT_A_FORK' }])
    const honest = encodeFork({
      older: log.note(4),
      newer: log.note(7),
      prefix: { root: log.root(4), proof: log.proof(4, 7) },
    })
    expect(chartseal(['evidence', 'check', '-', '--key', logKey], honest).status).toBe(1)
  })

  it('cannot read what is no proof, and wants to know whom to look for', () => {
    const unreadable = (...args: string[]) => chartseal(['evidence', ...args], 'nothing').status
    expect(unreadable('check', '-', '--key', logKey)).toBe(2)
    expect(unreadable('check', '/nowhere', '--key', logKey)).toBe(2)
    expect(unreadable('check', '-')).toBe(2)
    expect(unreadable('check', '-', '--key', 'nonsense')).toBe(2)
    expect(unreadable('check', '-', '--network', '0'.repeat(64))).toBe(2)
    expect(unreadable('list', '-', '--key', logKey)).toBe(2)
  })

  it('knows the keys of a network from any of its receipts', async () => {
    const { vault, network, origin } = await smallClinic()
    const receipt = fileOf((await vault.receipt(origin, 0)).text, 'entry.tlog-proof')
    await vault.close()
    const args = ['evidence', 'check', '-', '--network', network, '--receipt', receipt]
    expect(chartseal(args, proof)).toMatchObject({ status: 1, stderr: '' })
    const another = ['evidence', 'check', '-', '--network', '0'.repeat(64), '--receipt', receipt]
    expect(chartseal(another, proof)).toMatchObject({ status: 2, stderr: expect.stringContaining('does not verify') })
  })
})
