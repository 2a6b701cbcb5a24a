/**
 * Fetches this node's own log from the nodes that mirror it, before a recovery closes it.
 *
 * @remarks
 * Bounded: it ends when enough other sites answered and everything they hold is here, when nothing has come for a while,
 * or when time is up. Then recovery goes on with what there is. Proven by `tests/main/core/network/rescue.test.ts`.
 *
 * @packageDocumentation
 */
import { rmSync } from 'node:fs'
import type { Roster } from '../../../ledger/roster.ts'
import { quorumOf } from '../../../ledger/quorum.ts'
import { answersNeeded } from '../../../ledger/start-up.ts'
import type { SyncNode } from '../../../sync/sync-node.ts'
import { openStore } from '../../store/open.ts'
import type { Store } from '../../store/store.ts'
import type { ClinicFiles } from '../vault/clinic-files.ts'
import { SECRETS } from '../vault/genesis.ts'
import { readIdentity } from '../vault/identity.ts'
import { SharingRing } from '../vault/sharing-ring.ts'
import { readSettings } from './network-settings.ts'
import { PeerSessions } from './peer-sessions.ts'
import { isOther, RescueStore } from './rescue-store.ts'
import { peersIn, type RosterPeer } from './roster-peers.ts'
import { Sockets, type StartPeers } from './sockets.ts'

const TICK_MS = 100
/** How long anybody is waited for. */
const ALONE_MS = 20_000
/** How long nothing must have come after somebody answered. */
const QUIET_MS = 4000
/** The longest a rescue takes: a clinic waits to work. */
const MOST_MS = 600_000

/** What a rescue needs. */
export interface Rescue {
  readonly files: ClinicFiles
  /** The newest roster that is here. */
  readonly roster: Roster
  /** Path of a database that is made and removed again. */
  readonly file: string
  readonly random: (size: number) => Uint8Array
  readonly startPeers: StartPeers
  readonly monotonicMs: () => number
  readonly fault: (error: unknown) => void
}

/**
 * Runs `use` with whatever other nodes hold of the own log; with null where there is nobody to ask, or nobody answered.
 *
 * @param use - The copy is as untrusted as any.
 */
export async function withRescued<Value>(rescue: Rescue, use: (copy: Store | null) => Promise<Value>): Promise<Value> {
  const { file, roster, files } = rescue
  const { log } = readIdentity(files.keystore.secrets)
  const others = peersIn(roster).filter(({ who }) => who.kind === 'node' && who.log !== log)
  const seed = files.keystore.secrets.get(SECRETS.transport)
  if (others.length === 0 || seed === null) return use(null)
  const clear = (): void => {
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true })
  }
  clear()
  const store = openStore(file, { mode: 'create' })
  try {
    const hasAnswers = await fetched(rescue, store, others, seed)
    return await use(hasAnswers ? store : null)
  } finally {
    store.close()
    clear()
  }
}

/** Fetches until it ends. True when anybody answered. */
async function fetched(rescue: Rescue, kept: Store, others: readonly RosterPeer[], seed: Uint8Array): Promise<boolean> {
  const { files, roster, random, monotonicMs, startPeers, fault } = rescue
  const identity = readIdentity(files.keystore.secrets)
  const ring = SharingRing.read(files.keystore.secrets)
  const recipients = [...ring.all.map(({ publicKey }) => publicKey), identity.recoveryKey]
  const store = new RescueStore({ identity, roster, recipients, store: kept, instance: random(16) })
  const sessions = new PeerSessions(store, monotonicMs)
  const sockets = new Sockets({
    ...{ startPeers, fault, seed: () => seed, peers: () => others, guests: () => [] },
    // For nobody else: it is there for a moment only.
    settings: () => ({ ...readSettings(files.keystore.secrets), relay: false }),
    channels: {
      up: (channel) => sessions.up(channel, others.find(({ key }) => key === channel.peer)?.who ?? null),
      message: (channel, message) => sessions.received(channel, message),
      drained: (channel) => sessions.drained(channel),
      down: (channel) => sessions.down(channel),
    },
  })
  sockets.open()
  try {
    return await untilDone(rescue, sessions.node, store, { site: identity.site, others: others.length })
  } finally {
    sessions.node.stop()
    await sockets.close()
  }
}

/** Lets time pass until there is nothing more to wait for. True when anybody answered. */
async function untilDone(
  rescue: Rescue,
  node: SyncNode,
  store: RescueStore,
  { site, others }: { readonly site: string; readonly others: number },
): Promise<boolean> {
  const { roster, monotonicMs } = rescue
  const n = roster.sites.length
  // Where there is no other site, the own workstations are who can be asked: what they hold is judged like any copy. Each
  // may hold what no other has, so that the first one that answers is not enough.
  const isOnlySite = n === 1
  const enough = isOnlySite ? others : answersNeeded({ n, q: quorumOf(n) })
  const startMs = monotonicMs()
  const answered = new Set<string>()
  let [progress, changedMs] = ['', startMs]
  for (;;) {
    await new Promise((resume) => setTimeout(resume, TICK_MS))
    node.tick()
    const nowMs = monotonicMs()
    const sizes = new Map<string, number>()
    let openWants = 0
    for (const facts of node.facts()) {
      const isAnswer = isOnlySite ? facts.who.kind === 'node' : isOther(facts.who, site)
      if (facts.hello !== null && facts.who.kind === 'node' && isAnswer)
        answered.add(isOnlySite ? facts.who.log : facts.who.site)
      openWants += facts.openWants
      // What somebody says to have and does not show is not waited for: a recovery would never end.
      for (const [origin, { size }] of facts.known)
        if (!facts.unshown.has(origin)) sizes.set(origin, Math.max(size, sizes.get(origin) ?? 0))
    }
    const now = JSON.stringify([
      [...store.standings()].map(({ pending, stored }) => [pending, stored]),
      answered.size,
      openWants,
    ])
    if (now !== progress) [progress, changedMs] = [now, nowMs]
    const isQuiet = openWants === 0 && nowMs - changedMs >= QUIET_MS
    if (answered.size === 0 && nowMs - startMs >= ALONE_MS) return false
    const isLate = nowMs - startMs >= ALONE_MS
    if (answered.size > 0 && isQuiet && store.hasAll(sizes) && (answered.size >= enough || isLate)) return true
    if (nowMs - startMs >= MOST_MS) return answered.size > 0
  }
}
