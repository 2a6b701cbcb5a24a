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
import {
  createKeystore,
  keystoreState,
  openKeystore,
  type Keystore,
  type KeystoreOptions,
} from '../../keystore/keystore.ts'
import type { Unlock } from '../../keystore/node-secret.ts'
import { openStore } from '../../store/open.ts'
import type { Store } from '../../store/store.ts'
import { ApiFailure } from '../failure.ts'
import { nodeHasher } from '../hasher.ts'
import { resourceFile } from '../resource-file.ts'
import type {
  DeviceOrigin,
  EnrolledDevice,
  ReadContext,
  VaultEvent,
  VaultOptions,
  VaultService,
  VaultState,
} from '../vault-service.ts'
import type { Measurement } from '../../../devices/measurement.ts'
import type { Clinic } from './clinic.ts'
import { DEMO_PINS_SECRET, fillDemoClinic } from './demo-clinic.ts'
import { Enrolments } from './enrolments.ts'
import { SECRETS, signerOf, writeGenesis } from './genesis.ts'
import { readIdentity, readJson, writeJson } from './identity.ts'
import { LedgerViews } from './ledger-views.ts'
import { Patients } from './patients.ts'
import { People } from './people.ts'
import { Readings } from './readings.ts'
import { Replica, RolledBack } from './replica.ts'
import { SubjectKeys } from './subject-keys.ts'
import { Tray } from './tray.ts'
import { Writer } from './writer.ts'

const random = (size: number): Uint8Array => new Uint8Array(randomBytes(size))

/** Why nothing can be written for the moment: nothing was, and it may be tried again. */
const PASSING: ReadonlySet<ApiCode> = new Set(['DISK_FULL', 'DATA_FOLDER_READ_ONLY', 'DATA_FOLDER_IN_USE'])

const DIRECTORY_SECRET = 'directory'
const DirectoryCopies = z.record(z.string().regex(/^\d+$/), z.string())
const DemoPins = z.array(z.object({ handle: z.string(), pin: z.string() }))

/** An open clinic with the parts that work on it. */
interface Open {
  readonly clinic: Clinic
  readonly people: People
  readonly patients: Patients
  readonly readings: Readings
  readonly enrolments: Enrolments
  readonly tray: Tray
  readonly ledger: LedgerViews
}

const CLOSED: VaultState = {
  state: 'starting',
  problem: null,
  clinic: null,
  demo: false,
  systemKeystore: false,
  demoPins: [],
}

/** {@link VaultService} over real files. */
export class Vault implements VaultService {
  readonly #emit: (event: VaultEvent) => void
  readonly #nowMs: () => number
  #options: VaultOptions | null = null
  #folder = ''
  #open: Open | null = null
  #state: VaultState = CLOSED

  /**
   * @param emit - Receives events.
   * @param nowMs - Wall clock.
   */
  constructor(emit: (event: VaultEvent) => void, nowMs: () => number) {
    this.#emit = emit
    this.#nowMs = nowMs
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
    open?.people.signOut()
    await Promise.resolve()
    if (open !== null) closeBoth(open.clinic)
  }

  async createClinic({
    clinicName,
    passphrase,
    administrator,
  }: Parameters<VaultService['createClinic']>[0]): Promise<{ recoveryKey: string }> {
    this.#require('first-run')
    const secret = this.#options?.nodeSecret ?? null
    if (secret === null && passphrase === null) throw new ApiFailure('WEAK_PASSPHRASE')
    const unlock: Unlock =
      secret === null ? { kind: 'passphrase', passphrase: passphrase ?? '' } : { kind: 'system', nodeSecret: secret }
    const recovery = await this.#create(unlock, clinicName, false, async (clinic) => {
      await new People(clinic).enrolAs({ name: administrator.name, role: 'it', pin: administrator.pin }, this.#nowMs())
    })
    await this.#openOrFail(unlock)
    return { recoveryKey: recoveryText(recovery) }
  }

  async openDemo(): Promise<void> {
    this.#require('first-run')
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

  async unlock(passphrase: string): Promise<void> {
    this.#require('passphrase-needed')
    await this.#openOrFail({ kind: 'passphrase', passphrase })
  }

  practitioners = () => this.#ready().people.signInNames()
  people = () => this.#ready().people.list()
  signIn = (handle: string, pin: string) => this.#ready().people.signIn(handle, pin)
  enrolPractitioner = (request: Parameters<VaultService['enrolPractitioner']>[0]) => this.#ready().people.enrol(request)
  unattributedDamage = async () => Promise.resolve(this.#ready().clinic.replica.unattributedDamage().length)
  searchPatients = (text: string) => this.#ready().patients.search(text)
  registerPatient = (patient: Parameters<VaultService['registerPatient']>[0]) =>
    this.#ready().patients.register(patient)
  chart = (handle: string, generation: number) => this.#ready().patients.chart(handle, generation)
  patient = (handle: string) => this.#ready().patients.one(handle)
  enrolments = () => this.#ready().enrolments.list()
  enrolDevice = (origin: DeviceOrigin, label: string) => this.#ready().enrolments.enrol(origin, label)

  signOut(): Promise<void> {
    this.#open?.people.signOut()
    return Promise.resolve()
  }

  draftsOf = async (
    origin: DeviceOrigin,
    enrolled: EnrolledDevice | null,
    measurements: readonly Measurement[],
    context: ReadContext,
  ) => Promise.resolve(this.#ready().readings.draftsOf(origin, enrolled, measurements, context))

  async signReadings(request: Parameters<VaultService['signReadings']>[0]) {
    const { readings, tray, clinic } = this.#ready()
    const rows = await readings.sign(request)
    if (request.late !== null) clinic.emit({ kind: 'tray', count: tray.count() })
    return rows
  }

  putTray = async (...[reason, drafts]: Parameters<VaultService['putTray']>) => {
    await Promise.resolve()
    this.#ready().tray.put(reason, drafts)
  }
  tray = async () => Promise.resolve(this.#ready().tray.list())
  trayDrafts = async (ids: readonly string[]) => Promise.resolve(this.#ready().tray.drafts(ids))
  trayCount = async () => Promise.resolve(this.#open?.tray.count() ?? 0)
  discardTray = async (ids: readonly string[], reason: string) => {
    await Promise.resolve()
    this.#ready().tray.discard(ids, reason)
  }

  ledgerSummary = async () => Promise.resolve(this.#ready().ledger.summary())
  blocks = async (before: number | null, limit: number) => Promise.resolve(this.#ready().ledger.blocks(before, limit))
  entries = async (from: number, limit: number) => Promise.resolve(this.#ready().ledger.entries(from, limit))
  proof = async (index: number) => Promise.resolve(this.#ready().ledger.proof(index))
  receipt = async (index: number) => Promise.resolve(this.#ready().ledger.receipt(index))
  verifyAll = (run: number) =>
    this.#ready().ledger.verifyAll(run, (event) => {
      this.#emit({ kind: 'verify-all', run, event })
    })
  cancelVerifyAll = async (run: number) => {
    await Promise.resolve()
    this.#open?.ledger.cancel(run)
  }

  /** Looks at the folder and goes as far as it can without a person. */
  async #begin(demo: boolean): Promise<void> {
    this.#clearMaking()
    if (!existsSync(this.#clinicFolder)) {
      if (demo) await this.#makeDemo()
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
    await this.#create(unlock, 'Riverside demonstration clinic', true, fillDemoClinic)
    await this.#openWith(unlock)
  }

  /** Makes a clinic beside the place where it will be, and moves it there when it is complete. */
  async #create(
    unlock: Unlock,
    name: string,
    demo: boolean,
    fill: (clinic: Clinic) => Promise<void>,
  ): Promise<Uint8Array> {
    const making = join(this.#folder, 'clinic.new')
    this.#clearMaking()
    makeFolder(making)
    const recoveryKey = await this.#fill(making, unlock, { clinic: name, demo }, fill)
    guardedFiles('putting the clinic into its place', () => {
      renameSync(making, this.#clinicFolder)
      syncFolder(this.#folder)
    })
    return recoveryKey
  }

  /** What a crash during setup left is no clinic: nobody was told that there is one. */
  #clearMaking(): void {
    guardedFiles('clearing what an earlier attempt left', () => {
      rmSync(join(this.#folder, 'clinic.new'), { recursive: true, force: true })
    })
  }

  /** Keys, database and first entries of a new clinic in `folder`, closed again. */
  async #fill(
    folder: string,
    unlock: Unlock,
    { clinic: name, demo }: { clinic: string; demo: boolean },
    fill: (clinic: Clinic) => Promise<void>,
  ): Promise<Uint8Array> {
    const keystore = await createKeystore(join(folder, 'keystore'), unlock, this.#costs())
    const store = closingOnFailure(keystore, () => openStore(join(folder, 'ledger.db'), { mode: 'create' }))
    try {
      const contract = new Uint8Array(readFileSync(resourceFile('contracts', 'default-v1.json')))
      const request = { clinic: name, demo, contract, nowMs: this.#nowMs() }
      const { recoveryPrivateKey } = await writeGenesis(keystore, store, request, random)
      const clinic = await this.#assemble(keystore, store, () => undefined)
      await fill(clinic)
      await this.#saveCopies(clinic)
      return recoveryPrivateKey
    } finally {
      closeBoth({ store, keystore })
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
    const keystore = await openKeystore(join(this.#clinicFolder, 'keystore'), unlock, this.#costs())
    const file = join(this.#clinicFolder, 'ledger.db')
    const store = closingOnFailure(keystore, () => openStore(file, { mode: 'existing' }))
    try {
      const clinic = await this.#assemble(keystore, store, this.#emit)
      const people = new People(clinic)
      const patients = new Patients(clinic)
      const readings = new Readings(clinic, patients)
      this.#open = {
        clinic,
        people,
        patients,
        readings,
        enrolments: new Enrolments(clinic),
        tray: new Tray(clinic),
        ledger: new LedgerViews(clinic),
      }
      const { identity } = clinic
      this.#emit({ kind: 'ledger', size: clinic.replica.head.size })
      const pins = identity.demo ? DemoPins.parse(readJson(keystore.secrets, DEMO_PINS_SECRET) ?? []) : []
      this.#set({
        state: 'ready',
        problem: null,
        clinic: identity.clinic,
        demo: identity.demo,
        systemKeystore: unlock.kind === 'system',
        demoPins: pins,
      })
    } catch (error) {
      this.#open = null
      closeBoth({ store, keystore })
      throw error
    }
  }

  /** Puts an open clinic together. The replica is proven before anything else is built on it. */
  async #assemble(keystore: Keystore, store: Store, emit: (event: VaultEvent) => void): Promise<Clinic> {
    const identity = readIdentity(keystore.secrets)
    const copies = DirectoryCopies.parse(readJson(keystore.secrets, DIRECTORY_SECRET) ?? {})
    const copyMap = new Map(Object.entries(copies).map(([index, hex]) => [Number(index), fromHex(hex)]))
    const mark = keystore.highWater.read()
    const replica = Replica.open(store, identity, mark, copyMap)
    // A block that was committed just before a crash: its note may leave the process only once it is marked.
    const { note, size } = replica.head
    if (typeof mark !== 'object' || mark.size < size) keystore.highWater.write({ note, size })
    const privateKey = secret(keystore, SECRETS.sharing)
    const keys = new SubjectKeys({
      store,
      pair: { publicKey: identity.sharingKey, privateKey },
      recoveryKey: identity.recoveryKey,
      newestEpoch: (subject) => replica.newestEpoch(subject),
      random,
    })
    const logSigner = signerOf('log', secret(keystore, SECRETS.log))
    const nowMs = this.#nowMs
    const writer = new Writer({
      replica,
      keys,
      highWater: keystore.highWater,
      logSigner,
      random,
      nowMs,
      committed: (size) => {
        emit({ kind: 'ledger', size })
        this.#writable(clinic)
      },
      failed: (error) => {
        this.#notWritable(error)
      },
    })
    const clinic: Clinic = { identity, keystore, store, replica, keys, writer, random, nowMs, emit, viewer: null }
    return Promise.resolve(clinic)
  }

  /** Keeps copies of newly verified directory entries where a damaged database cannot take them along. */
  #savedDirectory: unknown = null
  async #saveCopies({ replica, keystore }: Clinic): Promise<void> {
    if (this.#savedDirectory === replica.directory) return
    const saving = replica.directory
    await writeJson(
      keystore.secrets,
      DIRECTORY_SECRET,
      Object.fromEntries([...replica.directoryEntries].map(([index, bytes]) => [index, toHex(bytes)])),
    )
    this.#savedDirectory = saving
  }

  #writable(clinic: Clinic): void {
    if (this.#open?.clinic !== clinic) return
    if (this.#state.state === 'read-only') this.#set({ ...this.#state, state: 'ready', problem: null })
    this.#saveCopies(clinic).catch((error: unknown) => this.#notWritable(error))
  }

  /** No access can be recorded: nothing may be shown until it can. */
  #notWritable(error: unknown): void {
    const problem = codeOf(error)
    if (this.#open === null) return
    const mayPass = PASSING.has(problem)
    this.#set({ ...this.#state, state: mayPass ? 'read-only' : 'failed', problem: mayPass ? problem : 'STATE_UNKNOWN' })
  }

  #fail(error: unknown): void {
    const state = error instanceof RolledBack ? 'rolled-back' : 'failed'
    this.#set({ ...this.#state, state, problem: codeOf(error) })
    if (codeOf(error) === 'INTERNAL') throw error
  }

  #set(state: Partial<VaultState>): void {
    this.#state = { ...this.#state, ...state }
    this.#emit({ kind: 'state', state: this.#state })
  }

  #require(state: VaultState['state']): void {
    if (this.#state.state !== state) throw new ApiFailure('WRONG_STATE')
  }

  #ready(): Open {
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

function closeBoth({ store, keystore }: { store: Store; keystore: Keystore }): void {
  try {
    store.close()
  } finally {
    keystore.close()
  }
}

/** What `open` opens lives as long as the keystore, and the keystore no longer than that. */
function closingOnFailure(keystore: Keystore, open: () => Store): Store {
  try {
    return open()
  } catch (error) {
    keystore.close()
    throw error
  }
}

function secret(keystore: Keystore, name: string): Uint8Array {
  const bytes = keystore.secrets.get(name)
  if (bytes === null) throw new ApiFailure('KEYSTORE_DAMAGED')
  assert(bytes.length === 32, 'secrets are 32 bytes')
  return bytes
}

function codeOf(error: unknown): ApiCode {
  const code: unknown = error instanceof CodedError ? error.code : null
  return API_CODES.find((known) => known === code) ?? 'INTERNAL'
}

/** The recovery key in groups that can be read aloud, with a check at the end. */
function recoveryText(key: Uint8Array): string {
  const check = toHex(nodeHasher.sha256(key)).slice(0, 8)
  return (`${toHex(key)}${check}`.toUpperCase().match(/.{8}/g) ?? []).join('-')
}
