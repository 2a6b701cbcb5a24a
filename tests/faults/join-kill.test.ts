/**
 * Whoever joins, or whoever invited, is killed at random moments, again and again. Once both are left alone, the clinic is
 * in: once, with the keys that it made first, and with nothing half made beside it.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { sharingPublicKeyOf } from '../../src/main/core/epoch-keys.ts'
import { SECRETS } from '../../src/main/core/vault/genesis.ts'
import { parseRecoveryKey } from '../../src/main/core/vault/recovery-key.ts'
import { keyPairFromSeed } from '../../src/main/keystore/sodium.ts'
import { toHex } from '../../src/shared/bytes.ts'
import { runs } from '../support/budget.ts'
import { clinicOf } from '../support/consent-world.ts'
import { networkedClinic, until } from '../support/two-clinics.ts'
import { linesOf } from './support/acknowledged.ts'
import { copyOf, forWholeFile, type OpenVault, PIN, startVault, stateOf, temporaryFolder } from './support/clinic.ts'
import { type Random, SEED, seeded } from './support/seeded.ts'

const PROGRAM = join(import.meta.dirname, 'support', 'join-until-killed.ts')
const TRIALS = runs(1, 25)
const KILLS = 3
/** Longer than joining takes from the start of the process. */
const LATEST_MS = 4000
const BOTH = ['who joins', 'who invited'] as const

interface Said {
  readonly state: string
  readonly problem: string | null
}

/** One side, as a process that can be killed and started again. */
class Side {
  readonly folder: string
  readonly #args: readonly string[]
  #child: ChildProcess | null = null
  #said = ''

  constructor(folder: string, invitation = '') {
    this.folder = folder
    this.#args = [PROGRAM, folder, invitation]
  }

  start(): void {
    this.#said = ''
    const child = spawn(process.execPath, this.#args, { stdio: ['pipe', 'pipe', 'inherit'] })
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#said += text))
    this.#child = child
  }

  get states(): Said[] {
    return linesOf<Said>(this.#said)
  }

  /** Kills it, or ends it in order; gives how it ended. */
  async end(how: 'SIGKILL' | 'in order'): Promise<unknown> {
    const child = this.#child
    if (child === null) return null
    this.#child = null
    const closed = once(child, 'close')
    if (how === 'SIGKILL') child.kill('SIGKILL')
    else child.stdin?.end()
    const [code, signal] = (await closed) as [number | null, string | null]
    return signal ?? code
  }
}

let folder = ''
let invitation = ''
beforeAll(async () => {
  // A port that stays the same: the invitation names it.
  const host = await forWholeFile(() => networkedClinic())
  invitation = (await host.vault.invite({ days: 1, pin: PIN })).text
  await host.vault.close()
  folder = host.folder
}, 120_000)

const isReady = ({ states }: Side): boolean => states.at(-1)?.state === 'ready'

/** Lets both work, and kills one of them several times. */
async function joinThrough(random: Random, who: (typeof BOTH)[number]): Promise<{ host: Side; guest: Side }> {
  const [host, guest] = [new Side(copyOf(folder)), new Side(temporaryFolder(), invitation)]
  const victim = who === 'who joins' ? guest : host
  host.start()
  guest.start()
  try {
    for (let n = 0; n < KILLS; n++) {
      // Any moment of it, and more often an early one.
      const moment = random.below(random.below(LATEST_MS) + 1)
      await new Promise((done) => setTimeout(done, moment))
      expect(await victim.end('SIGKILL')).toBe('SIGKILL')
      victim.start()
    }
    await until(`the clinic is in, after ${who} was killed`, () => isReady(guest) && isReady(host), 90_000)
  } finally {
    for (const side of [guest, host]) expect(await side.end('in order')).toBe(0)
  }
  return { host, guest }
}

const sitesIn = (open: OpenVault) => clinicOf(open).replica.directory.rosters.at(-1)?.roster.sites ?? []

/** The roster lists exactly the keys that the keystore holds. */
function expectOwnKeys(open: OpenVault): void {
  const { identity, keystore } = clinicOf(open)
  const own = sitesIn(open).find(({ id }) => id === identity.site)
  const publicKeyOf = (name: string) => toHex(keyPairFromSeed(keystore.secrets.get(name) ?? new Uint8Array()).publicKey)
  const [node] = own?.nodes ?? []
  const listed = [own?.governanceKey, own?.mirrorKey, node?.logKey, node?.transportKey].map((key) => key && toHex(key))
  const held = [SECRETS.governance, SECRETS.mirror, SECRETS.log, SECRETS.transport].map(publicKeyOf)
  expect(held).toEqual(listed)
  expect(toHex(own?.sharingKey ?? new Uint8Array())).toBe(toHex(identity.sharingKey))
}

/** Nobody was shown the recovery key that was made first: IT prints it now, and it is the one that the network knows. */
async function expectKeyToPrint(open: OpenVault): Promise<void> {
  const { identity } = clinicOf(open)
  const { recoveryKey } = await open.vault.showRecoveryKey(PIN)
  const { privateKey, networkStart } = parseRecoveryKey(recoveryKey ?? 'none waits')
  expect(toHex(sharingPublicKeyOf(privateKey))).toBe(toHex(identity.recoveryKey))
  expect(toHex(identity.network).startsWith(toHex(networkStart))).toBe(true)
  await open.vault.recoveryKeyKept(recoveryKey ?? '')
  expect(await open.vault.showRecoveryKey(PIN)).toEqual({ recoveryKey: null })
}

it.each(BOTH)(
  `is in once, whenever %s is killed (seed ${SEED})`,
  async (who) => {
    const random = seeded(`joining ${who}`)
    for (let n = 0; n < TRIALS; n++) {
      const { host, guest } = await joinThrough(random, who)
      expect(readdirSync(guest.folder).filter((name) => /^(joining|clinic\.new)$/.test(name))).toEqual([])
      expect(existsSync(join(guest.folder, 'clinic'))).toBe(true)
      const [a, b] = [await startVault(host.folder), await startVault(guest.folder)]
      for (const open of [a, b]) {
        expect(stateOf(open)).toMatchObject({ state: 'ready', problem: null })
        expect(sitesIn(open)).toHaveLength(2)
        expectOwnKeys(open)
        const [it] = await open.vault.practitioners()
        await open.vault.signIn(it?.handle ?? '', PIN)
        if (open === b) await expectKeyToPrint(open)
        expect((await open.vault.ledgerSummary()).highWaterMark).toBe('equal')
      }
      expect((await a.vault.networkStatus()).invitations).toMatchObject([{ state: 'used' }])
      await until('both logs are final at both', async () => {
        const [one, other] = [await a.vault.networkStatus(), await b.vault.networkStatus()]
        return [...one.logs, ...other.logs].every(({ known, final }) => known > 0 && final >= known)
      })
      await a.vault.close()
      await b.vault.close()
    }
  },
  3_600_000,
)
