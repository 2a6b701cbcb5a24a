/**
 * Receipts of a log that had several keys, rosters and incarnations, as they are and bent: both verifiers, through the
 * command line, say the same.
 */
import fc from 'fast-check'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { verify } from '../../src/main/cli/verify.ts'
import { Unreadable } from '../../src/main/cli/command.ts'
import { auditReplicaFile } from '../../src/main/core/audit/index.ts'
import { fromHex } from '../../src/shared/bytes.ts'
import { runs } from '../support/budget.ts'
import {
  databaseOf,
  forWholeFile,
  furnish,
  patientNumber,
  PIN,
  signManual,
  startVault,
  temporaryFolder,
  weight,
  type OpenVault,
} from './support/clinic.ts'

/** A clinic that changed every key, lost its mark, recovered, and changed them again; with a receipt from each stage. */
const clinic = await forWholeFile(async () => {
  const folder = temporaryFolder()
  let open = await startVault(folder)
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle } = await open.vault.registerPatient(patientNumber(1))
  const places: { origin: string; index: number }[] = []
  let kg = 70
  const stage = async (): Promise<void> => {
    await open.vault.signIn(staff.nurse, PIN)
    const [row] = await signManual(open, handle, [weight(String(kg++))])
    if (row?.status !== 'verified') throw new Error('not verified')
    places.push(row.position)
    await open.vault.signIn(staff.it, PIN)
  }
  await stage()
  for (const kind of ['log-key', 'governance-key', 'mirror-key'] as const) {
    await open.vault.proposeRoster({ kind })
    await stage()
  }
  for (let life = 0; life < 2; life++) {
    await open.vault.close()
    rmSync(join(folder, 'clinic', 'keystore', 'high-water'))
    open = await startVault(folder)
    await open.vault.recover({ recoveryKey: staff.recoveryKey, file: null })
    await stage()
    for (const kind of ['log-key', 'governance-key'] as const) {
      await open.vault.proposeRoster({ kind })
      await stage()
    }
  }
  const receipts = await receiptsOf(open, places)
  await open.vault.close()
  open = await startVault(folder)
  await open.vault.signIn(staff.it, PIN)
  const again = await receiptsOf(open, places)
  await open.vault.close()
  const network = readFileSync(join(folder, 'clinic', 'keystore', 'network-id'), 'utf8').trim()
  return { folder, staff, handle, receipts, again, network, count: places.length }
})

async function receiptsOf({ vault }: OpenVault, places: readonly { origin: string; index: number }[]) {
  const files = await Promise.all(places.map(({ origin, index }) => vault.receipt(origin, index)))
  return files.map(({ text }) => text)
}

/** What the command says: its exit code, and the step that failed. */
function said(text: string): { code: number; failed: string | null; agree: boolean } {
  const file = join(temporaryFolder(), 'x.tlog-proof')
  writeFileSync(file, text)
  const lines: string[] = []
  const out = vi.spyOn(process.stdout, 'write').mockImplementation((line) => (lines.push(String(line)), true))
  try {
    const code = verify([file, '--network', clinic.network, '--json'])
    const { failed, steps } = JSON.parse(lines.join('')) as {
      failed: string | null
      steps: { name: string; ok: boolean }[]
    }
    const isTaken = (second: boolean) => steps.every(({ name, ok }) => ok || (name === 'second-verifier') !== second)
    // The first looks at more: it may refuse what the second takes, and never the other way round.
    return { code, failed, agree: isTaken(true) || !isTaken(false) }
  } catch (error) {
    if (error instanceof Unreadable) return { code: 2, failed: 'unreadable', agree: true }
    throw error
  } finally {
    out.mockRestore()
  }
}

it('verifies a receipt from every stage, from then and after a restart', () => {
  expect(clinic.receipts).toHaveLength(clinic.count)
  for (const text of [...clinic.receipts, ...clinic.again])
    expect(said(text)).toEqual({ code: 0, failed: null, agree: true })
})

it('is audited without a finding', () => {
  const found: string[] = []
  auditReplicaFile(databaseOf(clinic.folder), fromHex(clinic.network), ({ code }) => found.push(code))
  expect(found).toEqual([])
})

it('shows every value after all of that', async () => {
  const open = await startVault(clinic.folder)
  await open.vault.signIn(clinic.staff.nurse, PIN)
  const { readings } = await open.vault.chart(clinic.handle, 1)
  expect(readings.map(({ status }) => status)).toEqual(Array.from({ length: clinic.count }, () => 'verified'))
  await open.vault.close()
})

it('takes no receipt in which anything was changed, and both verifiers agree', () => {
  const texts = clinic.receipts
  fc.assert(
    fc.property(
      fc.nat(texts.length - 1),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      fc.constantFrom('A', '0', '\n', '-', 'z', '=', ' ', '\u2014'),
      fc.constantFrom('replace', 'insert', 'delete'),
      (which, where, character, how) => {
        const text = texts[which] ?? ''
        const at = Math.floor(where * text.length)
        const rest = text.slice(how === 'insert' ? at : at + 1)
        const bent = `${text.slice(0, at)}${how === 'delete' ? '' : character}${rest}`
        if (bent === text) return
        const { code, agree } = said(bent)
        // A line of an unknown key may be bent: then nothing that counts was changed.
        expect(agree).toBe(true)
        expect([0, 1, 2]).toContain(code)
        if (at < text.indexOf('\n\n')) expect(code).not.toBe(0)
      },
    ),
    { numRuns: runs(150, 3000) },
  )
})

it('takes no parts of one receipt into another', () => {
  const halves = clinic.receipts.map((text) => {
    const at = text.indexOf('\n\n')
    const [header = '', extra = '', ...path] = text.slice(0, at).split('\n')
    return { header, extra, path, checkpoint: text.slice(at) }
  })
  for (const one of halves) {
    for (const other of halves) {
      if (one === other) continue
      const made = [
        [one.header, other.extra, ...one.path].join('\n') + one.checkpoint,
        [one.header, one.extra, ...other.path].join('\n') + one.checkpoint,
        ...(one.checkpoint === other.checkpoint
          ? []
          : [[one.header, one.extra, ...one.path].join('\n') + other.checkpoint]),
      ]
      for (const text of made) {
        const { code, agree } = said(text)
        expect([code === 0, agree]).toEqual([clinic.receipts.includes(text), true])
      }
    }
  }
})
