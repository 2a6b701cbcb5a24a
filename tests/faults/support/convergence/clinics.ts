/**
 * Four real clinics in one network: vaults over real files, joined over a {@link Switchboard}. They are made once, and each
 * run starts from copies of their folders.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { expect } from 'vitest'
import type { VaultEvent } from '../../../../src/main/core/vault-service.ts'
import type { Clinic } from '../../../../src/main/core/vault/clinic.ts'
import { Vault } from '../../../../src/main/core/vault/vault.ts'
import type { NetworkService } from '../../../../src/main/core/network/network-service.ts'
import { toHex } from '../../../../src/shared/bytes.ts'
import { holder, type Holder, type Team, type World } from '../../../support/consent-world.ts'
import { until } from '../../../support/two-clinics.ts'
import { codeOf } from '../clinic.ts'
import { type Random, seeded } from '../seeded.ts'
import { NODE_SECRET, PIN } from '../values.ts'
import { Switchboard } from './switchboard.ts'
import { insideOf } from '../../../support/inside.ts'

/** With four, one may be away, and three make an entry final. */
export const SITES = 4
export const ALL = Array.from({ length: SITES }, (_, i) => i)

/** The clinic that keeps what the first one stores, without keys. */
export const CUSTODIAN = 3

/** Who works at a clinic, by handle. */
export type Staff = Pick<Team, 'it' | 'nurse' | 'physician'>

/** Four clinics that are closed. */
export interface Founded {
  readonly folders: readonly string[]
  readonly staff: readonly Staff[]
  readonly sites: readonly string[]
  readonly origins: readonly string[]
  /** Transport keys, by which a switchboard knows them. */
  readonly keys: readonly string[]
  /** A patient of each. */
  readonly patients: readonly Holder[]
}

/** What is in reach of an open vault and not of its users. */
export interface Inside {
  readonly clinic: Clinic
  readonly network: NetworkService
}

/** One clinic: its folder, and the vault while it is on. */
export class Node {
  folder: string
  readonly events: VaultEvent[] = []
  vault: Vault | null = null
  /** How far its clock is off, in ms. */
  clockMs = 0
  readonly #time: Time
  readonly #board: Switchboard

  constructor(folder: string, board: Switchboard, time: Time) {
    this.folder = folder
    this.#board = board
    this.#time = time
  }

  async start(): Promise<void> {
    const nowMs = (): number => Date.now() + this.clockMs
    const monotonicMs = (): number => this.#time.nowMs()
    const vault = new Vault((event) => this.events.push(event), nowMs, monotonicMs, nowMs, this.#board.start)
    await vault.start({ dataFolder: this.folder, demo: false, nodeSecret: NODE_SECRET, scryptLogN: 10 })
    this.vault = vault
  }

  get on(): Vault {
    if (this.vault === null) throw new Error('the clinic is off')
    return this.vault
  }

  /** The state that it told last. */
  get state(): string {
    const told = this.events.findLast((event) => event.kind === 'state')
    return told === undefined ? 'none' : `${told.state.state} ${told.state.problem ?? ''}`.trim()
  }

  get inside(): Inside {
    return insideOf<Inside>(this.on)
  }

  async close(): Promise<void> {
    const vault = this.vault
    this.vault = null
    await vault?.close()
  }

  /** Pulls the plug: what is in the files at this moment is all that is left, and goes on in another folder. */
  async kill(key: string, keep: number, folder: string): Promise<void> {
    const vault = this.vault
    this.vault = null
    // Both in one turn of the event loop: nothing may be written or sent in between.
    copyFolder(this.folder, folder)
    this.#board.unplug(key, keep)
    const before = this.folder
    this.folder = folder
    await vault?.close()
    rmSync(before, { recursive: true, force: true })
  }
}

/** The clock that nobody sets, which the test may let run faster. */
export class Time {
  #aheadMs = 0

  nowMs(): number {
    return performance.now() + this.#aheadMs
  }

  skip(ms: number): void {
    this.#aheadMs += ms
  }
}

/** The lock and the shared memory belong to a process. */
function copyFolder(from: string, to: string): void {
  cpSync(from, to, { recursive: true, filter: (file) => !/^(lock\.db|.*-shm)$/.test(basename(file)) })
}

/** Four clinics that are on, in folders of their own. */
export class Clinics {
  readonly founded: Founded
  readonly time = new Time()
  readonly random: Random
  readonly board: Switchboard
  readonly nodes: readonly Node[]
  readonly faults: unknown[] = []
  readonly #folder = mkdtempSync(join(tmpdir(), 'chartseal-converge-'))
  #copies = 0

  constructor(founded: Founded, seed: number) {
    this.founded = founded
    this.random = seeded(`convergence ${seed}`)
    this.board = new Switchboard(this.random, (error) => this.faults.push(error))
    this.nodes = founded.folders.map((folder) => {
      const own = this.newFolder()
      copyFolder(folder, own)
      return new Node(own, this.board, this.time)
    })
  }

  newFolder(): string {
    return join(this.#folder, String(this.#copies++))
  }

  node(i: number): Node {
    const node = this.nodes[i]
    if (node === undefined) throw new Error('no such clinic')
    return node
  }

  key(i: number): string {
    return this.founded.keys[i] ?? ''
  }

  /** A clinic that is on, as tests of consent know one. */
  world(i: number): World {
    const staff = this.founded.staff[i]
    if (staff === undefined) throw new Error('no such clinic')
    return worldOf(this.node(i), staff)
  }

  async start(): Promise<void> {
    for (const node of this.nodes) await node.start()
  }

  async close(): Promise<void> {
    this.board.close()
    for (const node of this.nodes) await node.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

function worldOf(node: Node, staff: Staff): World {
  const team = { ...staff, recoveryKey: '', other: '', auditor: '' }
  const { on: vault, folder, events } = node
  return { vault, folder, events, team, clock: { nowMs: 0 }, clinic: () => node.inside.clinic }
}

/** Makes four clinics and joins them, once. The folders stay in `place`. */
export async function foundClinics(place: string): Promise<Founded> {
  const faults: unknown[] = []
  const board = new Switchboard(seeded('founding'), (error) => faults.push(error))
  const time = new Time()
  const nodes = ALL.map((i) => new Node(join(place, String(i)), board, time))
  const staff: Staff[] = []
  const patients: Holder[] = []
  for (const [i, node] of nodes.entries()) {
    mkdirSync(node.folder, { recursive: true })
    await node.start()
    if (i === 0) await create(node)
    else await takenIn(nodes.slice(0, i), node)
    const people = await employ(node)
    staff.push(people)
    patients.push(await holder(worldOf(node, people), 900 + i))
  }
  await signedIn(nodes[0]!.on)
  const { settings } = await nodes[0]!.on.networkStatus()
  const custodians = [nodes[CUSTODIAN]!.inside.clinic.identity.site]
  await nodes[0]!.on.configureNetwork({ ...settings, custodians })
  const insides = nodes.map((node) => node.inside)
  const quiet = (): boolean => insides.every((inside) => isQuiet(inside))
  await rest(time, () => (quiet() ? null : JSON.stringify(insides.map(({ network }) => network.health()))))
  const founded = {
    folders: nodes.map(({ folder }) => folder),
    ...{ staff, patients },
    sites: insides.map(({ clinic }) => clinic.identity.site),
    origins: insides.map(({ clinic }) => clinic.identity.origin),
    keys: insides.map(({ clinic, network }) => {
      const own = network.logs.roster.sites.flatMap((site) => site.nodes).find(({ log }) => log === clinic.identity.log)
      return toHex(own?.transportKey ?? new Uint8Array())
    }),
  }
  for (const node of nodes) await node.close()
  board.close()
  if (faults.length > 0) throw new AggregateError(faults, 'the founding went wrong')
  return founded
}

async function create({ on }: Node): Promise<void> {
  const administrator = { name: 'Ada Admin', pin: PIN }
  await on.createClinic({ clinicName: 'Clinic 0', passphrase: null, administrator })
}

/** The first invites, and everybody who is there approves. */
async function takenIn(there: readonly Node[], node: Node): Promise<void> {
  const [host, ...others] = there.map(({ on }) => on)
  if (host === undefined) throw new Error('somebody must be there')
  for (const vault of [host, ...others]) await signedIn(vault)
  const { text } = await host.invite({ days: 1, pin: PIN })
  const administrator = { name: 'Ada Admin', pin: PIN }
  const clinicName = `Clinic ${there.length}`
  await node.on.joinNetwork({ clinicName, passphrase: null, administrator, invitation: text })
  for (const vault of others) {
    await until(
      'a clinic is asked',
      async () => node.state === 'ready' || (await vault.governance()).proposal !== null,
      120_000,
    )
    // Whoever comes too late finds it decided.
    expect([null, 'NO_PROPOSAL']).toContain(await codeOf(() => vault.approveProposal()))
  }
  await until('a clinic is taken in', () => node.state === 'ready', 120_000)
}

/** Enrols a nurse and a physician. */
async function employ({ on }: Node): Promise<Staff> {
  const it = await signedIn(on)
  const nurse = await on.enrolPractitioner({ name: 'Nora Nurse', role: 'nurse', pin: PIN })
  const physician = await on.enrolPractitioner({ name: 'Phil Physician', role: 'physician', pin: PIN })
  return { it, nurse: nurse.handle, physician: physician.handle }
}

/** Signs the administrator in, and gives their handle. */
async function signedIn(vault: Vault): Promise<string> {
  const person = (await vault.practitioners()).find(({ role }) => role === 'it')
  if (person === undefined) throw new Error('a clinic has an administrator')
  await vault.signIn(person.handle, PIN)
  return person.handle
}

/** True when nothing of any log is missing, and all of it is final. */
export function isQuiet({ network }: Inside): boolean {
  const { sites, connected, behind, notFinal } = network.health()
  return sites === SITES && connected === SITES - 1 && behind === 0 && notFinal === 0
}

/** How long clinics may take to come to rest, on a slow machine. */
const REST_MS = 180_000

/**
 * Time passes until nothing is left to do.
 *
 * @param why - What is left; null for nothing.
 */
export async function rest(time: Time, why: () => string | null): Promise<void> {
  const started = performance.now()
  for (let left = why(); left !== null; left = why()) {
    const ms = performance.now() - started
    if (ms > REST_MS) throw new Error(`no rest: ${left}`)
    // Whoever waits a while for something waits long enough soon.
    if (ms > 1500) time.skip(500)
    await new Promise((done) => setTimeout(done, 50))
  }
}
