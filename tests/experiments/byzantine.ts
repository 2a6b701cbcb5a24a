/**
 * Members that lie, and nodes that are not what they were: each ends in the state that is named for it, and others go on.
 *
 * Site B is the one of four that may be faulty. It is restored from an old copy, runs twice, and in the end its keys are in the
 * hands of somebody who says whatever they like to the real nodes of the others.
 */
import { execFile } from 'node:child_process'
import { cpSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { NetworkLog } from '../../src/shared/api/schemas.ts'
import { MAX_FRAME } from '../../src/sync/limits.ts'
import { foundNetwork, isSettled, ownLogName, ownOrigin, type Sites, withSites } from './support/network.ts'
import { type Report, seconds } from './support/report.ts'
import { RawLink } from './support/raw-link.ts'
import { type Loot, plunder, Rogue } from './support/rogue.ts'
import { Site } from './support/site.ts'
import { freePort } from '../support/free-port.ts'
import { until } from './support/wait.ts'

const CLI = join(import.meta.dirname, '..', '..', 'src', 'main', 'cli', 'main.ts')
const YEAR_MS = 365 * 86_400_000

/** How much is done. */
export interface ByzantinePlan {
  /** Also what takes long: old copies, two of one node, a wrong clock. */
  readonly isFull: boolean
  readonly floodMessages: number
}

/** One thing that went wrong on purpose. */
export interface Ended {
  readonly what: string
  /** In which state it ended. */
  readonly state: string
  /** Ms until that was so. */
  readonly afterMs: number
  /** Ms until a reading written at A after it was final there. */
  readonly finalMs: number
}

/** Runs it. Two of one node end its log, so that is a network of its own. */
export async function byzantine(plan: ByzantinePlan): Promise<Report & { readonly ended: readonly Ended[] }> {
  const twice = plan.isFull ? await withSites((sites) => new Byzantine(sites, plan).twice()) : []
  const others = await withSites((sites) => new Byzantine(sites, plan).liars())
  const ended = [...twice, ...others]
  const rows = ended.map(({ what, state, afterMs, finalMs }) => ({
    ...{ 'what B does': what, 'ends as': state, 'after s': seconds(afterMs), 'A final s': seconds(finalMs) },
  }))
  return { name: 'byzantine', tables: [{ title: 'One of four is faulty', rows }], details: { plan }, ended }
}

/** Only what the traitor says, in a network that may stand already. */
export function liarsIn(sites: Sites, floodMessages: number): Promise<readonly Ended[]> {
  return new Byzantine(sites, { isFull: false, floodMessages }).liars()
}

class Byzantine {
  readonly #sites: Sites
  readonly #plan: ByzantinePlan
  readonly #ended: Ended[] = []
  #origins: string[] = []

  constructor(sites: Sites, plan: ByzantinePlan) {
    this.#sites = sites
    this.#plan = plan
  }

  async twice(): Promise<readonly Ended[]> {
    await this.#found()
    const b = this.#sites.site('B')
    const log = await ownLogName(b)
    await this.#twoOf(b, 'runs twice, and neither writes', async (twin) => {
      const noticed = await this.#stopped([b, twin])
      return `${noticed}; named on the network pages of ${(await this.#namersOf(log)).join(', ')}`
    })
    await b.start()
    await this.#settled()
    const origin = await ownOrigin(b)
    await this.#twoOf(b, 'runs twice, and both write', async (twin) => {
      const tried = await Promise.allSettled([b.write(), twin.write()])
      const wrote = tried.filter(({ status }) => status === 'fulfilled').length
      return `${wrote} wrote; ${await this.#stopped([b, twin])}; its log at the others: ${await this.#stateOf(origin)}`
    })
    return this.#ended
  }

  async liars(): Promise<readonly Ended[]> {
    await this.#found()
    const b = this.#sites.site('B')
    if (this.#plan.isFull) {
      await this.#oldCopy(b)
      await this.#wrongClock(this.#sites.site('D'))
    }
    await b.stop()
    const loot = await plunder(b)
    const rogue = new Rogue(loot, b.port, this.#sites.up)
    try {
      await this.#traitor(rogue)
    } finally {
      await rogue.end()
    }
    await this.#badFrames(loot)
    return this.#ended
  }

  async #found(): Promise<void> {
    if (this.#sites.all.length === 0) await foundNetwork(this.#sites, 4)
    const { logs } = await this.#sites.site('A').status()
    for (const { origin } of logs) this.#origins.push(origin)
    await this.#settled()
  }

  /** The data folder as it was a while ago: what was signed since must not be signed differently. */
  async #oldCopy(b: Site): Promise<void> {
    await b.stop()
    const [copy, real] = [`${b.folder}-copy`, `${b.folder}-real`]
    cpSync(b.folder, copy, { recursive: true })
    await b.start()
    await b.write()
    await this.#settled()
    await b.kill()
    renameSync(b.folder, real)
    renameSync(copy, b.folder)
    await this.#case('runs on an old copy of its folder', async () => {
      await b.start()
      await b.reach('recovery-needed')
      return `${b.state} (${b.reason})`
    })
    await b.kill()
    rmSync(b.folder, { recursive: true })
    renameSync(real, b.folder)
    await b.start()
    await this.#settled()
  }

  /** Two processes with one folder's keys, both down afterwards. */
  async #twoOf(b: Site, what: string, body: (twin: Site) => Promise<string>): Promise<void> {
    const folder = `${b.folder}-twice`
    await b.stop()
    rmSync(folder, { recursive: true, force: true })
    cpSync(b.folder, folder, { recursive: true })
    const twin = new Site('B twice', folder, await freePort(), b.place)
    await b.start()
    try {
      await this.#case(what, async () => {
        Object.assign(twin, { nurse: b.nurse, patient: b.patient })
        await twin.start()
        return body(twin)
      })
    } finally {
      await twin.kill()
      await b.kill()
    }
  }

  /** Waits until neither of two copies signs any more, and says how each of them names it. */
  async #stopped(copies: readonly Site[]): Promise<string> {
    const isStopped = () => copies.every(({ state }) => state === 'recovery-needed')
    const hasStopped = await until('both stop', isStopped).then(
      () => true,
      () => false,
    )
    const states = copies.map(({ state, reason }) => `${state}${reason === '' ? '' : ` (${reason})`}`).join(', ')
    return `${hasStopped ? 'both stop' : 'NOT BOTH STOP in 60 s'}: ${states}`
  }

  /** Sites whose network page says that the node of a log runs twice. */
  async #namersOf(log: string): Promise<string[]> {
    const others = this.#sites.up.filter(({ name }) => name !== 'B')
    const views = await Promise.all(
      others.map(async (site) => (await site.status()).sites.flatMap(({ nodes }) => nodes)),
    )
    const says = (n: number) => views[n]?.some((node) => node.log === log && node.twiceAt !== null) === true
    return others.filter((_site, n) => says(n)).map(({ name }) => name)
  }

  /** It writes, and it cosigns. */
  async #wrongClock(d: Site): Promise<void> {
    await d.stop()
    d.clockOffsetMs = YEAR_MS
    await this.#case('(D) has a clock a year ahead, writes and cosigns', () => this.#writesOn(d))
    await d.stop()
    d.clockOffsetMs = 0
    await this.#case('(D) has the right clock again, after seals of next year', () => this.#writesOn(d))
    await this.#settled()
  }

  async #writesOn(d: Site): Promise<string> {
    await d.start()
    await until('D is connected', async () => (await d.status()).quorum.reachable === 4)
    await d.write(3)
    await until('it is final at A', () => this.#isFinalAtA(d))
    const { votes } = (await logAt(this.#sites.site('A'), await ownOrigin(d))) ?? {}
    return `final at A with ${votes} of 4 votes`
  }

  async #isFinalAtA(site: Site): Promise<boolean> {
    const own = (await site.status()).logs.find(({ isOwn }) => isOwn)
    const seen = await logAt(this.#sites.site('A'), own?.origin ?? '')
    return own !== undefined && seen !== null && seen.final >= own.have
  }

  /** Below the messages: lengths of frames that nobody may claim. */
  async #badFrames(loot: Loot): Promise<void> {
    const raw = await RawLink.open(loot, this.#sites.up)
    const others = this.#sites.up.length
    const hungUp = async (what: string, bytes: Uint8Array) => {
      await until('the traitor is connected', () => raw.open === others)
      await this.#case(what, async () => {
        const before = raw.cuts
        raw.write(bytes)
        await until('everybody hangs up', () => raw.cuts >= before + others)
        return 'hung up on by all three'
      })
    }
    try {
      await hungUp('sends a frame of one byte too many', frameOf(MAX_FRAME + 1, MAX_FRAME + 1))
      await hungUp('claims a frame of 4 GiB', frameOf(2 ** 32 - 1, 1000))
      await hungUp('claims a frame of no bytes', frameOf(0, 0))
    } finally {
      await raw.end()
    }
  }

  async #traitor(rogue: Rogue): Promise<void> {
    const { origin, size, notes } = rogue.loot
    const connected = () => until('the traitor is connected', () => rogue.channels.size === 3, 60_000)
    await connected()
    await this.#case('lies about how far every log is', async () => {
      const lie = { size: 10 ** 9, final: 10 ** 9, cosigned: 10 ** 9, votes: 4, mark: 7 }
      rogue.say({ kind: 'have', logs: this.#origins.map((one) => ({ origin: one, ...lie })) })
      return this.#stateOf(origin)
    })
    await this.#case('replays old checkpoints', async () => {
      for (const note of notes) rogue.say({ kind: 'announce', note })
      return this.#stateOf(origin)
    })
    await this.#case('shows a head and withholds its entries', async () => {
      rogue.say({ kind: 'announce', note: rogue.forge(size + 5) })
      return this.#stateOf(origin)
    })
    await this.#case(`floods: ${this.#plan.floodMessages} messages to each`, async () => {
      const lie = { size, final: size, cosigned: size, votes: 4, mark: 7 }
      for (let n = 0; n < this.#plan.floodMessages; n++)
        rogue.say({ kind: 'have', logs: this.#origins.map((one) => ({ origin: one, ...lie })) })
      const asked = performance.now()
      await this.#sites.site('A').write()
      const writtenMs = performance.now() - asked
      return `${await this.#stateOf(origin)}; A wrote meanwhile in ${seconds(writtenMs)} s`
    })
    await connected()
    await this.#fork(rogue)
    await connected()
    await this.#case('sends what is no message', async () => {
      const before = rogue.cuts
      rogue.raw(Rogue.noise(200_000))
      await until('everybody hangs up', () => rogue.cuts >= before + 3)
      return 'hung up on by all three'
    })
  }

  async #fork(rogue: Rogue): Promise<void> {
    const { origin, size } = rogue.loot
    await this.#case('forks its log, and cosigns both branches', async () => {
      rogue.say({ kind: 'announce', note: rogue.forge(size) })
      const frozen = async (site: Site) => (await logAt(site, origin))?.state === 'frozen'
      for (const site of this.#sites.up) await until(`${site.name} froze it`, () => frozen(site))
      const [proof] = await this.#sites.site('A').vault.evidence()
      const file = await this.#sites.site('A').vault.evidenceFile(proof?.id ?? '')
      const path = join(this.#sites.site('A').folder, file.fileName)
      writeFileSync(path, file.text)
      const { stdout } = await promisify(execFile)(process.execPath, [
        CLI,
        'evidence',
        'check',
        path,
        '--key',
        rogue.vkey,
      ])
      const isConvicted = stdout.includes(origin)
      const by = proof?.byLog === true ? 'log' : ''
      const sites = proof?.sites.includes(rogue.loot.hello.site) === true ? ' and its site' : ''
      return `frozen at A, C, D; ${isConvicted ? 'convicted offline by file' : 'NOT CONVICTED'}: ${by}${sites}`
    })
  }

  async #case(what: string, body: () => Promise<string>): Promise<void> {
    const started = performance.now()
    const state = await body()
    const afterMs = performance.now() - started
    const a = this.#sites.site('A')
    await a.write()
    const own = async () => {
      const { logs } = await a.status()
      const { have = 0, final = -1 } = logs.find(({ isOwn }) => isOwn) ?? {}
      return final === have
    }
    const finalMs = await until(`A is final although B ${what}`, own, 60_000, 20)
    this.#ended.push({ what, state, afterMs, finalMs })
  }

  /** How A, C and D see a log: one word when they agree. */
  async #stateOf(origin: string): Promise<string> {
    const others = this.#sites.up.filter(({ name }) => name !== 'B')
    const seen = await Promise.all(others.map(async (site) => (await logAt(site, origin))?.state ?? 'unknown'))
    return [...new Set(seen)].join(', ')
  }

  async #settled(): Promise<void> {
    await until('all is verified and final', () => isSettled(this.#sites.up, this.#origins), 120_000)
  }
}

async function logAt(site: Site, origin: string): Promise<NetworkLog | null> {
  return (await site.status()).logs.find((log) => log.origin === origin) ?? null
}

/** A length, and so many bytes behind it. */
function frameOf(claimed: number, sent: number): Uint8Array {
  const bytes = new Uint8Array(4 + sent)
  new DataView(bytes.buffer).setUint32(0, claimed)
  return bytes
}
