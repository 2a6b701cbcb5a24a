import { describe, expect, it } from 'vitest'
import { generateSharingKeyPair, sealEpochKey, sharingPublicKeyOf } from '../../../../src/main/core/epoch-keys.ts'
import { SECRETS } from '../../../../src/main/core/vault/genesis.ts'
import { dropNextSeed } from '../../../../src/main/core/vault/role-keys.ts'
import {
  earlierSharing,
  holdsSharing,
  keepNextSharing,
  MAX_EARLIER,
  openSealedRow,
  settleSharing,
  SharingRing,
  takeSharing,
} from '../../../../src/main/core/vault/sharing-ring.ts'
import type { Secrets } from '../../../../src/main/keystore/secrets.ts'
import { toHex } from '../../../../src/shared/bytes.ts'
import { codeOf } from '../../../faults/support/clinic.ts'

/** Secrets in memory that stop working before the write of a number, as a computer does that is switched off. */
class Memory implements Pick<Secrets, 'get' | 'put'> {
  readonly kept = new Map<string, Uint8Array>()
  writesLeft = Infinity

  get(name: string): Uint8Array | null {
    return this.kept.get(name)?.slice() ?? null
  }

  put(name: string, secret: Uint8Array): Promise<void> {
    if (this.writesLeft-- <= 0) return Promise.reject(new Error('switched off'))
    this.kept.set(name, secret.slice())
    return Promise.resolve()
  }
}

async function keystore() {
  const memory = new Memory()
  const first = await generateSharingKeyPair()
  await memory.put(SECRETS.sharing, first.privateKey)
  const secrets = memory as unknown as Secrets
  const keys = () => SharingRing.read(secrets).all.map(({ publicKey }) => toHex(publicKey))
  return { memory, secrets, first, keys }
}

it('keeps a new key beside the one in use until a roster lists it, and every earlier one after that', async () => {
  const { secrets, first, keys } = await keystore()
  const [one, second] = [toHex(first.publicKey), await keepNextSharing(secrets, [])]
  expect(keys()).toEqual([one])
  await settleSharing(secrets, first.publicKey)
  expect(keys()).toEqual([one])
  await settleSharing(secrets, second)
  expect(keys()).toEqual([toHex(second), one])
  const third = await keepNextSharing(secrets, [])
  await settleSharing(secrets, third)
  expect(keys()).toEqual([third, second].map(toHex).concat(one))
})

it('forgets a key that no roster lists, and goes on with what is here when the listed one is not', async () => {
  const { secrets, first, keys } = await keystore()
  const dropped = await keepNextSharing(secrets, [])
  expect(await keepNextSharing(secrets, [])).toEqual(dropped)
  await dropNextSeed(secrets, SECRETS.sharing)
  await settleSharing(secrets, dropped)
  expect(keys()).toEqual([toHex(first.publicKey)])
})

it('never lists again what a backup brought back and a roster listed since: who left may know it', async () => {
  const { secrets, first, keys } = await keystore()
  const waiting = await keepNextSharing(secrets, [first.publicKey])
  // Since the backup it was in force, and was replaced by a key that is not here.
  const lost = (await generateSharingKeyPair()).publicKey
  await settleSharing(secrets, lost)
  const listed = [lost, waiting, first.publicKey]
  const fresh = await keepNextSharing(secrets, listed)
  expect(listed.map(toHex)).not.toContain(toHex(fresh))
  expect(await keepNextSharing(secrets, listed)).toEqual(fresh)
  await settleSharing(secrets, fresh)
  expect(keys()[0]).toBe(toHex(fresh))
  expect(keys().toSorted()).toEqual([fresh, waiting, first.publicKey].map(toHex).toSorted())
})

it('says whether a key is here that a roster would list', async () => {
  const { secrets, first } = await keystore()
  const waiting = await keepNextSharing(secrets, [])
  await settleSharing(secrets, waiting)
  const next = await keepNextSharing(secrets, [waiting, first.publicKey])
  for (const key of [first.publicKey, waiting, next]) expect(holdsSharing(secrets, key)).toBe(true)
  expect(holdsSharing(secrets, (await generateSharingKeyPair()).publicKey)).toBe(false)
})

it('ends in the same after a crash at any write, also when it is repeated', async () => {
  for (let writes = 0; writes < 3; writes++) {
    const { memory, secrets, first, keys } = await keystore()
    const second = await keepNextSharing(secrets, [])
    memory.writesLeft = writes
    await expect(settleSharing(secrets, second)).rejects.toThrow('switched off')
    memory.writesLeft = Infinity
    // Whatever a crash leaves opens what either key opens.
    expect(keys()).toContain(toHex(first.publicKey))
    for (let n = 0; n < 2; n++) {
      await settleSharing(secrets, second)
      expect(keys()).toEqual([toHex(second), toHex(first.publicKey)])
    }
  }
})

it('goes back to the key before with a database that is put back, and loses neither', async () => {
  const { secrets, first, keys } = await keystore()
  const second = await keepNextSharing(secrets, [])
  await settleSharing(secrets, second)
  await settleSharing(secrets, first.publicKey)
  expect(keys()[0]).toBe(toHex(first.publicKey))
  expect(keys().toSorted()).toEqual([toHex(first.publicKey), toHex(second)].toSorted())
  await settleSharing(secrets, second)
  expect(keys()[0]).toBe(toHex(second))
})

it('takes over what another machine of the clinic holds, in any order of hearing', async () => {
  const [one, other] = [await keystore(), await keystore()]
  await other.memory.put(SECRETS.sharing, one.first.privateKey)
  await settleSharing(one.secrets, await keepNextSharing(one.secrets, []))
  const third = await keepNextSharing(one.secrets, [])
  await settleSharing(one.secrets, third)
  const newest = one.memory.get(SECRETS.sharing) ?? new Uint8Array()
  for (let n = 0; n < 2; n++) {
    await takeSharing(other.secrets, newest, earlierSharing(one.secrets))
    await settleSharing(other.secrets, third)
  }
  expect(other.keys().toSorted()).toEqual(one.keys().toSorted())
  expect(other.keys()[0]).toBe(toHex(sharingPublicKeyOf(newest)))
})

it('is bounded, and says so before anything is proposed', async () => {
  const { memory, secrets } = await keystore()
  await memory.put('sharing-earlier', new Uint8Array(32 * MAX_EARLIER).fill(7))
  expect(await codeOf(() => keepNextSharing(secrets, []))).toBe('BAD_PROPOSAL')
})

describe('rows of the database', () => {
  const subject = new Uint8Array(16).fill(3)

  it('are tried under the newest key first, and open under the one that they are sealed to', async () => {
    const [old, now] = [await generateSharingKeyPair(), await generateSharingKeyPair()]
    const ring = new SharingRing([now, old])
    const log = 'test.local/a/node-1'
    const row = async (pair: typeof old, epoch: number) => {
      const sealed = await sealEpochKey(new Uint8Array(32).fill(epoch), pair.publicKey, {
        subject,
        epoch,
        sender: pair,
      })
      return { epoch, recipient: pair.publicKey, log, sealed }
    }
    const rows = [await row(old, 1), await row(old, 2), await row(now, 2)]
    expect(ring.rowsFor(rows, { epoch: 2, log }).map(({ pair }) => pair)).toEqual([now, old])
    for (const epoch of [1, 2])
      for (const sealed of ring.rowsFor(rows, { epoch, log }))
        expect(await openSealedRow(sealed, subject)).toEqual(new Uint8Array(32).fill(epoch))
    expect(ring.rowsFor(rows, { epoch: 2, log: 'test.local/b/node-1' })).toEqual([])
    expect(ring.of(now.publicKey)).toBe(now)
    expect(ring.of(subject)).toBeNull()
  })
})
