import { beforeEach, describe, expect, it } from 'vitest'
import { encodeBody } from '../../../../src/ledger/body.ts'
import { encodeEntry, signedMessage } from '../../../../src/ledger/entry.ts'
import { encodeNodeOpened, type NodeOpened } from '../../../../src/ledger/fields.ts'
import { originOf } from '../../../../src/ledger/names.ts'
import { SECRETS, signerOf } from '../../../../src/main/core/vault/genesis.ts'
import { orNull } from '../../../../src/sync/attempt.ts'
import { handle, testKey } from '../../../support/ledger-world.ts'
import { partsOf, type SharedRecords, type SharingSite, sharedRecords } from '../../../support/shared-records.ts'

let sites: SharedRecords
beforeEach(async () => {
  sites = await sharedRecords()
}, 90_000)

/** What the site of a log could sign to end it, as long as its governance key is in somebody's hands. */
function openingBy(site: SharingSite, change: { rosterVersion?: number; note?: string } = {}, incarnation = 2) {
  const { clinic } = partsOf(site)
  const { identity, keystore, replica } = clinic
  const { size, root, note } = replica.live.head
  const logKey = testKey(`log of incarnation ${incarnation}`)
  const previous: NonNullable<NodeOpened['previous']> = {
    ...{ origin: identity.origin, size, root, note: change.note ?? note },
  }
  const version = change.rosterVersion ?? replica.directory.rosters.at(-1)?.roster.version ?? 0
  const fields = encodeNodeOpened({
    ...{ incarnation, instance: handle('instance'), previous, logKey: logKey.publicKey, rosterVersion: version },
  })
  const { network, log } = identity
  const place = { network, log, id: handle('opening'), time: Date.now(), subject: null, payload: null }
  const bodyBytes = encodeBody({ type: 'node.opened', fields, ...place })
  const governance = signerOf('governance', keystore.secrets.get(SECRETS.governance) ?? new Uint8Array())
  const signatures = [governance, { role: 'log' as const, ...logKey }].map(({ role, publicKey, sign }) => {
    return { role, publicKey, signature: sign(signedMessage(role, bodyBytes)) }
  })
  return encodeEntry({ bodyBytes, placement: null, signatures })
}

describe('an opening that a member makes up', () => {
  it.each(['x', 'x\n\n— x AAAA\n'])('with %j as the note of the log before, hurts nobody else', (note) => {
    const { logs } = partsOf(sites.b)
    const { origin, log } = sites.a
    expect(orNull(() => logs.addOpening(openingBy(sites.a, { note })))).toBeNull()
    expect([logs.frozenAt(origin), logs.incarnations(log).length]).toEqual([Infinity, 1])
  })

  it('under a roster that was not in force where it goes on ends nothing, and keeps no number from a real one', () => {
    const { logs } = partsOf(sites.b)
    const { origin, log } = sites.a
    expect(logs.roster.version).toBeGreaterThan(1)
    expect(orNull(() => logs.addOpening(openingBy(sites.a, { rosterVersion: 1 })))).toBeNull()
    expect(logs.frozenAt(origin)).toBe(Infinity)
    expect(logs.addOpening(openingBy(sites.a))).toBe(originOf(log, 2))
    expect([logs.doubtOf(originOf(log, 2)), logs.frozenAt(origin)]).toEqual([null, logs.mirror(origin)?.head.size])
  })
})
