/**
 * The vault: opens a data folder, holds its keys, and answers for everything that touches them.
 *
 * @remarks
 * A clinic lives in `<data>/clinic/` (keystore and database). It is made in `<data>/clinic.new/` and renamed when it is
 * complete, so that a crash during setup leaves nothing half made. Proven by `tests/main/core/vault/vault.test.ts`.
 *
 * @packageDocumentation
 */
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { API_CODES, type ApiCode } from '../../../shared/api/codes.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { assert, CodedError } from '../../../shared/errors.ts'
import { guardedFiles } from '../../keystore/errors.ts'
import { syncFolder } from '../../keystore/files.ts'
import { createKeystore, keystoreState, type KeystoreOptions } from '../../keystore/keystore.ts'
import type { Unlock } from '../../keystore/node-secret.ts'
import { openStore } from '../../store/open.ts'
import { ApiFailure } from '../failure.ts'
import { LocalCalls } from '../local-calls.ts'
import { reportFault } from '../report-fault.ts'
import { resourceFile } from '../resource-file.ts'
import type { VaultEvent, VaultHealth, VaultOptions, VaultService, VaultState } from '../vault-service.ts'
import { Amendments } from './amendments.ts'
import { Assessments } from './assessments.ts'
import { actorFor, type Clinic } from './clinic.ts'
import { Accesses } from './accesses.ts'
import { backUp } from './backup.ts'
import { type Assembly, assembleClinic, rememberMachine, sharingSecret } from './clinic-assembly.ts'
import { Consents } from './consents.ts'
import { DEMO_PINS_SECRET, fillDemoClinic } from './demo-clinic.ts'
import { DeviceChecks } from './device-checks.ts'
import { Emergencies } from './emergencies.ts'
import { Enrolments } from './enrolments.ts'
import { EvidenceViews } from './evidence-views.ts'
import { writeGenesis } from './genesis.ts'
import { Exports } from './exports.ts'
import { Governance } from './governance.ts'
import { readJson } from './identity.ts'
import { Imports } from './imports.ts'
import {
  clinicPaths,
  closeFiles,
  closingOnFailure,
  identityOf,
  openClinicFiles,
  writeCopies,
  type ClinicFiles,
} from './clinic-files.ts'
import { Guest, type GuestForm, makeGuest, settleGuest } from '../network/guest.ts'
import { openInvitation } from '../network/joining.ts'
import { NetworkService } from '../network/network-service.ts'
import { withRescued } from '../network/rescue.ts'
import type { StoreReader } from '../../store/store.ts'
import { startPeerThread } from '../../peer/peer-thread.ts'
import { LedgerViews } from './ledger-views.ts'
import { Outbox } from './outbox.ts'
import { OutboxViews } from './outbox-views.ts'
import { Notices } from './notices.ts'
import { Patients } from './patients.ts'
import { People } from './people.ts'
import { Readings } from './readings.ts'
import { RecoveryNeeded } from './errors.ts'
import { Recovery } from './recovery.ts'
import { recoveryKeyText } from './recovery-key.ts'
import { Reviews } from './reviews.ts'
import { openReplicaFile } from './repair.ts'
import { restoreClinic, type RestoreTools } from './restore.ts'
import { storeSiteSecrets } from './site-secrets.ts'
import { Tray } from './tray.ts'
import { Cards } from './cards.ts'
import { type CardShares, Erasures } from './erasure.ts'
import { ErasureProposals } from './erasure-proposals.ts'
import { Upkeep } from './upkeep.ts'
import { type Open, VaultRequests } from './vault-requests.ts'

const random = (size: number): Uint8Array => new Uint8Array(randomBytes(size))

/** Why nothing can be written for the moment: nothing was, and it may be tried again. */
const PASSING: ReadonlySet<ApiCode> = new Set(['DISK_FULL', 'DATA_FOLDER_READ_ONLY', 'DATA_FOLDER_IN_USE'])

const DemoPins = z.array(z.object({ handle: z.string(), pin: z.string() }))

const CLOSED: VaultState = {
  notices: [],
  state: 'starting',
  problem: null,
  recovery: null,
  joining: null,
  clinic: null,
  demo: false,
  systemKeystore: false,
  demoPins: [],
}

/** {@link VaultService} over real files. */
export class Vault extends VaultRequests implements VaultService {
  /** What people here wait for: whoever serves the vault counts it. */
  readonly calls = new LocalCalls()
  readonly #nowMs: () => number
  readonly #monotonicMs: () => number
  readonly #steadyMs: () => number
  readonly #startPeers: typeof startPeerThread
  #guest: Guest | null = null
  #options: VaultOptions | null = null
  #folder = ''
  #open: Open | null = null
  /** What opened the clinic that is open. */
  #unlock: Unlock | null = null
  /** Files that are open while nothing may be signed. */
  #stopped: { readonly files: ClinicFiles; readonly recovery: Recovery; readonly unlock: Unlock } | null = null
  #state: VaultState = CLOSED
  #isChanging = false

  /**
   * @param emit - Receives events.
   * @param nowMs - Wall clock.
   * @param monotonicMs - A clock that nobody sets, in ms from any start.
   * @param steadyMs - The same, going on while the computer sleeps; the wall clock when there is none to compare it with.
   * @param startPeers - Opens sockets.
   */
  constructor(
    emit: (event: VaultEvent) => void,
    nowMs: () => number,
    monotonicMs: () => number = () => performance.now(),
    steadyMs: () => number = nowMs,
    startPeers: typeof startPeerThread = startPeerThread,
  ) {
    super(emit)
    this.#nowMs = nowMs
    this.#monotonicMs = monotonicMs
    this.#steadyMs = steadyMs
    this.#startPeers = startPeers
  }

  async start(options: VaultOptions): Promise<VaultState> {
    this.#options = options
    this.#folder = options.dataFolder
    try {
      await this.#begin(options.demo)
    } catch (error) {
      this.#fail(error)
    }
    return this.#state
  }

  async close(): Promise<void> {
    const open = this.#open
    this.#open = null
    // With the keys of whoever asked for it.
    open?.clinic.writer.close()
    open?.people.signOut()
    open?.clinic.glass.endOthers(null)
    open?.notices.close()
    open?.patients.charts.close()
    await open?.network.close()
    await this.#guest?.close()
    this.#guest = null
    await open?.upkeep.close()
    await open?.cards.close()
    open?.clinic.standing.close()
    if (open !== null) closeFiles(open.clinic)
    this.#closeStopped()
  }

  #closeStopped(): void {
    const stopped = this.#stopped
    this.#stopped = null
    if (stopped !== null) closeFiles(stopped.files)
  }

  createClinic = (request: Parameters<VaultService['createClinic']>[0]) =>
    this.#alone('first-run', () => this.#create(request))

  async #create({
    clinicName,
    passphrase,
    administrator,
  }: Parameters<VaultService['createClinic']>[0]): Promise<{ recoveryKey: string }> {
    const unlock = this.#newUnlock(passphrase)
    let recoveryKey = ''
    await this.#make(async (folder) => {
      recoveryKey = await this.#fill(folder, unlock, { clinic: clinicName, demo: false }, async (clinic) => {
        const first = { name: administrator.name, role: 'it', pin: administrator.pin } as const
        await new People(clinic).enrolAs(first, this.#nowMs())
      })
    })
    await this.#openOrFail(unlock)
    return { recoveryKey }
  }

  /** How a new keystore opens: by the operating system where it keeps a secret for us, else by a passphrase. */
  #newUnlock(passphrase: string | null): Unlock {
    const secret = this.#options?.nodeSecret ?? null
    if (secret !== null) return { kind: 'system', nodeSecret: secret }
    if (passphrase === null) throw new ApiFailure('WEAK_PASSPHRASE')
    return { kind: 'passphrase', passphrase }
  }

  restoreClinic = (request: Parameters<VaultService['restoreClinic']>[0]) =>
    this.#alone('first-run', () => this.#restore(request))

  async #restore({ file, recoveryKey, passphrase }: Parameters<VaultService['restoreClinic']>[0]): Promise<void> {
    const unlock = this.#newUnlock(passphrase)
    const tools: RestoreTools = {
      ...{ random, nowMs: this.#nowMs },
      withRescued: (files, recovery, use) => this.#withRescued(files, recovery, use),
    }
    await this.#make((folder) => restoreClinic(folder, { file, recoveryKey, unlock }, this.#costs(), tools))
    await this.#openOrFail(unlock)
  }

  recover = (request: Parameters<VaultService['recover']>[0]) =>
    this.#alone('recovery-needed', () => this.#recover(request))

  async #recover({ recoveryKey, file }: Parameters<VaultService['recover']>[0]): Promise<void> {
    const stopped = this.#stopped
    if (stopped === null) throw new ApiFailure('WRONG_STATE')
    stopped.recovery.authorize(recoveryKey)
    const { files, recovery } = stopped
    if (file === null) await this.#withRescued(files, recovery, (copy) => recovery.run(copy))
    else {
      const copy = openReplicaFile(file, clinicPaths(this.#clinicFolder).database)
      try {
        await recovery.run(copy.reader)
      } finally {
        copy.close()
      }
    }
    await rememberMachine(files.keystore, this.#options?.machineId ?? null)
    this.#closeStopped()
    await this.#openOrFail(stopped.unlock)
  }

  joinNetwork = async (request: Parameters<VaultService['joinNetwork']>[0]) => {
    const recoveryKey = await this.#join({ kind: 'site', ...request }, request.passphrase)
    assert(recoveryKey !== null, 'a clinic has a recovery key')
    return { recoveryKey }
  }

  joinClinic = async ({ passphrase, invitation }: Parameters<VaultService['joinClinic']>[0]) => {
    await this.#join({ kind: 'workstation', invitation }, passphrase)
  }

  joinWithoutPeople = async (request: Parameters<VaultService['joinWithoutPeople']>[0]) => {
    const { passphrase, invitation } = request
    const { kind } = openInvitation(invitation, this.#nowMs())
    const form = kind === 'site' ? { kind, ...request, administrator: null } : { kind, invitation }
    return { recoveryKey: await this.#join(form, passphrase) }
  }

  /** What other nodes hold of the own log: a recovery must not leave out what is final there. */
  #withRescued(
    files: ClinicFiles,
    recovery: Recovery,
    use: (copy: StoreReader | null) => Promise<void>,
  ): Promise<void> {
    const roster = recovery.roster()
    if (roster === null) return use(null)
    const fault = (error: unknown): void => {
      reportFault(error)
    }
    const file = join(this.#folder, 'rescue.db')
    const [startPeers, monotonicMs] = [this.#startPeers, this.#monotonicMs]
    return withRescued({ files, roster, file, random, startPeers, monotonicMs, fault }, use)
  }

  health = async (): Promise<VaultHealth> => {
    await Promise.resolve()
    const { state, problem } = this.#state
    return { state, problem, network: this.#open?.network.health() ?? null }
  }

  #join(form: GuestForm, passphrase: string | null): Promise<string | null> {
    return this.#alone('first-run', async () => {
      const unlock = this.#newUnlock(passphrase)
      let recoveryKey: string | null = null
      await this.#make(async (folder) => {
        recoveryKey = await makeGuest(folder, unlock, form, this.#guestTools())
      }, this.#joiningFolder)
      await this.#call(unlock)
      return recoveryKey
    })
  }

  abandonJoining = () =>
    this.#alone('joining', async () => {
      await this.#guest?.abandon()
      this.#guest = null
      await this.#begin(false)
    })

  /** Calls whoever invited this site. */
  async #call(unlock: Unlock): Promise<void> {
    const guest = await Guest.open(
      {
        ...this.#guestTools(),
        folder: this.#joiningFolder,
        clinicFolder: this.#clinicFolder,
        startPeers: this.#startPeers,
        changed: (joining) => {
          this.#set({ joining })
        },
        joined: (by) => {
          this.#guest = null
          this.#openOrFail(by).catch((error: unknown) => {
            this.#fail(error)
          })
        },
        failed: (error) => {
          this.#fail(error)
        },
      },
      unlock,
    )
    this.#guest = guest
    this.#set({ ...CLOSED, state: 'joining', joining: guest.status, clinic: guest.clinic })
  }

  #guestTools() {
    return { random, nowMs: this.#nowMs, costs: this.#costs() }
  }

  get #joiningFolder(): string {
    return join(this.#folder, 'joining')
  }

  async backUp(file: string | null): Promise<{ file: string }> {
    await Promise.resolve()
    const { clinic } = this.ready()
    actorFor(clinic, 'administer.storage')
    return { file: await backUp(clinic, file ?? join(this.#folder, 'backups')) }
  }

  openDemo = () => this.#alone('first-run', () => this.#openDemo())

  async #openDemo(): Promise<void> {
    const [before, folder] = [this.#state, this.#folder]
    try {
      // A folder of its own: the demonstration must never become this workstation's clinic.
      this.#folder = join(folder, 'demo')
      makeFolder(this.#folder)
      await this.#begin(true)
    } catch (error) {
      this.#folder = folder
      this.#set(before)
      throw error
    }
  }

  /** Works wherever the data folder is known: the key that a note is sealed to lies beside it. */
  writeOutbox = (note: Parameters<VaultService['writeOutbox']>[0]) => {
    if (this.#options === null) throw new ApiFailure('WRONG_STATE')
    return this.#outbox.write(note)
  }

  get #outbox(): Outbox {
    return new Outbox(join(this.#folder, 'outbox'), { random, nowMs: this.#nowMs })
  }

  unlock = (passphrase: string) =>
    this.#alone('passphrase-needed', () => {
      const unlock: Unlock = { kind: 'passphrase', passphrase }
      return existsSync(this.#clinicFolder) ? this.#openOrFail(unlock) : this.#call(unlock)
    })

  /** Looks at the folder and goes as far as it can without a person. */
  async #begin(demo: boolean): Promise<void> {
    this.#clearMaking()
    if (!existsSync(this.#clinicFolder)) {
      if (existsSync(this.#joiningFolder)) await this.#goOnJoining()
      else if (demo) await this.#makeDemo()
      else this.#set({ ...CLOSED, state: 'first-run', systemKeystore: (this.#options?.nodeSecret ?? null) !== null })
      return
    }
    const state = keystoreState(join(this.#clinicFolder, 'keystore'))
    if (state === 'missing') throw new ApiFailure('KEYSTORE_DAMAGED')
    if (state === 'passphrase') {
      this.#set({ ...CLOSED, state: 'passphrase-needed' })
      return
    }
    // A demonstration opens with its own, also where the operating system keeps one for the clinic.
    const nodeSecret = this.#demoSecret() ?? this.#options?.nodeSecret ?? null
    if (nodeSecret === null) throw new ApiFailure('KEYSTORE_DAMAGED')
    await this.#openWith({ kind: 'system', nodeSecret })
  }

  async #goOnJoining(): Promise<void> {
    const nodeSecret = this.#options?.nodeSecret ?? null
    if (keystoreState(clinicPaths(this.#joiningFolder).keystore) === 'passphrase')
      this.#set({ ...CLOSED, state: 'passphrase-needed' })
    else if (nodeSecret === null) throw new ApiFailure('KEYSTORE_DAMAGED')
    else await this.#call({ kind: 'system', nodeSecret })
  }

  /** The demonstration's node secret lies beside it: it protects nothing, and its data are invented. */
  #demoSecret(): Uint8Array | null {
    const file = join(this.#folder, 'demo-secret')
    return existsSync(file) ? fromHex(readFileSync(file, 'utf8').trim()) : null
  }

  async #makeDemo(): Promise<void> {
    this.#set({ ...CLOSED, state: 'starting', demo: true })
    const nodeSecret = random(32)
    guardedFiles('keeping the secret of the demonstration', () => {
      writeFileSync(join(this.#folder, 'demo-secret'), `${toHex(nodeSecret)}\n`, { mode: 0o600 })
    })
    const unlock: Unlock = { kind: 'system', nodeSecret }
    const demo = { clinic: 'Riverside demonstration clinic', demo: true }
    await this.#make(async (folder) => {
      await this.#fill(folder, unlock, demo, fillDemoClinic)
    })
    await this.#openWith(unlock)
  }

  /** Makes a clinic beside the place where it will be, and moves it there when it is complete. */
  async #make(fill: (folder: string) => Promise<void>, place = this.#clinicFolder): Promise<void> {
    const making = join(this.#folder, 'clinic.new')
    this.#clearMaking()
    makeFolder(making)
    await fill(making)
    guardedFiles('putting the clinic into its place', () => {
      renameSync(making, place)
      syncFolder(this.#folder)
    })
  }

  /** What a crash during setup left is no clinic: nobody was told that there is one. */
  #clearMaking(): void {
    guardedFiles('clearing what an earlier attempt left', () => {
      rmSync(join(this.#folder, 'clinic.new'), { recursive: true, force: true })
    })
  }

  /** Keys, database and first entries of a new clinic in `folder`, closed again. Gives the recovery key to print. */
  async #fill(
    folder: string,
    unlock: Unlock,
    { clinic: name, demo }: { clinic: string; demo: boolean },
    fill: (clinic: Clinic) => Promise<void>,
  ): Promise<string> {
    const paths = clinicPaths(folder)
    const keystore = await createKeystore(paths.keystore, unlock, this.#costs())
    const store = closingOnFailure(keystore, () => openStore(paths.database, { mode: 'create' }))
    try {
      const contract = new Uint8Array(readFileSync(resourceFile('contracts', 'default-v1.cedar')))
      const request = { clinic: name, demo, contract, nowMs: this.#nowMs() }
      const { recoveryPrivateKey } = await writeGenesis(keystore, store, request, random)
      const clinic = await assembleClinic(
        { keystore, store },
        this.#assembly(() => undefined),
      )
      await fill(clinic)
      await this.#keepCopies(clinic)
      return recoveryKeyText(recoveryPrivateKey, clinic.identity.network)
    } finally {
      closeFiles({ store, keystore })
    }
  }

  /** A wrong passphrase may be tried again; everything else is where this start ends. */
  async #openOrFail(unlock: Unlock): Promise<void> {
    try {
      await this.#openWith(unlock)
    } catch (error) {
      if (codeOf(error) !== 'WRONG_PASSPHRASE') {
        this.#fail(error)
        return
      }
      this.#set({ state: 'passphrase-needed' })
      throw error
    }
  }

  async #openWith(unlock: Unlock): Promise<void> {
    this.#set({ ...this.#state, state: 'starting' })
    const files = await openClinicFiles(this.#clinicFolder, unlock, this.#costs())
    const { keystore } = files
    this.#unlock = unlock
    try {
      const clinic = await assembleClinic(files, this.#assembly(this.emit))
      const people = new People(clinic)
      await settleGuest(clinic, people)
      const patients = new Patients(clinic)
      const readings = new Readings(clinic, patients)
      const ledger = new LedgerViews(clinic)
      const enrolments = new Enrolments(clinic)
      const tray = new Tray(clinic)
      const cards = new Cards(clinic)
      // What a crash cut off is ended before anybody works.
      people.settle()
      cards.settle()
      const erasures = this.#erasuresOf(clinic, ledger, cards)
      const governance = this.#governanceOf(clinic)
      this.#open = {
        clinic,
        network: this.#networkOf(clinic, governance),
        people,
        patients,
        cards,
        outbox: new OutboxViews(clinic, this.#outbox),
        notices: new Notices(
          clinic,
          (notices) => {
            this.#set({ notices })
          },
          () => this.#open?.network.isAlone() ?? false,
        ),
        readings,
        enrolments,
        deviceChecks: new DeviceChecks(clinic, enrolments, tray),
        tray,
        ledger,
        upkeep: this.#upkeepOf(clinic, erasures),
        amendments: new Amendments(clinic),
        assessments: new Assessments(clinic, patients),
        imports: new Imports(clinic, patients),
        exports: new Exports(clinic, patients, (...of) => ledger.receipt(...of)),
        accesses: new Accesses(clinic),
        reviews: new Reviews(clinic),
        consents: new Consents(clinic),
        emergencies: new Emergencies(clinic),
        erasures,
        erasureProposals: new ErasureProposals(clinic, erasures),
        evidence: new EvidenceViews(clinic),
        governance,
      }
      const { identity } = clinic
      await this.#open.governance.resume()
      await this.#keepCopies(clinic)
      this.emit({ kind: 'ledger', size: clinic.replica.head.size })
      const pins = identity.demo ? DemoPins.parse(readJson(keystore.secrets, DEMO_PINS_SECRET) ?? []) : []
      this.#set({
        state: 'ready',
        problem: null,
        recovery: null,
        joining: null,
        clinic: identity.clinic,
        demo: identity.demo,
        systemKeystore: unlock.kind === 'system',
        demoPins: pins,
      })
      await this.#open.notices.start(this.#outbox, sharingSecret(keystore))
      this.#open.patients.charts.start()
      this.#open.upkeep.start()
      clinic.standing.start()
      this.#open.network.start()
    } catch (error) {
      await this.#open?.network.close()
      this.#open = null
      if (error instanceof RecoveryNeeded && this.#stop(files, error, unlock)) return
      closeFiles(files)
      throw error
    }
  }

  /** Keeps the files open for a recovery and says so. False when even that cannot be worked out. */
  #stop(files: ClinicFiles, { reason }: RecoveryNeeded, unlock: Unlock): boolean {
    const recovery = new Recovery(files, reason, { random, nowMs: this.#nowMs })
    const { clinic, demo } = identityOf(files)
    const status = recovery.status()
    this.#stopped = { files, recovery, unlock }
    this.#set({ ...this.#state, state: 'recovery-needed', problem: 'RECOVERY_NEEDED', recovery: status, clinic, demo })
    return true
  }

  #erasuresOf(clinic: Clinic, ledger: LedgerViews, cards: Cards): Erasures {
    const { logSigner } = clinic
    const receipt = (origin: string, index: number) => ledger.receipt(origin, index)
    const erasures = new Erasures({ clinic, logSigner, receipt, cards: this.#sharesOf(clinic, cards) })
    // What a crash left over is gone before anybody looks.
    erasures.finish()
    return erasures
  }

  /** Keys of cards go with the patient, also from the copy of the site's secrets. */
  #sharesOf(clinic: Clinic, cards: Cards): CardShares {
    return {
      count: (handle) => cards.held(handle).length,
      forget: (handle) => {
        if (cards.forget(handle) > 0) clinic.keepSecrets().catch((error: unknown) => this.#notWritable(error))
      },
    }
  }

  #governanceOf(clinic: Clinic): Governance {
    return new Governance(clinic, async () => {
      this.#copiesKept = -1
      await this.#keepCopies(clinic)
    })
  }

  #upkeepOf(clinic: Clinic, erasures: Erasures): Upkeep {
    const { identity, keystore, replica } = clinic
    return new Upkeep({
      clinic,
      pair: { publicKey: identity.sharingKey, privateKey: sharingSecret(keystore) },
      logSigner: clinic.logSigner,
      databaseFile: clinicPaths(this.#clinicFolder).database,
      incidents: () => replica.incidents,
      reread: () => {
        replica.reread()
        erasures.finish()
      },
      isErased: (origin, index) => erasures.erasedBy(origin, index) !== null,
      holders: (signal) => this.#open?.network.holders(signal) ?? [],
    })
  }

  #assembly(emit: (event: VaultEvent) => void): Assembly {
    return {
      machineId: this.#options?.machineId ?? null,
      ...{ random, nowMs: this.#nowMs, monotonicMs: this.#monotonicMs, steadyMs: this.#steadyMs, emit },
      committed: (clinic) => {
        if (this.#open?.clinic !== clinic) return
        this.#open.network.committed()
        this.#writable(clinic)
      },
      voted: (origin) => {
        this.#open?.network.voted(origin)
      },
      contested: (origin) => {
        this.#contested(origin)
      },
      failed: (error) => {
        this.#notWritable(error)
      },
    }
  }

  /** Somebody proved that a log has two versions. The own one ends here: nothing more is signed. */
  #contested(origin: string): void {
    if (origin === this.#open?.clinic.identity.origin)
      this.#endLog(new RecoveryNeeded('forked', 'there is a proof that this log has two versions'))
  }

  #networkOf(clinic: Clinic, governance: Governance): NetworkService {
    return new NetworkService({
      local: this.calls,
      ...{ clinic, governance, startPeers: this.#startPeers },
      ahead: () => {
        this.#endLog(new RecoveryNeeded('peers-ahead', 'another site holds more of this log'))
      },
      cloned: () => {
        this.#endLog(new RecoveryNeeded('copied', 'two installations write this log'))
      },
      peopleChanged: () => {
        this.#open?.people.follow()
      },
      holderCame: () => {
        this.#open?.upkeep.holderCame()
      },
      fault: (error) => {
        this.#notWritable(error)
      },
    })
  }

  /** The own log ends here: nothing more is signed before a recovery. */
  #endLog(failure: RecoveryNeeded): void {
    const [open, unlock] = [this.#open, this.#unlock]
    if (open === null || unlock === null) return
    const { people, patients, upkeep, clinic, notices, network } = open
    clinic.writer.stop()
    notices.close()
    patients.charts.close()
    people.signOut()
    this.#open = null
    network
      .close()
      .then(() => upkeep.close())
      .then(() => {
        clinic.standing.close()
        this.#stop(clinic, failure, unlock)
      })
      .catch((error: unknown) => {
        this.#fail(error)
      })
  }

  /**
   * Keeps copies where a damaged file cannot take them along: of the directory's entries beside the keystore, and of the
   * site's secrets, sealed to the printed recovery key, in the database.
   */
  #copiesKept = -1
  async #keepCopies({ replica, keystore, store, identity }: Clinic): Promise<void> {
    // Entries are only ever added: as many as before are the same.
    const count = replica.logs.reduce((sum, { directoryEntries }) => sum + directoryEntries.size, 0)
    if (this.#copiesKept === count) return
    await writeCopies(keystore, replica)
    await storeSiteSecrets(keystore, store, identity)
    this.#copiesKept = count
  }

  #writable(clinic: Clinic): void {
    if (this.#open?.clinic !== clinic) return
    if (this.#state.state === 'read-only') this.#set({ ...this.#state, state: 'ready', problem: null })
    this.#keepCopies(clinic).catch((error: unknown) => this.#notWritable(error))
  }

  /** No access can be recorded: nothing may be shown until it can. */
  #notWritable(error: unknown): void {
    const problem = codeOf(error)
    if (this.#open === null) return
    const mayPass = PASSING.has(problem)
    if (!mayPass) reportFault(error)
    this.#set({ ...this.#state, state: mayPass ? 'read-only' : 'failed', problem: mayPass ? problem : 'STATE_UNKNOWN' })
  }

  #fail(error: unknown): void {
    this.#set({ ...this.#state, state: 'failed', problem: codeOf(error) })
    if (codeOf(error) === 'INTERNAL') throw error
  }

  #set(state: Partial<VaultState>): void {
    this.#state = { ...this.#state, ...state }
    this.emit({ kind: 'state', state: this.#state })
  }

  /** What changes the state is done once: two windows, or a second click, must not do it at the same time. */
  async #alone<Value>(state: VaultState['state'], body: () => Promise<Value>): Promise<Value> {
    if (this.#state.state !== state || this.#isChanging) throw new ApiFailure('WRONG_STATE')
    this.#isChanging = true
    try {
      return await body()
    } finally {
      this.#isChanging = false
    }
  }

  protected opened(): Open | null {
    return this.#open
  }

  protected ready(): Open {
    if (this.#open === null) throw new ApiFailure('WRONG_STATE')
    if (this.#state.state === 'failed') throw new ApiFailure('STATE_UNKNOWN')
    return this.#open
  }

  get #clinicFolder(): string {
    return join(this.#folder, 'clinic')
  }

  #costs(): KeystoreOptions {
    const logN = this.#options?.scryptLogN
    return { now: this.#nowMs, ...(logN === undefined ? {} : { scryptLogN: logN }) }
  }
}

/** The folder above it exists: with `recursive`, Node reports a read-only disk as a missing folder. */
function makeFolder(folder: string): void {
  guardedFiles('making a folder', () => {
    if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 })
  })
}

function codeOf(error: unknown): ApiCode {
  const code: unknown = error instanceof CodedError ? error.code : null
  return API_CODES.find((known) => known === code) ?? 'INTERNAL'
}
