/** A site as an experiment handles it: started, asked, killed, started again. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { connect, type Remote } from '../../../src/main/core/worker-port.ts'
import type { VaultEvent, VaultState } from '../../../src/main/core/vault-service.ts'
import type { NetworkStatus } from '../../../src/shared/api/schemas.ts'
import { PIN, weight } from '../../faults/support/values.ts'
import type { Site as SiteService } from './site-process.ts'
import { until } from './wait.ts'

const PROGRAM = join(import.meta.dirname, 'site-process.ts')

/** A process that runs. */
interface Running {
  readonly child: ChildProcess
  readonly vault: Remote<SiteService>
  readonly exit: Promise<void>
}

/** On which machine a site runs: this one, or a part of it that looks like another. */
export interface Place {
  /** Address at which others reach it. */
  readonly host: string
  /** Command that runs another command there; empty for this machine. */
  readonly wrapper: readonly string[]
}

export const HERE: Place = { host: '127.0.0.1', wrapper: [] }

/** See the file's comment. */
export class Site {
  readonly name: string
  readonly folder: string
  readonly port: number
  readonly place: Place
  /** Ms by which its wall clock is off. */
  clockOffsetMs = 0
  /** Set once there is somebody. */
  it = ''
  nurse = ''
  patient = ''
  state: VaultState['state'] = 'starting'
  /** Why it must be recovered; empty while it need not be. */
  reason = ''
  /** What it said on standard error. */
  said = ''
  #running: Running | null = null

  constructor(name: string, folder: string, port: number, place: Place = HERE) {
    this.name = name
    this.folder = folder
    this.port = port
    this.place = place
  }

  /** Where others reach it. */
  get address(): string {
    return `${this.place.host}:${this.port}`
  }

  get isUp(): boolean {
    return this.#running !== null
  }

  /** File of the database. */
  get database(): string {
    return join(this.folder, 'clinic', 'ledger.db')
  }

  get vault(): Remote<SiteService> {
    if (this.#running === null) throw new Error(`${this.name} is down`)
    return this.#running.vault
  }

  /** Starts the process. Whoever worked there signs in again. */
  async start(): Promise<void> {
    const child = forked(this)
    child.stderr?.on('data', (chunk) => (this.said += String(chunk)))
    const exit = new Promise<void>((done) => child.once('exit', () => done()))
    const port = {
      on: (_name: string, listener: (message: never) => void) => child.on('message', listener as never),
      postMessage: (message: object) => child.connected && child.send(message),
    }
    const { remote, fail } = connect<SiteService>(port as never, (event) => {
      const told = event as VaultEvent
      if (told.kind !== 'state') return
      this.state = told.state.state
      this.reason = told.state.recovery?.reason ?? ''
    })
    child.once('exit', () => fail(new Error(`${this.name} has ended`)))
    this.#running = { child, vault: remote, exit }
    this.state = await remote.begin()
    if (this.state === 'ready' && this.nurse !== '') await this.signIn()
  }

  /** The nurse signs in. */
  async signIn(): Promise<void> {
    await this.vault.signIn(this.nurse, PIN)
  }

  /** Ends it at once, as a power cut would. */
  async kill(): Promise<void> {
    const running = this.#running
    this.#running = null
    running?.child.kill('SIGKILL')
    await running?.exit
  }

  /** Ends it in order. */
  async stop(): Promise<void> {
    const running = this.#running
    await running?.vault.close().catch(() => undefined)
    this.#running = null
    // The process ends by itself when nobody asks any more.
    if (running?.child.connected === true) running.child.disconnect()
    await running?.exit
  }

  /** Gives it a nurse and a patient, and leaves the nurse signed in. */
  async furnish(): Promise<void> {
    const [admin] = await this.vault.practitioners()
    this.it = admin?.handle ?? ''
    await this.vault.signIn(this.it, PIN)
    const nurse = await this.vault.enrolPractitioner({ name: 'Nora Nurse', role: 'nurse', pin: PIN })
    this.nurse = nurse.handle
    await this.signIn()
    const patient = { familyName: 'Family', givenName: this.name, birthDate: '1970-05-06', gender: 'female' } as const
    this.patient = (await this.vault.registerPatient({ ...patient, identifier: 'MRN-1000' })).handle
  }

  /** Does something as IT; the nurse is signed in again afterwards. */
  async asIt<Value>(body: () => Promise<Value>): Promise<Value> {
    await this.vault.signIn(this.it, PIN)
    try {
      return await body()
    } finally {
      await this.signIn()
    }
  }

  /** Signs `count` readings at once: so many entries and more, in one block. */
  async write(count = 1): Promise<void> {
    const manual = Array.from({ length: count }, (_, n) => weight(`${60 + (n % 40)}.5`))
    await this.vault.signReadings({ as: this.nurse, handle: this.patient, drafts: [], manual, late: null })
  }

  status(): Promise<NetworkStatus> {
    return this.vault.networkStatus()
  }

  /** Waits until the vault says this of itself. */
  async reach(state: VaultState['state'], ms = 60_000): Promise<void> {
    await until(`${this.name} is ${state}`, () => this.state === state, ms)
  }
}

function forked(site: Site): ChildProcess {
  const program = [process.execPath, PROGRAM, site.folder, String(site.clockOffsetMs)]
  const [command = '', ...args] = [...site.place.wrapper, ...program]
  return spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], serialization: 'advanced' })
}
