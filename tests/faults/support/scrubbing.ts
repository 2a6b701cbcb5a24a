/** A scrub of a clinic that was damaged while it was closed, below the vault. */
import Database from 'better-sqlite3'
import type { RepairSource } from '../../../src/main/core/vault/repair.ts'
import { openSecondReplica } from '../../../src/main/core/vault/repair.ts'
import { Scrub, type ScrubProgress, type ScrubResult } from '../../../src/main/core/vault/scrub.ts'
import { recordIncidents } from '../../../src/main/core/vault/record-incidents.ts'
import { SECRETS, signerOf } from '../../../src/main/core/vault/genesis.ts'
import { SharingRing } from '../../../src/main/core/vault/sharing-ring.ts'
import { Standing } from '../../../src/main/core/vault/standing.ts'
import { signCheckpoint } from '../../../src/ledger/checkpoint.ts'
import { cleanUp, databaseOf } from './clinic.ts'
import { openParts, type Between, type Parts } from './parts.ts'

/** What `work` does to the database of a closed clinic. */
export function damage(folder: string, work: (db: Database.Database) => void): void {
  const db = new Database(databaseOf(folder))
  try {
    db.pragma('foreign_keys = OFF')
    work(db)
  } finally {
    db.close()
  }
}

/** Every row of the tables that a scrub repairs, as text, to compare what stands before and after. */
export function rowsOf(folder: string, tables = ['entry', 'payload', 'tile', 'checkpoint', 'epoch_key']): unknown {
  const db = new Database(databaseOf(folder), { readonly: true })
  try {
    return tables.map((table) => {
      const rows = db.prepare(`SELECT * FROM ${table}`).all() as Record<string, unknown>[]
      return rows
        .map((row) =>
          Object.entries(row).map(
            ([name, value]) => `${name}=${Buffer.isBuffer(value) ? value.toString('hex') : String(value)}`,
          ),
        )
        .map(String)
        .sort()
    })
  } finally {
    db.close()
  }
}

/** A scrub over open parts, without limits, and what it said. */
export interface OpenScrub extends Parts {
  readonly scrub: Scrub
  /** Not started: it signs only what the scrub asks for. */
  readonly standing: Standing
  readonly said: ScrubProgress[]
  run(sources?: readonly RepairSource[], signal?: AbortSignal): Promise<ScrubResult>
}

/** Opens a clinic's parts with a scrub. `pause` is called between slices. */
export async function openScrub(
  folder: string,
  practitioner: string,
  {
    between = {},
    pause,
    isErased = () => false,
  }: {
    between?: Between
    pause?: () => Promise<void>
    isErased?: (origin: string, index: number) => boolean
  } = {},
): Promise<OpenScrub> {
  const parts = await openParts(folder, practitioner, between)
  const { store, replica, identity, keystore, writer } = parts
  const secret = (name: string) => keystore.secrets.get(name) ?? new Uint8Array(0)
  const log = signerOf('log', secret(SECRETS.log))
  const said: ScrubProgress[] = []
  const untold = () => undefined
  const standing = new Standing({
    ...{ store, keystore, identity, replica, nowMs: Date.now },
    ...{ changed: untold, contested: untold, failed: untold },
  })
  const scrub = new Scrub({
    store,
    logs: () => replica.logs,
    ring: SharingRing.read(keystore.secrets),
    recoveryKey: identity.recoveryKey,
    openKey: () => Promise.resolve(null),
    isErased,
    signAgain: (head) => signCheckpoint(head, { name: head.origin, publicKey: log.publicKey }, (m) => log.sign(m)),
    standing,
    repaired: () => undefined,
    reportIncident: (...how) => recordIncidents({ store, writer, logSigner: log, nowMs: Date.now }, ...how),
    budget: {
      sliceMs: pause === undefined ? 1_000_000 : 0,
      pauseMs: 0,
      bytesPerS: 1e15,
      clockMs: () => performance.now(),
      pause: pause ?? (() => Promise.resolve()),
    },
    nowMs: Date.now,
  })
  const run = (sources: readonly RepairSource[] = [], signal = new AbortController().signal) =>
    scrub.run({ sources, signal, report: (progress) => said.push(progress) })
  return { ...parts, scrub, standing, said, run }
}

/** The replica in `folder` as a source of repairs. */
export function sourceOf(folder: string, own: string): RepairSource {
  const source = openSecondReplica(databaseOf(folder), databaseOf(own))
  cleanUp(() => source.close())
  return source
}
