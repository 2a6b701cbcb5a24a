/**
 * The ledger beside named baselines, in one run: `npm run bench`.
 *
 * @remarks
 * Baselines: a plain durable insert by better-sqlite3 (WAL, synchronous=FULL, no cryptography), and a naive verifier
 * that checks a path of 20 hashes and every signature with node:crypto, one by one. Both do less than Chartseal does:
 * no canonical decoding, no contract, no chain, no decryption, no FHIR.
 */
import Database from 'better-sqlite3'
import { createPublicKey, generateKeyPairSync, hash, randomBytes, sign, verify } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { benchClinic, bloodPressure } from './clinic.ts'
import { benchColdSync } from './cold-sync.ts'
import { measure, type Measured } from './measure.ts'
import { benchRoots, benchSignatures, benchStored } from './tree.ts'

const ENTRY_BYTES = 400
const CHART_SIZES = [1000, 10_000] as const
/** Two sizes, so that it shows how each cost grows. */
const LOG_SIZES = [2 ** 16, 2 ** 20] as const
const PATH_LENGTH = 20

const results: Record<string, Measured[]> = {}

results.append = await benchAppend()
for (const size of CHART_SIZES) results[`chart-${size}`] = await benchChart(size)
results.coldSync = await benchColdSync()
Object.assign(results, await benchSignatures(), await benchRoots())
for (const size of LOG_SIZES) Object.assign(results, await benchStored(size))
mkdirSync('out/bench', { recursive: true })
writeFileSync(join('out', 'bench', 'ledger.json'), `${JSON.stringify(results, null, 2)}\n`)

/** Durable appends: a reading signed by its author, sealed under its own key, in a signed block, with its access entry. */
async function benchAppend(): Promise<Measured[]> {
  const clinic = await benchClinic()
  const plain = plainTable(join(clinic.folder, 'plain.db'))
  const one = (systolic: number) =>
    clinic.vault.signReadings({
      as: clinic.nurse,
      handle: clinic.patient,
      drafts: [],
      manual: [bloodPressure(systolic)],
      late: null,
    })
  const measured = await measure('Durable append, one by one and in groups (readings a second)', [
    {
      name: 'better-sqlite3, plain row of 400 B, FULL, one by one',
      count: 100,
      run: () => repeat(100, () => plain.insert(1)),
    },
    { name: 'Chartseal reading, one by one', count: 100, run: () => repeatAsync(100, () => one(120)) },
    {
      name: 'better-sqlite3, plain rows, FULL, 16 in a transaction',
      count: 160,
      run: () => repeat(10, () => plain.insert(16)),
    },
    {
      name: 'Chartseal readings, 16 signed at once',
      count: 160,
      run: () =>
        repeatAsync(10, () =>
          clinic.vault.signReadings({
            as: clinic.nurse,
            handle: clinic.patient,
            drafts: [],
            manual: Array.from({ length: 16 }, () => bloodPressure(120)),
            late: null,
          }),
        ),
    },
    {
      name: 'Chartseal, 16 nurses at once (one block)',
      count: 160,
      run: () => repeatAsync(10, () => Promise.all(Array.from({ length: 16 }, () => one(120)))),
    },
  ])
  plain.close()
  await clinic.vault.close()
  clinic.remove()
  return measured
}

/** Verify before display: a whole chart, first when nothing was verified before, then again. */
async function benchChart(size: number): Promise<Measured[]> {
  const clinic = await benchClinic()
  for (let written = 0; written < size; written += 100) {
    const manual = Array.from({ length: 100 }, (_, i) => bloodPressure(100 + (i % 60)))
    await clinic.vault.signReadings({ as: clinic.nurse, handle: clinic.patient, drafts: [], manual, late: null })
  }
  await clinic.vault.close()
  const naive = naiveVerifier(size)
  const cold: number[] = []
  let warm = await clinic.reopen()
  const measured = await measure(
    `Verify before display of ${size} readings (values a second)`,
    [
      { name: 'naive node:crypto: path and signature of each', count: size, run: naive },
      {
        name: 'Chartseal, first time: everything, decrypted and decoded',
        count: size,
        run: async () => {
          await warm.close()
          warm = await clinic.reopen()
          const started = performance.now()
          await checkedChart(warm, clinic.patient, size)
          cold.push(performance.now() - started)
        },
      },
      {
        name: 'Chartseal, again: signatures remembered for proven bytes',
        count: size,
        run: () => checkedChart(warm, clinic.patient, size),
      },
    ],
    size > 1000 ? 3 : 5,
  )
  process.stdout.write(`  first chart without opening the clinic: ${median(cold).toFixed(0)} ms for ${size}\n\n`)
  await warm.close()
  clinic.remove()
  return measured
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN
}

async function checkedChart(
  vault: Awaited<ReturnType<Awaited<ReturnType<typeof benchClinic>>['reopen']>>,
  patient: string,
  size: number,
): Promise<void> {
  const { readings } = await vault.chart(patient, 1)
  const verified = readings.filter((row) => row.status === 'verified').length
  if (verified !== size) throw new Error(`${verified} of ${size} verified`)
}

function plainTable(file: string) {
  const db = new Database(file)
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  db.exec('CREATE TABLE entry(seq INTEGER PRIMARY KEY, body BLOB) STRICT')
  const statement = db.prepare('INSERT INTO entry(body) VALUES (?)')
  const body = randomBytes(ENTRY_BYTES)
  const insert = db.transaction((rows: number) => {
    for (let i = 0; i < rows; i++) statement.run(body)
  })
  return { insert, close: () => db.close() }
}

function naiveVerifier(count: number): () => void {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const key = createPublicKey(publicKey.export({ format: 'pem', type: 'spki' }))
  const entry = randomBytes(ENTRY_BYTES)
  const signature = sign(null, entry, privateKey)
  const pair = randomBytes(65)
  return () => {
    for (let i = 0; i < count; i++) {
      hash('sha256', entry, 'buffer')
      for (let level = 0; level < PATH_LENGTH; level++) hash('sha256', pair, 'buffer')
      if (!verify(null, entry, key, signature)) throw new Error('the baseline is broken')
    }
  }
}

function repeat(times: number, act: () => void): void {
  for (let i = 0; i < times; i++) act()
}

async function repeatAsync(times: number, act: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < times; i++) await act()
}
