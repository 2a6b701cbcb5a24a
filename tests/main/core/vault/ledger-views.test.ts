import { expect, it } from 'vitest'
import type { VerifyAllEvent } from '../../../../src/shared/api/schemas.ts'
import { fromHex } from '../../../../src/shared/bytes.ts'
import { verifyProof } from '../../../../src/verifier/verify-proof.ts'
import {
  codeOf,
  furnish,
  type OpenVault,
  patientNumber,
  PIN,
  signFromDevice,
  signManual,
  startVault,
  temporaryFolder,
  weight,
} from '../../../faults/support/clinic.ts'

/** Everything that `verifyAll` reports, run to its end. */
async function verifyAll({ vault, events }: OpenVault): Promise<VerifyAllEvent[]> {
  await vault.verifyAll(1)
  return events.flatMap((event) => (event.kind === 'verify-all' ? [event.event] : []))
}

async function provesEverything(open: OpenVault): Promise<number> {
  const { size } = await open.vault.ledgerSummary()
  for (let index = 0; index < size; index++) {
    const proof = await open.vault.proof(null, index)
    const verdict = verifyProof({
      ...proof,
      networkId: fromHex(proof.networkId),
      rosters: proof.rosters.map(fromHex),
      opened: proof.opened === null ? null : fromHex(proof.opened),
      logKey: fromHex(proof.logKey),
      entry: fromHex(proof.entry),
      path: proof.path.map(fromHex),
      seal: fromHex(proof.seal),
      sealPath: proof.sealPath.map(fromHex),
    })
    expect({ index, failed: verdict.steps.filter(({ ok }) => !ok) }).toEqual({ index, failed: [] })
    expect(proof.block?.problem).toBeNull()
  }
  return size
}

it('proves every entry of a small clinic to the independent verifier', async () => {
  const open = await startVault(temporaryFolder())
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle } = await open.vault.registerPatient(patientNumber(1))
  await signManual(open, handle, [weight('71.5')])
  await signFromDevice(open, handle, 1)
  expect(await provesEverything(open)).toBeGreaterThan(15)
  const summary = await open.vault.ledgerSummary()
  expect(summary).toMatchObject({ sites: 1, quorum: 1, faultySitesTolerated: 0, highWaterMark: 'equal' })
})

it('proves every entry of a demonstration clinic to the independent verifier', { timeout: 120_000 }, async () => {
  const open = await startVault(temporaryFolder(), { demo: true, nodeSecret: null })
  const [person] = (await open.vault.practitioners()).filter(({ role }) => role === 'physician')
  const pins = open.events.flatMap((event) => (event.kind === 'state' ? event.state.demoPins : []))
  await open.vault.signIn(person?.handle ?? '', pins.find(({ handle }) => handle === person?.handle)?.pin ?? '')
  const size = await provesEverything(open)
  expect(size).toBeGreaterThan(256)
  expect((await verifyAll(open)).at(-1)).toMatchObject({ kind: 'done', checked: size, findings: 0 })
})

it('names an entry that is not there', async () => {
  const open = await startVault(temporaryFolder())
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { size } = await open.vault.ledgerSummary()
  expect(await codeOf(() => open.vault.proof(null, size))).toBe('UNKNOWN_ENTRY')
})

it('lists entries and blocks that fit together', async () => {
  const open = await startVault(temporaryFolder())
  const staff = await furnish(open)
  await open.vault.signIn(staff.it, PIN)
  const { size, blocks: count } = await open.vault.ledgerSummary()
  const blocks = await open.vault.blocks(null, null, 100)
  expect(blocks.map(({ block }) => block)).toEqual(Array.from({ length: count }, (_, i) => count - 1 - i))
  for (const [i, block] of blocks.entries()) {
    expect(block.previousHash).toBe(blocks[i + 1]?.hash ?? null)
    expect(block.firstIndex + block.count + 1).toBe(block.size)
  }
  const entries = await open.vault.entries(null, 0, 1000)
  expect(entries.length).toBe(size)
  expect(entries.filter(({ problem }) => problem !== null)).toEqual([])
  for (const { size: end } of blocks) expect(entries[end - 1]?.type).toBe('seal')
})

it('stops verifying when asked to', async () => {
  const open = await startVault(temporaryFolder())
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle } = await open.vault.registerPatient(patientNumber(1))
  await signManual(
    open,
    handle,
    Array.from({ length: 60 }, (_, i) => weight(String(60 + i))),
  )
  const running = open.vault.verifyAll(9)
  await open.vault.cancelVerifyAll(9)
  await running
  const last = open.events.findLast((event) => event.kind === 'verify-all')
  const { size } = await open.vault.ledgerSummary()
  expect(last?.event).toMatchObject({ kind: 'done', findings: 0 })
  expect(last?.event.kind === 'done' && last.event.checked < size).toBe(true)
})
