/**
 * A log of another site, taken by a node that has nothing of it: part of `npm run bench`.
 *
 * @remarks
 * Each round is one database: every package is proven and stored durably, then every entry is judged (signatures, keys,
 * contract, chain) and the head cosigned. What peers say to each other on the way is left out; the experiment `cold-sync`
 * has it. Baseline: one signature for each entry with node:crypto, and nothing else.
 */
import { createPublicKey, generateKeyPairSync, randomBytes, sign, verify } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cosign } from '../src/ledger/cosignature.ts'
import { emptyDirectory } from '../src/ledger/directory.ts'
import { formatSignature } from '../src/ledger/note.ts'
import { policyEngine } from '../src/main/core/policy-engine.ts'
import type { Clinic } from '../src/main/core/vault/clinic.ts'
import { MirroredLog, packageOf } from '../src/main/core/vault/mirrored-log.ts'
import { keyPairFromSeed, sign as signBySeed, verifier } from '../src/main/keystore/sodium.ts'
import { openStore } from '../src/main/store/open.ts'
import { benchClinic, bloodPressure } from './clinic.ts'
import { measure, type Measured } from './measure.ts'

const READINGS = 4000
const ENTRY_BYTES = 400
/** Entries judged before a node lets others run. */
const SLICE = 64
const MIRROR = 'bench.local/mirror'

/** Entries a second: proven and stored, and that with judging and cosigning. */
export async function benchColdSync(): Promise<Measured[]> {
  const bench = await benchClinic()
  for (let written = 0; written < READINGS; written += 100) {
    const manual = Array.from({ length: 100 }, (_, i) => bloodPressure(100 + (i % 60)))
    await bench.vault.signReadings({ as: bench.nurse, handle: bench.patient, drafts: [], manual, late: null })
  }
  const count = bench.clinic.replica.live.head.size
  const measured = await measure(
    `A log of ${count} entries taken from another site (entries a second)`,
    [
      { name: 'node:crypto, one signature each', count, run: naiveSignatures(count) },
      { name: 'Chartseal: proven and stored', count, run: () => taken(bench.clinic, () => undefined) },
      { name: 'Chartseal: proven, stored, judged, cosigned', count, run: () => taken(bench.clinic, judged) },
    ],
    5,
  )
  await bench.vault.close()
  bench.remove()
  return measured
}

/** Takes all of the clinic's own log into a new database. */
function taken(clinic: Clinic, then: (log: MirroredLog) => void): void {
  const folder = mkdtempSync(join('out', 'bench', 'mirror-'))
  const store = openStore(join(folder, 'ledger.db'), { mode: 'create' })
  const { live } = clinic.replica
  const { origin, note, size } = live.head
  const { network } = clinic.identity
  const { publicKey } = keyPairFromSeed(SEED)
  const log = MirroredLog.open({
    ...{ store, origin, network, verifier },
    empty: emptyDirectory(network, policyEngine()),
    base: () => emptyDirectory(network, policyEngine()),
    logKeys: () => [live.logKey],
    knows: () => true,
    cosigned: () => 0,
    vouched: () => 0,
    cosign: (_, head) => {
      const { text } = live.head
      const line = cosign(text, { name: MIRROR, publicKey }, 0, (message) => signBySeed(SEED, message))
      return { row: { size: head.size, name: MIRROR, line: formatSignature(line) }, stored: () => undefined }
    },
  })
  if (log.offer(note, 0, []).status !== 200) throw new Error('the head is not accepted')
  for (let index = 0; log.state.stored < size; index++) {
    const offered = packageOf(clinic.store, origin, live.trusted.tree, { size, index })
    if (offered === null) throw new Error('the log is here')
    log.receive(offered)
  }
  then(log)
  store.close()
  rmSync(folder, { recursive: true })
}

function judged(log: MirroredLog): void {
  let progress = log.advance(SLICE)
  while (progress === 'working') progress = log.advance(SLICE)
  if (progress !== 'mirrored') throw new Error(`the log is ${progress}`)
}

const SEED = new Uint8Array(32).fill(7)

function naiveSignatures(count: number): () => void {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const key = createPublicKey(publicKey.export({ format: 'pem', type: 'spki' }))
  const entry = randomBytes(ENTRY_BYTES)
  const signature = sign(null, entry, privateKey)
  return () => {
    for (let n = 0; n < count; n++) if (!verify(null, entry, key, signature)) throw new Error('the baseline is broken')
  }
}
