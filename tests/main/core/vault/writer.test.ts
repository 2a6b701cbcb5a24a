import { expect, it } from 'vitest'
import { encodePatient } from '../../../../src/clinical/patient.ts'
import { fromHex } from '../../../../src/shared/bytes.ts'
import { HighWaterFile } from '../../../../src/main/keystore/high-water.ts'
import { KeystoreError } from '../../../../src/main/keystore/errors.ts'
import { StoreError } from '../../../../src/main/store/errors.ts'
import type { Store } from '../../../../src/main/store/store.ts'
import { openedRecord } from '../../../../src/main/core/vault/opened-record.ts'
import { type CurrentEpoch, UNSHARED } from '../../../../src/main/core/vault/subject-keys.ts'
import type { Draft } from '../../../../src/main/core/vault/writer.ts'
import { Replica } from '../../../../src/main/core/vault/replica.ts'
import { codeOf, furnish, patientNumber, PIN, startVault, temporaryFolder } from '../../../faults/support/clinic.ts'
import { accessOf, type Between, openParts, type Parts, random } from '../../../faults/support/parts.ts'

async function parts(between: Between = {}): Promise<Parts & { subject: string; folder: string }> {
  const open = await startVault(temporaryFolder())
  const staff = await furnish(open)
  await open.vault.signIn(staff.nurse, PIN)
  const { handle } = await open.vault.registerPatient(patientNumber(1))
  await open.vault.close()
  return { ...(await openParts(open.folder, staff.nurse, between)), subject: handle, folder: open.folder }
}

/** What a start would see now: the same head, and nothing damaged. */
function expectSound({ store, identity, keystore, replica }: Parts): void {
  const again = Replica.open(store, identity, keystore.highWater.read(), new Map())
  expect(again.head).toEqual(replica.head)
  expect(again.live.damaged.size).toBe(0)
  for (let index = 0; index < again.head.size; index++) {
    expect(again.live.verifiedEntry(index)).toHaveProperty('entry')
    expect(again.live.blockOf(index)).toHaveProperty('seal')
  }
}

/** A store whose `append` fails while `fault` gives an error: before anything is written, or after it was closed. */
function failing(fault: { error: Error | null; isLate?: boolean }): Between {
  return {
    store: (store) =>
      new Proxy(store, {
        get(target, name: keyof Store) {
          if (name !== 'append') return (target[name] as (...args: unknown[]) => unknown).bind(target)
          return ((block, close) => {
            if (fault.error !== null && fault.isLate !== true) throw fault.error
            target.append(block, (readBack) => {
              const closing = close(readBack)
              if (fault.error !== null) throw fault.error
              return closing
            })
          }) satisfies Store['append']
        },
      }),
  }
}

it('closes what is asked for at once into one block, in order', async () => {
  const open = await parts()
  const { writer, replica, signer, subject, told } = open
  const [first, block] = [replica.head.size, replica.live.newestBlock]
  const recorded = await Promise.all(Array.from({ length: 20 }, () => writer.record([accessOf(open, signer, subject)])))
  expect(recorded.flat().map(({ index }) => index - first)).toEqual(Array.from({ length: 20 }, (_, i) => i))
  expect(replica.live.newestBlock).toBe(block + 1)
  expect(told.sizes).toEqual([first + 21])
  expectSound(open)
})

it('writes what waits before it is closed, and refuses what comes later', async () => {
  const open = await parts()
  const { writer, replica, store, signer, subject } = open
  const first = replica.head.size
  const waiting = Array.from({ length: 5 }, () => writer.record([accessOf(open, signer, subject)]))
  await new Promise((done) => process.nextTick(done))
  writer.close()
  expect(replica.head.size).toBe(first + 6)
  expectSound(open)
  expect(await codeOf(() => writer.record([accessOf(open, signer, subject)]))).toBe('WRONG_STATE')
  await Promise.all(waiting)
  store.close()
  // Nothing looks into the files any more.
  await new Promise((done) => setImmediate(done))
})

it('takes more than fit into a block into the next', async () => {
  const open = await parts()
  const { writer, replica, signer, subject } = open
  const block = replica.live.newestBlock
  const job = () => writer.record(Array.from({ length: 200 }, () => accessOf(open, signer, subject)))
  await Promise.all([job(), job(), job()])
  expect(replica.live.newestBlock).toBe(block + 2)
  expectSound(open)
})

it('refuses an id that is taken, alone, in the same block and in an earlier one', async () => {
  const open = await parts()
  const { writer, signer, subject } = open
  const draft = accessOf(open, signer, subject)
  const outcomes = await Promise.all([
    codeOf(() => writer.record([draft])),
    codeOf(() => writer.record([{ ...accessOf(open, signer, subject), id: draft.id }])),
    codeOf(() => writer.record([accessOf(open, signer, subject)])),
  ])
  expect(outcomes).toEqual([null, 'ALREADY_RECORDED', null])
  expect(await codeOf(() => writer.record([{ ...accessOf(open, signer, subject), id: draft.id }]))).toBe(
    'ALREADY_RECORDED',
  )
  expect(await codeOf(() => writer.record([accessOf(open, signer, subject)]))).toBeNull()
  expectSound(open)
})

it('refuses what the contract refuses, alone', async () => {
  const open = await parts()
  const { writer, signer, subject, told } = open
  const unsigned = { ...accessOf(open, signer, subject), signers: [] }
  const wrongRole = { ...accessOf(open, signer, subject), type: 'device.enrolled' as const }
  const outcomes = await Promise.all([
    codeOf(() => writer.record([accessOf(open, signer, subject)])),
    writer.record([unsigned]).then(
      () => 'recorded',
      () => 'refused',
    ),
    writer.record([wrongRole]).then(
      () => 'recorded',
      () => 'refused',
    ),
    codeOf(() => writer.record([accessOf(open, signer, subject)])),
  ])
  expect(outcomes).toEqual([null, 'refused', 'refused', null])
  expect(told.failures).toEqual([])
  expectSound(open)
})

it.each([
  ['before anything is written', false],
  ['after the tree has grown in memory', true],
])('goes on after a full disk that is noticed %s', async (_title, isLate) => {
  const fault = { error: new StoreError('DISK_FULL', 'as if') as Error | null, isLate }
  const open = await parts(failing(fault))
  const { writer, replica, signer, subject, told } = open
  const before = replica.head
  const outcomes = await Promise.all([
    codeOf(() => writer.record([accessOf(open, signer, subject)])),
    codeOf(() => writer.record([accessOf(open, signer, subject)])),
  ])
  expect(outcomes).toEqual(['DISK_FULL', 'DISK_FULL'])
  expect(replica.head).toEqual(before)
  expect(told.failures.length).toBe(1)
  fault.error = null
  await writer.record([accessOf(open, signer, subject)])
  expect(replica.head.size).toBe(before.size + 2)
  expectSound(open)
})

it('signs nothing more when the outcome of a write is unknown', async () => {
  const fault = { error: new StoreError('STATE_UNKNOWN', 'as if') as Error | null, isLate: true }
  const open = await parts(failing(fault))
  const { writer, signer, subject } = open
  expect(await codeOf(() => writer.record([accessOf(open, signer, subject)]))).toBe('STATE_UNKNOWN')
  fault.error = null
  expect(await codeOf(() => writer.record([accessOf(open, signer, subject)]))).toBe('STATE_UNKNOWN')
})

it('keeps a block whose mark could not be written, and writes nothing more before it is', async () => {
  const fault = { isFull: false }
  const open = await parts({
    highWater: (highWater) => ({
      read: () => highWater.read(),
      write: (mark) => {
        if (fault.isFull) throw new KeystoreError('DISK_FULL', 'as if')
        highWater.write(mark)
      },
    }),
  })
  const { writer, replica, signer, subject, told, keystore } = open
  expect(keystore.highWater).toBeInstanceOf(HighWaterFile)
  fault.isFull = true
  await writer.record([accessOf(open, signer, subject)])
  const { size } = replica.head
  expect(told.failures.length).toBe(1)
  expect(await codeOf(() => writer.record([accessOf(open, signer, subject)]))).toBe('DISK_FULL')
  expect(replica.head.size).toBe(size)
  fault.isFull = false
  await writer.record([accessOf(open, signer, subject)])
  expect(keystore.highWater.read()).toMatchObject({ size: size + 2 })
  expectSound(open)
})

it('numbers each subject’s entries without a gap, whoever asks at the same time', async () => {
  const open = await parts()
  const { writer, replica, signer, subject } = open
  const other = Buffer.from(random(16)).toString('hex')
  await Promise.all(
    Array.from({ length: 30 }, (_, i) => writer.record([accessOf(open, signer, i % 3 === 0 ? other : subject)])),
  )
  for (const each of [subject, other]) {
    const { links, gone } = replica.chain(each)
    expect(gone).toEqual([])
    expect(links.map(({ seq }) => seq)).toEqual(links.map((_, i) => i))
    for (const [i, link] of links.entries()) expect(link.previousLeaf).toEqual(links[i - 1]?.leaf ?? null)
  }
  expectSound(open)
})

/** A registration of somebody new, under the epoch that `epoch` gives. */
function registrationOf({ signer }: Parts, handle: string, epoch: NonNullable<Draft['epoch']>): Draft {
  const patient = { handle, ...patientNumber(7) }
  return {
    ...{ id: random(16), type: 'patient.registered', subject: fromHex(handle), timeMs: Date.now(), fields: new Map() },
    ...{ payload: new TextEncoder().encode(encodePatient(patient, false)), signers: [signer], epoch },
  }
}

it('seals nothing under keys that were erased while it was being prepared', async () => {
  const open = await parts()
  const { writer, keys, replica, subject } = open
  const epochs: CurrentEpoch[] = []
  const epoch = async () => {
    const current = await keys.current(fromHex(subject))
    epochs.push(current)
    if (epochs.length === 1) keys.forget(fromHex(subject), [current.epoch])
    return current
  }
  await writer.record([registrationOf(open, subject, epoch)])
  expect(epochs).toHaveLength(2)
  const link = replica.chain(subject).links.at(-1)!
  expect((await openedRecord({ replica, keys }, link)).text).toContain('Family7')
})

it('knows the key that was stored, whoever prepared another for the same epoch', async () => {
  const open = await parts()
  const { writer, keys } = open
  const handle = 'ab'.repeat(16)
  const subject = fromHex(handle)
  const used = await keys.current(subject)
  const unused = await keys.next(subject, UNSHARED)
  expect(unused.epoch).toBe(used.epoch)
  await writer.record([registrationOf(open, handle, () => Promise.resolve(used))])
  const known = await keys.of(subject, used.epoch)
  expect(known.keyOf('demographics')).toEqual(used.keys.keyOf('demographics'))
})
