import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { codeOf, PIN, temporaryFolder } from '../../faults/support/clinic.ts'
import { holder, weigh } from '../../support/consent-world.ts'
import { healthAt, PASSPHRASE, startNode } from '../../support/node-process.ts'
import { freePort } from '../../support/free-port.ts'
import { networkedClinic, until } from '../../support/two-clinics.ts'

/** Every file under a folder. */
function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile())
}

it(
  'a witness joins under a code, follows what is written, gives no vote, and has no byte of an entry',
  { timeout: 240_000 },
  async () => {
    const a = await networkedClinic()
    const folder = temporaryFolder()
    const [data, invitation, passphrase] = ['data', 'invitation', 'passphrase'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    const { id, text } = await a.vault.invite({ days: 1, kind: 'workstation', pin: PIN })
    writeFileSync(invitation, text)
    writeFileSync(passphrase, `${PASSPHRASE}\n`, { mode: 0o600 })
    const health = await freePort()
    const usual = ['--witness', '--data', data, '--passphrase-file', passphrase, '--no-listen', '--no-discovery']
    const node = startNode([...usual, '--health', String(health), '--join', invitation])
    const code = () => /"state":"voting".*"code":"([A-Z2-7-]+)"/.exec(node.said.err)?.[1] ?? null
    await until('it says its code', () => code() !== null, 60_000)
    const [asked] = (await a.vault.networkStatus()).invitations
    expect(asked).toMatchObject({ id, kind: 'witness', state: 'asked' })
    expect(await codeOf(() => a.vault.letIn({ id, code: 'AAAA-AAAA-AAAA', pin: PIN }))).toBe('WRONG_JOIN_CODE')
    await a.vault.letIn({ id, code: code() ?? '', pin: PIN })
    await until('it is in', async () => (await healthAt(health))?.body.ok === true, 60_000)
    const patient = await holder(a, 1)
    await weigh(a, patient, '70.1')
    await a.vault.signIn(a.team.it, PIN)
    const seen = async () => {
      const { sites, logs, copies, quorum } = await a.vault.networkStatus()
      const [, witness] = sites[0]?.nodes ?? []
      return { witness, log: logs[0], copies, quorum, isDone: witness?.seen?.size === logs[0]?.have }
    }
    await until('it signed the newest head', async () => (await seen()).isDone, 60_000)
    const { witness, copies, quorum, log } = await seen()
    expect(witness).toMatchObject({ role: 'witness', link: { state: 'connected' } })
    expect([copies.logs, quorum.sites, quorum.needed, log?.votes]).toEqual([0, 1, 1, 1])
    expect((await healthAt(health))?.body).toMatchObject({
      ok: true,
      state: 'witness',
      logs: 1,
      behind: 0,
      contested: [],
    })

    // A restart goes on, and a node that is no witness does not open its folder.
    node.child.kill('SIGTERM')
    expect(await node.exit).toBe(0)
    const wrong = startNode(usual.slice(1))
    expect([await wrong.exit, wrong.said.err.includes('WRONG_STATE')]).toEqual([2, true])
    const again = startNode(usual)
    await a.vault.signIn(a.team.nurse, PIN)
    await weigh(a, patient, '70.2')
    await a.vault.signIn(a.team.it, PIN)
    await until('it catches up', async () => (await seen()).isDone, 60_000)
    again.child.kill('SIGTERM')
    expect(await again.exit).toBe(0)

    // Nothing of an entry, a secret of the clinic, or a person is on its disk or in its logs.
    const { store, replica, keystore } = a.clinic()
    const entries = store.entries(replica.live.origin, 0, 10_000)
    expect(entries.length).toBeGreaterThan(10)
    expect(existsSync(join(data, 'clinic'))).toBe(false)
    const disk = Buffer.concat(filesIn(data).map((file) => readFileSync(file)))
    // An entry ends with the signature of its author, which is in nothing else.
    const tailOf = ({ bytes }: { bytes: Uint8Array }) => Buffer.from(bytes.subarray(-48))
    expect(entries.filter((entry) => disk.includes(tailOf(entry)))).toEqual([])
    for (const name of keystore.secrets.names()) {
      const secret = keystore.secrets.get(name)
      if (secret !== null && secret.length >= 16)
        expect([name, disk.includes(Buffer.from(secret))]).toEqual([name, false])
    }
    expect(`${node.said.err}${node.said.out}${again.said.err}`).not.toMatch(/Family1|Nora|70\.[12]|staple/)
  },
)
