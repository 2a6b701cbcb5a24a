import { describe, expect, it } from 'vitest'
import { instantText } from '../../../../src/clinical/instant.ts'
import { PIN, startVault, type OpenVault } from '../../../faults/support/clinic.ts'
import { damage } from '../../../faults/support/scrubbing.ts'
import { clinicOf, granted, holder, weigh, type World } from '../../../support/consent-world.ts'
import { isAllFinal, joinedTo, networkedClinic, until } from '../../../support/two-clinics.ts'

const LIMIT = { timeout: 120_000 }
const day = (fromNow: number) => instantText(Date.now() + fromNow * 86_400_000, 0).slice(0, 10)

interface Row {
  readonly size: number
  readonly name: string
  readonly line: string
}

interface Joined {
  readonly a: World
  readonly b: OpenVault & { readonly it: string }
  /** Who looks at B. */
  readonly physician: string
  /** Of A, shared with B. */
  readonly patient: string
  readonly origin: string
  /** How long A's log is. */
  readonly size: number
}

/** Two clinics; a weight taken at A is final at B, and nothing is written any more. */
async function shared(): Promise<Joined> {
  const a = await networkedClinic()
  const b = await joinedTo(a)
  const { handle: physician } = await b.vault.enrolPractitioner({ name: 'Petra Ph', role: 'physician', pin: PIN })
  const patient = await holder(a, 1)
  const sites = [a.clinic().identity.site, clinicOf(b).identity.site].sort()
  await granted(a, patient, { sites, from: day(-1), until: day(100) })
  await weigh(a, patient, '70.1')
  await until('everything is final on both sides', async () => (await isAllFinal(a, 2)) && (await isAllFinal(b, 2)))
  const { origin, size } = a.clinic().replica.live.head
  return { a, b, physician, patient: patient.handle, origin, size }
}

/** The other clinic's log as a node shows it. */
async function logAt({ vault }: OpenVault, origin: string) {
  return (await vault.networkStatus()).logs.find((log) => log.origin === origin)
}

/** B again, with its IT signed in. */
async function started({ b }: Joined): Promise<OpenVault> {
  const open = await startVault(b.folder)
  await open.vault.signIn(b.it, PIN)
  return open
}

describe('what another clinic recorded is as final after a restart as before', () => {
  it('with nobody there: the votes are on the disk, and a chart that was opened at once is told', LIMIT, async () => {
    const joined = await shared()
    const { a, b, physician, patient, origin, size } = joined
    await a.vault.close()
    await b.vault.close()
    const open = await startVault(b.folder)
    await open.vault.signIn(physician, PIN)
    const { readings } = await open.vault.chart(patient, 1)
    expect(readings).toHaveLength(1)
    const isTold = () =>
      open.events.some((event) => event.kind === 'finality' && event.origin === origin && event.size === size)
    await until('it is told that all of it is final', isTold)
    const [row] = (await open.vault.chart(patient, 1)).readings
    expect(row?.status === 'verified' && row.position.grade.name).toBe('final')
    await open.vault.signIn(b.it, PIN)
    expect(await logAt(open, origin)).toMatchObject({ known: size, verified: size, final: size, votes: 2 })
  })

  it('with the votes gone from the disk, as soon as somebody is there who has them', LIMIT, async () => {
    const joined = await shared()
    const { b, origin, size } = joined
    await b.vault.close()
    damage(b.folder, (db) => db.exec('DELETE FROM cosignature'))
    const open = await started(joined)
    await until('it is final again', async () => (await logAt(open, origin))?.final === size, 60_000)
    // Nobody wrote anything for it.
    expect((await logAt(open, origin))?.known).toBe(size)
  })

  it('and never by rows that somebody put there', LIMIT, async () => {
    const joined = await shared()
    const { a, b, origin, size } = joined
    await a.vault.close()
    await b.vault.close()
    damage(b.folder, (db) => {
      const where = 'log = (SELECT id FROM log WHERE origin = ?)'
      const rows = db.prepare(`SELECT size, name, line FROM cosignature WHERE ${where}`).all(origin) as Row[]
      const put = db.prepare(`UPDATE cosignature SET line = ? WHERE ${where} AND size = ? AND name = ?`)
      // Good lines all of them, each under the name of another.
      for (const { size: at, name } of rows) {
        const line = rows.find((other) => other.name !== name)?.line
        put.run(line, origin, at, name)
      }
      expect(new Set(rows.map(({ name }) => name)).size).toBe(2)
    })
    const open = await started(joined)
    const isRead = () => open.events.some((event) => event.kind === 'finality' && event.origin === origin)
    await until('what is on the disk was read', isRead)
    expect(await logAt(open, origin)).toMatchObject({ known: size, verified: size, final: 0 })
  })
})
