/**
 * Puts the parts together that work on an open clinic, and ends what a crash cut off.
 *
 * @remarks
 * Proven by `tests/main/core/vault/vault.test.ts`.
 *
 * @packageDocumentation
 */
import type { VaultState } from '../vault-service.ts'
import type { LocalCalls } from '../local-calls.ts'
import { settleGuest } from '../network/guest.ts'
import { NetworkService } from '../network/network-service.ts'
import type { StartPeers } from '../network/sockets.ts'
import { Accesses } from './accesses.ts'
import { Amendments } from './amendments.ts'
import { Assessments } from './assessments.ts'
import { Cards } from './cards.ts'
import type { Clinic } from './clinic.ts'
import { Consents } from './consents.ts'
import { DeviceChecks } from './device-checks.ts'
import { Emergencies } from './emergencies.ts'
import { Enrolments } from './enrolments.ts'
import { ErasureProposals } from './erasure-proposals.ts'
import { type CardShares, Erasures } from './erasure.ts'
import { RecoveryNeeded } from './errors.ts'
import { EvidenceViews } from './evidence-views.ts'
import { Exports } from './exports.ts'
import { Governance } from './governance.ts'
import { Imports } from './imports.ts'
import { KeptCopies } from './kept-copies.ts'
import { LedgerViews } from './ledger-views.ts'
import { Notices } from './notices.ts'
import { OutboxViews } from './outbox-views.ts'
import type { Outbox } from './outbox.ts'
import { Patients } from './patients.ts'
import { People } from './people.ts'
import { Readings } from './readings.ts'
import { Reviews } from './reviews.ts'
import { Tray } from './tray.ts'
import { Upkeep } from './upkeep.ts'
import type { Open } from './vault-requests.ts'

/** What the parts of an open clinic are built with, and who hears of them. */
export interface Surroundings {
  readonly calls: LocalCalls
  readonly startPeers: StartPeers
  readonly outbox: Outbox
  /** Path of the database. */
  readonly databaseFile: string
  /** The parts, while the clinic is open: what is told late finds nobody. */
  readonly opened: () => Open | null
  readonly noticed: (notices: VaultState['notices']) => void
  /** The own log ends here. */
  readonly ended: (why: RecoveryNeeded) => void
  /** Nothing can be written, for the moment or for good. */
  readonly failed: (error: unknown) => void
}

/** Builds every part. Nothing runs by itself before {@link startParts}. */
export async function openParts(clinic: Clinic, around: Surroundings): Promise<Open> {
  const people = new People(clinic)
  await settleGuest(clinic, people)
  const patients = new Patients(clinic)
  const ledger = new LedgerViews(clinic)
  const enrolments = new Enrolments(clinic)
  const tray = new Tray(clinic)
  const cards = new Cards(clinic)
  const copies = new KeptCopies(clinic)
  // What a crash cut off is ended before anybody works.
  people.settle()
  cards.settle()
  const erasures = erasuresOf(clinic, ledger, cards, around)
  const governance = new Governance(clinic, () => copies.keepAgain())
  return {
    ...{ clinic, people, patients, ledger, enrolments, tray, cards, copies, erasures, governance },
    network: networkOf(clinic, governance, around),
    outbox: new OutboxViews(clinic, around.outbox),
    notices: new Notices(clinic, around.noticed, () => around.opened()?.network.isAlone() ?? false),
    readings: new Readings(clinic, patients),
    deviceChecks: new DeviceChecks(clinic, enrolments, tray),
    upkeep: upkeepOf(clinic, erasures, around),
    amendments: new Amendments(clinic),
    assessments: new Assessments(clinic, patients),
    imports: new Imports(clinic, patients),
    exports: new Exports(clinic, patients, (...of) => ledger.receipt(...of)),
    accesses: new Accesses(clinic),
    reviews: new Reviews(clinic),
    consents: new Consents(clinic),
    emergencies: new Emergencies(clinic),
    erasureProposals: new ErasureProposals(clinic, erasures),
    evidence: new EvidenceViews(clinic),
  }
}

/** Starts what runs by itself: whoever may look is told first. */
export async function startParts({ clinic, notices, patients, upkeep, network }: Open, outbox: Outbox): Promise<void> {
  await notices.start(outbox)
  patients.charts.start()
  upkeep.start()
  clinic.standing.start()
  network.start()
}

function erasuresOf(clinic: Clinic, ledger: LedgerViews, held: Cards, { failed }: Surroundings): Erasures {
  const { logSigner } = clinic
  const receipt = (origin: string, index: number) => ledger.receipt(origin, index)
  // Keys of cards go with the patient, also from the copy of the site's secrets.
  const cards: CardShares = {
    count: (handle) => held.held(handle).length,
    forget: (handle) => {
      if (held.forget(handle) > 0) clinic.keepSecrets().catch(failed)
    },
  }
  const erasures = new Erasures({ clinic, logSigner, receipt, cards })
  // What a crash left over is gone before anybody looks.
  erasures.finish()
  return erasures
}

function upkeepOf(clinic: Clinic, erasures: Erasures, { databaseFile, opened }: Surroundings): Upkeep {
  const { replica, logSigner } = clinic
  return new Upkeep({
    ...{ clinic, logSigner, databaseFile },
    incidents: () => replica.incidents,
    reread: () => {
      replica.reread()
      erasures.finish()
    },
    isErased: (origin, index) =>
      erasures.erasedBy(origin, index) !== null || clinic.foreign?.isErased({ origin, index }) === true,
    holders: (signal) => opened()?.network.holders(signal) ?? [],
  })
}

function networkOf(clinic: Clinic, governance: Governance, around: Surroundings): NetworkService {
  const { calls, startPeers, opened, ended, failed } = around
  return new NetworkService({
    ...{ clinic, governance, startPeers, local: calls, fault: failed },
    ahead: () => ended(new RecoveryNeeded('peers-ahead', 'another site holds more of this log')),
    cloned: () => ended(new RecoveryNeeded('copied', 'two installations write this log')),
    peopleChanged: () => {
      opened()?.people.follow()
    },
    holderCame: () => {
      opened()?.upkeep.holderCame()
    },
  })
}
