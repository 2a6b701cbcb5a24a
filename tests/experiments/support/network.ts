/** A network of sites, each in a process of its own, made the way people make it: by invitations and approvals. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { NetworkStatus } from '../../../src/shared/api/schemas.ts'
import { ApiFailure } from '../../../src/main/core/failure.ts'
import { PIN } from '../../faults/support/values.ts'
import { HERE, type Place, Site } from './site.ts'
import { freePort } from '../../support/free-port.ts'
import { until } from './wait.ts'

const NAMES = ['A', 'B', 'C', 'D'] as const

/** Where an experiment keeps its folders: on the disk of the project, because a temporary folder is often memory. */
const ROOT = join(import.meta.dirname, '..', '..', '..', 'out', 'experiments')

/** The sites of an experiment. */
export class Sites {
  readonly all: Site[] = []
  readonly #folder: string
  readonly #places: readonly Place[]

  /** @param places - Where the first, the second and so on run; else on this machine. */
  constructor(places: readonly Place[] = []) {
    this.#places = places
    mkdirSync(ROOT, { recursive: true })
    this.#folder = mkdtempSync(join(ROOT, 'run-'))
  }

  /** A site that is not started yet. */
  async add(name: string): Promise<Site> {
    const folder = join(this.#folder, `${name}-${this.all.length}`)
    mkdirSync(folder)
    const site = new Site(name, folder, await freePort(), this.#places[this.all.length] ?? HERE)
    this.all.push(site)
    return site
  }

  site(name: string): Site {
    const site = this.all.find((one) => one.name === name)
    if (site === undefined) throw new Error(`no site ${name}`)
    return site
  }

  get up(): Site[] {
    return this.all.filter(({ isUp }) => isUp)
  }

  /** How every site stands, for whoever reads that an experiment failed. */
  async describe(): Promise<string> {
    const lines = this.all.map(async (site) => {
      const { name, isUp, state, said } = site
      const logs = isUp ? await site.status().then(({ logs }) => logs, String) : 'down'
      return `${name} ${state} ${JSON.stringify(logs)} ${said}`
    })
    return (await Promise.all(lines)).join('\n')
  }

  /** Kills what runs and removes every folder. */
  async end(): Promise<void> {
    for (const site of this.all) await site.kill()
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

/** Runs `body` with sites that are gone afterwards. */
export async function withSites<Value>(
  body: (sites: Sites) => Promise<Value>,
  places: readonly Place[] = [],
): Promise<Value> {
  const sites = new Sites(places)
  try {
    return await body(sites)
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : 'failed'}\n${await sites.describe()}`, { cause: error })
  } finally {
    await sites.end()
  }
}

/** Settings of a node that nobody finds by itself. */
function settingsOf(site: Site, peers: NetworkStatus['settings']['peers'] = []): NetworkStatus['settings'] {
  const { port, address } = site
  return { port, announce: [address], discovery: false, relay: false, peers, custodians: [] }
}

/** Makes a network of `count` sites: the first one founds it, each further one is invited and approved by all before. */
export async function foundNetwork(sites: Sites, count: number): Promise<void> {
  const first = await sites.add(NAMES[0])
  await first.start()
  const administrator = { name: 'Ada Admin', pin: PIN }
  await first.vault.createClinic({ clinicName: `Clinic ${first.name}`, passphrase: null, administrator })
  await first.furnish()
  await first.asIt(() => first.vault.configureNetwork(settingsOf(first)))
  for (const name of NAMES.slice(1, count)) await admit(sites, await sites.add(name))
  await linkAll(sites)
}

async function admit(sites: Sites, guest: Site): Promise<void> {
  const [host] = sites.all
  if (host === undefined) throw new Error('nobody founded the network')
  const { text } = await host.asIt(() => host.vault.invite({ days: 1, pin: PIN }))
  await guest.start()
  const administrator = { name: 'Ivo Admin', pin: PIN }
  const request = { clinicName: `Clinic ${guest.name}`, passphrase: null, administrator, invitation: text }
  await guest.vault.joinNetwork(request)
  const voters = sites.all.filter((site) => site !== guest && site !== host)
  await until(`${guest.name} is taken in`, async () => {
    for (const voter of voters) await approve(voter)
    return guest.state === 'ready'
  })
  await guest.furnish()
  // Where the host is, it knows from the invitation.
  await guest.asIt(async () => guest.vault.configureNetwork(settingsOf(guest, (await guest.status()).settings.peers)))
}

/** What IT of a site does when a proposal waits. */
async function approve(site: Site): Promise<void> {
  await site.asIt(async () => {
    const { proposal } = await site.vault.governance()
    if (proposal === null || proposal.isApproved) return
    await site.vault.approveProposal().catch((error: unknown) => {
      if (!(error instanceof ApiFailure)) throw error
    })
  })
}

/** Tells every site where every other one is, and waits until all are connected. */
export async function linkAll(sites: Sites): Promise<void> {
  const logs = new Map<Site, string>()
  for (const site of sites.all) logs.set(site, await ownLogName(site))
  for (const site of sites.all) {
    const peers = sites.all.flatMap((other) =>
      other === site ? [] : [{ log: logs.get(other) ?? '', addresses: [other.address] }],
    )
    await site.asIt(() => site.vault.configureNetwork(settingsOf(site, peers)))
  }
  await until('everybody is connected', async () => {
    const views = await Promise.all(sites.all.map((site) => site.status()))
    return views.every(({ quorum }) => quorum.reachable === sites.all.length)
  })
}

/** Name of the log that a site writes, without its incarnation. */
export async function ownLogName(site: Site): Promise<string> {
  const { sites } = await site.status()
  return sites.flatMap(({ nodes }) => nodes).find(({ isOwn }) => isOwn)?.log ?? ''
}

/** Origin of the log that a site writes. */
export async function ownOrigin(site: Site): Promise<string> {
  const { logs } = await site.status()
  return logs.find(({ isOwn }) => isOwn)?.origin ?? ''
}

/** True when every log that any of `of` knows is verified and final at each of them, to the largest size known. */
export async function isSettled(of: readonly Site[], origins: readonly string[]): Promise<boolean> {
  const views = await Promise.all(of.map((site) => site.status()))
  return origins.every((origin) => {
    const seen = views.map(({ logs }) => logs.find((log) => log.origin === origin))
    const newest = Math.max(...seen.map((log) => log?.known ?? 0))
    return newest > 0 && seen.every((log) => log?.verified === newest && log.final === newest)
  })
}
