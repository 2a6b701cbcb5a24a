/**
 * The vault: opens a data folder, holds its keys, and answers for everything that touches them.
 *
 * @remarks
 * What changes its state is here: making, opening, joining, recovering and closing a clinic. What an open clinic answers
 * is in `vault-requests.ts`, what it is made of in `open-clinic.ts`. Proven by `tests/main/core/vault/vault.test.ts`.
 *
 * @packageDocumentation
 */
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { API_CODES, type ApiCode } from '../../../shared/api/codes.ts'
import type { InvitationFacts } from '../../../shared/api/schemas.ts'
import { assert, CodedError } from '../../../shared/errors.ts'
import { keystoreState, type Keystore, type KeystoreOptions } from '../../keystore/keystore.ts'
import type { Unlock } from '../../keystore/node-secret.ts'
import { startPeerThread } from '../../peer/peer-thread.ts'
import type { StoreReader } from '../../store/store.ts'
import { ApiFailure } from '../failure.ts'
import { LocalCalls } from '../local-calls.ts'
import { Guest, type GuestForm, makeGuest } from '../network/guest.ts'
import { openInvitation } from '../network/joining.ts'
import { withRescued } from '../network/rescue.ts'
import type { StartPeers } from '../network/sockets.ts'
import { reportFault } from '../report-fault.ts'
import type { VaultEvent, VaultHealth, VaultOptions, VaultService, VaultState } from '../vault-service.ts'
import { backUp } from './backup.ts'
import { type Assembly, assembleClinic } from './clinic-assembly.ts'
import { clinicPaths, closeFiles, openClinicFiles, type ClinicFiles } from './clinic-files.ts'
import { actorFor, type Clinic } from './clinic.ts'
import { DataFolder } from './data-folder.ts'
import { DEMO_PINS_SECRET, fillDemoClinic } from './demo-clinic.ts'
import { RecoveryNeeded } from './errors.ts'
import { readJson } from './identity.ts'
import { localInstant } from './local-time.ts'
import { makeClinic, type NewClinic } from './new-clinic.ts'
import { openParts, startParts, type Surroundings } from './open-clinic.ts'
import { Outbox } from './outbox.ts'
import { People } from './people.ts'
import type { Recovery } from './recovery.ts'
import { presence } from './presence.ts'
import { forgetPrinted, unprintedKey } from './unprinted-key.ts'
import { restoreClinic, type RestoreTools } from './restore.ts'
import { StoppedClinic } from './stopped-clinic.ts'
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
  recoveryKeyWaits: false,
}

/** {@link VaultService} over real files. */
export class Vault extends VaultRequests implements VaultService {
  /** What people here wait for: whoever serves the vault counts it. */
  readonly calls = new LocalCalls()
  readonly #nowMs: () => number
  readonly #monotonicMs: () => number
  readonly #steadyMs: () => number
  readonly #startPeers: StartPeers
  #guest: Guest | null = null
  #options: VaultOptions | null = null
  #folder = new DataFolder('')
  #open: Open | null = null
  /** What opened the clinic that is open. */
  #unlock: Unlock | null = null
  /** While nothing may be signed. */
  #stopped: StoppedClinic | null = null
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
    startPeers: StartPeers = startPeerThread,
  ) {
    super(emit)
    this.#nowMs = nowMs
    this.#monotonicMs = monotonicMs
    this.#steadyMs = steadyMs
    this.#startPeers = startPeers
  }

  async start(options: VaultOptions): Promise<VaultState> {
    this.#options = options
    this.#folder = new DataFolder(options.dataFolder)
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
    stopped?.close()
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
    const fill = async (clinic: Clinic): Promise<void> => {
      const first = { name: administrator.name, role: 'it', pin: administrator.pin } as const
      await new People(clinic).enrolAs(first, this.#nowMs())
    }
    await this.#folder.put(this.#folder.clinic, async (folder) => {
      recoveryKey = await this.#makeClinic(folder, { clinic: clinicName, demo: false, unlock, fill })
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
    await this.#folder.put(this.#folder.clinic, (folder) =>
      restoreClinic(folder, { file, recoveryKey, unlock }, this.#costs(), this.#restoreTools()),
    )
    await this.#openOrFail(unlock)
  }

  recover = (request: Parameters<VaultService['recover']>[0]) =>
    this.#alone('recovery-needed', () => this.#recover(request))

  async #recover(request: Parameters<VaultService['recover']>[0]): Promise<void> {
    const stopped = this.#stopped
    if (stopped === null) throw new ApiFailure('WRONG_STATE')
    await stopped.recover(request, this.#folder.clinic, this.#options?.machineId ?? null)
    this.#closeStopped()
    await this.#openOrFail(stopped.unlock)
  }

  #restoreTools(): RestoreTools {
    return {
      ...{ random, nowMs: this.#nowMs },
      withRescued: (files, recovery, use) => this.#withRescued(files, recovery, use),
    }
  }

  checkInvitation = async (text: string): Promise<InvitationFacts> => {
    await Promise.resolve()
    if (this.#state.state !== 'first-run') throw new ApiFailure('WRONG_STATE')
    const { kind, site, expiresS } = openInvitation(text, this.#nowMs())
    return { kind, inviter: site, expiresAt: localInstant(expiresS * 1000) }
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
    await this.#join(form, passphrase)
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
    const [startPeers, monotonicMs] = [this.#startPeers, this.#monotonicMs]
    return withRescued({ files, roster, file: this.#folder.rescue, random, startPeers, monotonicMs, fault }, use)
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
      await this.#folder.put(this.#folder.joining, async (folder) => {
        recoveryKey = await makeGuest(folder, unlock, form, this.#guestTools())
      })
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
        folder: this.#folder.joining,
        clinicFolder: this.#folder.clinic,
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
    const recoveryKeyWaits = unprintedKey(guest.keystore) !== null
    this.#set({ ...CLOSED, state: 'joining', joining: guest.status, clinic: guest.clinic, recoveryKeyWaits })
  }

  #guestTools() {
    return { random, nowMs: this.#nowMs, costs: this.#costs() }
  }

  async showRecoveryKey(pin: string): Promise<{ recoveryKey: string | null }> {
    const { clinic } = this.ready()
    actorFor(clinic, 'administer.storage')
    await presence(clinic, pin)
    return { recoveryKey: unprintedKey(clinic.keystore) }
  }

  async recoveryKeyKept(text: string): Promise<void> {
    await Promise.resolve()
    const keystore = this.#keystore
    if (keystore === null) throw new ApiFailure('WRONG_STATE')
    forgetPrinted(keystore, text)
    this.#set({ recoveryKeyWaits: false })
  }

  async unprintedRecoveryKey(): Promise<string | null> {
    await Promise.resolve()
    return this.#keystore === null ? null : unprintedKey(this.#keystore)
  }

  /** Of the clinic that is open, or that waits to be taken in. */
  get #keystore(): Keystore | null {
    return this.#open?.clinic.keystore ?? this.#guest?.keystore ?? null
  }

  async backUp(file: string | null): Promise<{ file: string }> {
    await Promise.resolve()
    const { clinic } = this.ready()
    actorFor(clinic, 'administer.storage')
    return { file: await backUp(clinic, file ?? this.#folder.backups) }
  }

  openDemo = () => this.#alone('first-run', () => this.#openDemo())

  async #openDemo(): Promise<void> {
    const [before, folder] = [this.#state, this.#folder]
    try {
      this.#folder = folder.demo()
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
    return new Outbox(this.#folder.outbox, { random, nowMs: this.#nowMs })
  }

  unlock = (passphrase: string) =>
    this.#alone('passphrase-needed', () => {
      const unlock: Unlock = { kind: 'passphrase', passphrase }
      return this.#folder.hasClinic ? this.#openOrFail(unlock) : this.#call(unlock)
    })

  /** Looks at the folder and goes as far as it can without a person. */
  async #begin(demo: boolean): Promise<void> {
    this.#folder.clear()
    if (!this.#folder.hasClinic) {
      if (this.#folder.isJoining) await this.#goOnJoining()
      else if (demo) await this.#makeDemo()
      else this.#set({ ...CLOSED, state: 'first-run', systemKeystore: (this.#options?.nodeSecret ?? null) !== null })
      return
    }
    const state = keystoreState(clinicPaths(this.#folder.clinic).keystore)
    if (state === 'missing') throw new ApiFailure('KEYSTORE_DAMAGED')
    if (state === 'passphrase') {
      this.#set({ ...CLOSED, state: 'passphrase-needed' })
      return
    }
    // A demonstration opens with its own, also where the operating system keeps one for the clinic.
    const nodeSecret = this.#folder.demoSecret() ?? this.#options?.nodeSecret ?? null
    if (nodeSecret === null) throw new ApiFailure('KEYSTORE_DAMAGED')
    await this.#openWith({ kind: 'system', nodeSecret })
  }

  async #goOnJoining(): Promise<void> {
    const nodeSecret = this.#options?.nodeSecret ?? null
    if (keystoreState(clinicPaths(this.#folder.joining).keystore) === 'passphrase')
      this.#set({ ...CLOSED, state: 'passphrase-needed' })
    else if (nodeSecret === null) throw new ApiFailure('KEYSTORE_DAMAGED')
    else await this.#call({ kind: 'system', nodeSecret })
  }

  async #makeDemo(): Promise<void> {
    this.#set({ ...CLOSED, state: 'starting', demo: true })
    const nodeSecret = random(32)
    this.#folder.keepDemoSecret(nodeSecret)
    const unlock: Unlock = { kind: 'system', nodeSecret }
    const clinic = 'Riverside demonstration clinic'
    await this.#folder.put(this.#folder.clinic, async (folder) => {
      await this.#makeClinic(folder, { clinic, demo: true, unlock, fill: fillDemoClinic })
    })
    await this.#openWith(unlock)
  }

  #makeClinic(folder: string, clinic: Omit<NewClinic, 'costs' | 'assembly'>): Promise<string> {
    return makeClinic(folder, { ...clinic, costs: this.#costs(), assembly: this.#assembly(() => undefined) })
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
    const files = await openClinicFiles(this.#folder.clinic, unlock, this.#costs())
    this.#unlock = unlock
    try {
      const clinic = await assembleClinic(files, this.#assembly(this.emit))
      const open = await openParts(clinic, this.#surroundings())
      this.#open = open
      await open.governance.resume()
      await open.copies.keep()
      this.emit({ kind: 'ledger', size: clinic.replica.head.size })
      this.#setReady(clinic, unlock)
      await startParts(open, this.#outbox)
    } catch (error) {
      await this.#open?.network.close()
      this.#open = null
      this.#stopOrClose(files, error, unlock)
    }
  }

  #setReady({ identity, keystore }: Clinic, unlock: Unlock): void {
    const { clinic, demo } = identity
    const demoPins = demo ? DemoPins.parse(readJson(keystore.secrets, DEMO_PINS_SECRET) ?? []) : []
    this.#set({
      ...{ state: 'ready', problem: null, recovery: null, joining: null },
      ...{ clinic, demo, demoPins, systemKeystore: unlock.kind === 'system' },
      recoveryKeyWaits: unprintedKey(keystore) !== null,
    })
  }

  #stopOrClose(files: ClinicFiles, error: unknown, unlock: Unlock): void {
    try {
      if (!(error instanceof RecoveryNeeded)) throw error
      this.#stop(files, error, unlock)
    } catch (failure) {
      closeFiles(files)
      throw failure
    }
  }

  /** Keeps the files open for a recovery and says so. */
  #stop(files: ClinicFiles, why: RecoveryNeeded, unlock: Unlock): void {
    const stopped = new StoppedClinic(files, why, unlock, this.#restoreTools())
    const { status: recovery, identity } = stopped
    const { clinic, demo } = identity
    this.#stopped = stopped
    this.#set({ ...this.#state, state: 'recovery-needed', problem: 'RECOVERY_NEEDED', recovery, clinic, demo })
  }

  #surroundings(): Surroundings {
    return {
      ...{ calls: this.calls, startPeers: this.#startPeers, outbox: this.#outbox },
      databaseFile: clinicPaths(this.#folder.clinic).database,
      opened: () => this.#open,
      noticed: (notices) => {
        this.#set({ notices })
      },
      ended: (why) => {
        this.#endLog(why)
      },
      failed: (error) => {
        this.#notWritable(error)
      },
    }
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

  #writable(clinic: Clinic): void {
    if (this.#open?.clinic !== clinic) return
    if (this.#state.state === 'read-only') this.#set({ ...this.#state, state: 'ready', problem: null })
    this.#open.copies.keep().catch((error: unknown) => this.#notWritable(error))
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

  #costs(): KeystoreOptions {
    const logN = this.#options?.scryptLogN
    return { now: this.#nowMs, ...(logN === undefined ? {} : { scryptLogN: logN }) }
  }
}

function codeOf(error: unknown): ApiCode {
  const code: unknown = error instanceof CodedError ? error.code : null
  return API_CODES.find((known) => known === code) ?? 'INTERNAL'
}
