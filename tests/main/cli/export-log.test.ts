import Database from 'better-sqlite3'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { forWholeFile, type OpenVault, startVault, temporaryFolder } from '../../faults/support/clinic.ts'
import { smallClinic } from './clinic.ts'
import { chartseal, chartsealBeside, jsonLines } from './run.ts'

let open: OpenVault & { database: string; network: string; origin: string }
beforeAll(() =>
  forWholeFile(async () => {
    open = await smallClinic()
  }),
)

const keyIn = (stdout: string) => String(jsonLines(stdout).at(-1)?.key)

describe('chartseal export-log', () => {
  it('writes a log that fsck finds sound, while the vault has the database open', async () => {
    const { origin, folder, vault } = open
    const { size } = await vault.ledgerSummary()
    const out = join(temporaryFolder(), 'log')
    const { status, stdout, stderr } = await chartsealBeside(['export-log', origin, out, '--data', folder, '--json'])
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(jsonLines(stdout)).toMatchObject([{ command: 'export-log', valid: true, origin, size, files: 3 }])
    const checked = chartseal(['fsck', out, '--key', keyIn(stdout), '--json'])
    expect({ status: checked.status, last: jsonLines(checked.stdout).at(-1) }).toMatchObject({
      status: 0,
      last: { valid: true, origin, size, files: 2, notCovered: 0 },
    })
    const bundle = join(out, `tile/entries/000.p/${size}`)
    const bent = readFileSync(bundle)
    bent[100]! ^= 1
    writeFileSync(bundle, bent)
    const damaged = chartseal(['fsck', out, '--key', keyIn(stdout)])
    expect(damaged.status).toBe(1)
    expect(damaged.stdout).toContain(`tile/entries/000.p/${size}: DIFFERS: entry `)
  })

  it('refuses to export what does not hash into the signed tree', () => {
    const copy = join(temporaryFolder(), 'ledger.db')
    new Database(open.database, { readonly: true }).exec(`VACUUM INTO '${copy}'`)
    const db = new Database(copy)
    db.prepare('UPDATE entry SET bytes = zeroblob(10) WHERE idx = 5').run()
    db.close()
    const { status, stdout } = chartseal(['export-log', open.origin, join(temporaryFolder(), 'x'), '--db', copy])
    expect({ status, stdout }).toEqual({
      status: 1,
      stdout: 'invalid: LOG_DAMAGED: entry 5 is missing or not that of the signed tree\n',
    })
  })

  it('never writes into a folder that holds something', () => {
    const out = temporaryFolder()
    writeFileSync(join(out, 'mine'), 'x')
    const { status, stderr } = chartseal(['export-log', open.origin, out, '--db', open.database])
    expect(status).toBe(2)
    expect(stderr).toContain('FOLDER_NOT_EMPTY')
    expect(readdirSync(out)).toEqual(['mine'])
  })

  it('says which logs there are', () => {
    const { status, stderr } = chartseal(['export-log', 'x/y/1', join(temporaryFolder(), 'a'), '--db', open.database])
    expect(status).toBe(2)
    expect(stderr).toContain(`UNKNOWN_LOG: the database has ${open.origin}`)
  })

  it.each<[string, string[]]>([
    ['a database that is not there', ['--db', '/nowhere/ledger.db']],
    ['a folder without a clinic', ['--data', '/nowhere']],
    ['a file that is no database', ['--db', import.meta.filename]],
    ['both', ['--db', 'a', '--data', 'b']],
  ])('cannot read %s', (_name, args) => {
    const { status, stdout, stderr } = chartseal(['export-log', 'x/1', join(temporaryFolder(), 'a'), ...args])
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).not.toContain('    at ')
  })

  it('leaves no trace beside a database at rest, wherever it stands', async () => {
    const resting = await startVault(temporaryFolder(), { demo: true, nodeSecret: null })
    const { origin } = await (async () => {
      const [person] = await resting.vault.practitioners()
      const pins = resting.events.flatMap((event) => (event.kind === 'state' ? event.state.demoPins : []))
      await resting.vault.signIn(person!.handle, pins.find(({ handle }) => handle === person!.handle)!.pin)
      return resting.vault.ledgerSummary()
    })()
    await resting.vault.close()
    const at = temporaryFolder()
    mkdirSync(join(at, 'clinic'))
    const file = join(at, 'clinic', 'ledger.db')
    copyFileSync(join(resting.folder, 'clinic', 'ledger.db'), file)
    const before = { bytes: readFileSync(file), at: statSync(file).mtimeMs }
    const out = join(temporaryFolder(), 'log')
    const { status, stdout } = chartseal(['export-log', origin, out, '--data', at, '--json'])
    expect(status).toBe(0)
    expect(readdirSync(join(at, 'clinic'))).toEqual(['ledger.db'])
    expect({ bytes: readFileSync(file), at: statSync(file).mtimeMs }).toEqual(before)
    // More than 256 entries: full and partial tiles of two levels.
    expect(readdirSync(join(out, 'tile', '0'))).toContain('000')
    expect(chartseal(['fsck', out, '--key', keyIn(stdout)]).status).toBe(0)
  }, 60_000)
})
