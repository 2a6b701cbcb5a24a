/**
 * Puts an open clinic together, from its keystore and its database.
 *
 * @remarks
 * The replica is proven before anything else is built on it. Proven by `tests/main/core/vault/vault.test.ts` and the
 * tests of recovery.
 *
 * @packageDocumentation
 */
import { equalBytes } from '../../../shared/bytes.ts'
import type { HighWaterMark } from '../../keystore/high-water.ts'
import type { Keystore } from '../../keystore/keystore.ts'
import type { Store } from '../../store/store.ts'
import type { VaultEvent } from '../vault-service.ts'
import { readCopies, type ClinicFiles } from './clinic-files.ts'
import type { Moment } from '../../../shared/two-clocks.ts'
import { momentOf, type Clinic } from './clinic.ts'
import { ClockWatch } from './clock-watch.ts'
import { ConsentMarks } from './consent-marks.ts'
import { ConsentStandings } from './consent-standing.ts'
import { endOfKey } from './ended-keys.ts'
import { RecoveryNeeded } from './errors.ts'
import { readIdentity, type Identity } from './identity.ts'
import { OpenGlass } from './open-glass.ts'
import { Replica } from './replica.ts'
import { logSignerOf, settleKeys } from './role-keys.ts'
import { SharingRing } from './sharing-ring.ts'
import { MACHINE_SECRET, storeSiteSecrets } from './site-secrets.ts'
import { Standing } from './standing.ts'
import { SubjectKeys } from './subject-keys.ts'
import { Writer } from './writer.ts'

/** Planted rows that are moved to quarantine at a time. */
const PLANTED_ROWS = 1000

/** What a clinic is built with, and who hears of it. */
export interface Assembly {
  /** Tells this computer from others; null where nothing does. */
  readonly machineId: Uint8Array | null
  readonly random: (size: number) => Uint8Array
  /** Wall clock. */
  readonly nowMs: () => number
  /** A clock that nobody sets, in ms from any start. */
  readonly monotonicMs: () => number
  /** The same, going on while the computer sleeps. */
  readonly steadyMs: () => number
  readonly emit: (event: VaultEvent) => void
  /** The own log grew. */
  readonly committed: (clinic: Clinic) => void
  /** Cosignatures of a log of another node came. */
  readonly voted: (origin: string) => void
  /** There is a proof that a log has two versions. */
  readonly contested: (origin: string) => void
  /** Nothing can be written, for the moment or for good. */
  readonly failed: (error: unknown) => void
}

/**
 * @param files - Open, and left open when this throws.
 * @throws RecoveryNeeded when the own log may not be continued as it lies here.
 * @throws ApiFailure `KEYSTORE_DAMAGED`.
 */
export async function assembleClinic({ keystore, store }: ClinicFiles, assembly: Assembly): Promise<Clinic> {
  const { random, nowMs, monotonicMs, steadyMs, emit } = assembly
  const identity = readIdentity(keystore.secrets)
  const mark = markOf(identity, keystore.highWater.read())
  const isSamePlace = await isSameMachine(keystore, identity, assembly.machineId)
  const replica = Replica.open(store, identity, mark, readCopies(keystore), isSamePlace)
  removePlanted(store, replica, nowMs())
  await settleKeys({ keystore, store, replica })
  // A block that was committed just before a crash: its note may leave the process only once it is marked.
  const { note, size } = replica.head
  if (typeof mark !== 'object' || mark.size < size) keystore.highWater.write({ note, size })
  const standing = standingOf({ keystore, store, identity, replica }, assembly)
  const ring = SharingRing.read(keystore.secrets)
  const keys: SubjectKeys = new SubjectKeys({
    store,
    log: identity.log,
    ring,
    recoveryKey: identity.recoveryKey,
    newestEpoch: (subject) => replica.newestEpoch(subject),
    // Of a patient of another log of the site, what they decided there.
    sharing: async (subject) => (await clinic.foreign?.sharing(subject)) ?? gate.sharing(subject),
    random,
  })
  const now = (): Moment => momentOf({ monotonicMs, nowMs })
  const glass = new OpenGlass(now, (handle) => {
    emit({ kind: 'chart-changed', handle })
  })
  const gate: ConsentStandings = new ConsentStandings({
    ...{ replica, keys, grades: standing.grades, site: identity.site, nowMs },
    marks: new ConsentMarks(keystore),
    emergencyUntilMs: (handle) => glass.of(clinic.viewer?.handle ?? null, handle)?.untilMs ?? null,
  })
  await gate.rememberAll()
  const logSigner = logSignerOf({ keystore, replica })
  const writer = new Writer({
    ...{ replica, keys, highWater: keystore.highWater, logSigner, random, nowMs },
    committed: (grownTo) => {
      standing.committed()
      emit({ kind: 'ledger', size: grownTo })
      assembly.committed(clinic)
    },
    failed: assembly.failed,
  })
  const clinic: Clinic = {
    ...{ identity, keystore, store, replica, ring, keys, writer, logSigner, standing, gate, glass },
    ...{ random, nowMs, monotonicMs, emit },
    grades: standing.grades,
    clock: new ClockWatch({ nowMs, steadyMs, newestSealMs: () => replica.latestSealMs }),
    endOf: (...key) => endOfKey([replica, ...(clinic.foreign?.logsOf(identity.site) ?? [])], ...key),
    keepSecrets: () => storeSiteSecrets(keystore, store, identity),
    foreign: null,
    viewer: null,
  }
  return clinic
}

/**
 * The computer is the one on which this keystore is used from now on.
 *
 * @param machineId - Null where nothing tells computers apart.
 */
export async function rememberMachine(keystore: Keystore, machineId: Uint8Array | null): Promise<void> {
  if (machineId !== null) await keystore.secrets.put(MACHINE_SECRET, machineId)
}

/** False when the keystore was last used on another computer. Invented data may travel. */
async function isSameMachine(keystore: Keystore, { demo }: Identity, machine: Uint8Array | null): Promise<boolean> {
  if (machine === null || demo) return true
  const known = keystore.secrets.get(MACHINE_SECRET)
  if (known === null) await rememberMachine(keystore, machine)
  return known === null || equalBytes(known, machine)
}

/**
 * Cosignatures, grades and fork proofs.
 *
 * @throws RecoveryNeeded `forked` when there is a proof about the log that this node writes.
 */
function standingOf(
  parts: { keystore: Keystore; store: Store; identity: Identity; replica: Replica },
  { nowMs, emit, voted, contested, failed }: Assembly,
): Standing {
  const { identity, replica } = parts
  const standing: Standing = new Standing({
    ...parts,
    nowMs,
    changed: (origin) => {
      const log = replica.log(origin)
      if (log === null) voted(origin)
      else emit({ kind: 'finality', origin, size: standing.grades.finalSize(log) })
    },
    contested,
    failed,
  })
  if (standing.locker.isContested(identity.origin))
    throw new RecoveryNeeded('forked', 'there is a proof that this log has two versions')
  return standing
}

/** Rows that claim to stand beyond a head that was just proven are made up, and would stand in the way of every block. */
function removePlanted(store: Store, replica: Replica, nowMs: number): void {
  for (const { origin, head } of replica.logs) {
    const isClean =
      store.entryCount(origin) <= head.size &&
      store.checkpointsBeyond(origin, head.size, 1).length === 0 &&
      store.payloadPlaces(origin, head.size, 1).length === 0
    if (!isClean) while (store.removeBeyond(origin, head.size, nowMs, PLANTED_ROWS) > 0);
  }
}

/** A mark of an earlier incarnation says nothing of the live one: it was to be replaced by the first note of that. */
function markOf(
  identity: Identity,
  kept: HighWaterMark | 'missing' | 'damaged',
): HighWaterMark | 'missing' | 'damaged' {
  if (typeof kept !== 'object' || identity.openedWith === null) return kept
  const [origin] = kept.note.split('\n')
  const isEarlier = identity.closed.some((closed) => closed.origin === origin)
  return isEarlier ? { note: identity.openedWith, size: Number(identity.openedWith.split('\n')[1]) } : kept
}
