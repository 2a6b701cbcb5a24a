import { expect, it } from 'vitest'
import { parseFork } from '../../../../src/ledger/evidence.ts'
import { closeWitness } from '../../../../src/main/core/witness/witness-files.ts'
import { decodeMessage, encodeMessage } from '../../../../src/sync/codec.ts'
import type { Message, MessageKind, MessageOf } from '../../../../src/sync/messages.ts'
import { SyncNode } from '../../../../src/sync/sync-node.ts'
import { cleanUp, temporaryFolder } from '../../../faults/support/clinic.ts'
import { logs, network, newWitness, reopened, sites, syncStoreOf } from '../../../support/witness-world.ts'

const [log] = logs
const origin = log.logKey.name

/** A witness between two mirrors that do not see each other, each shown another version of one log. */
async function betweenMirrors() {
  const folder = temporaryFolder()
  await newWitness(folder)
  const files = await reopened(folder)
  cleanUp(() => closeWitness(files))
  let nowMs = 0
  const node = new SyncNode({
    store: syncStoreOf(files).store,
    clock: { nowMs: () => nowMs },
    random: { next: () => 0.5 },
    ended: () => undefined,
  })
  const mirror = (i: 0 | 1, branch: number, at: number) => {
    const said: Message[] = []
    const { id: site } = sites[i].site
    const name = `${site}/n1`
    const link = i + 1
    const say = (message: Message) => node.received(link, encodeMessage(message))
    const wire = {
      send: (bytes: Uint8Array) => {
        const message = decodeMessage(bytes)
        said.push(message)
        // It holds its version, and proves it to whoever asks.
        if (message.kind === 'want-consistency')
          say({ kind: 'consistency', req: message.req, proof: log.proof(message.older, message.newer, branch, at) })
        return true
      },
      close: () => undefined,
    }
    node.connected(link, { kind: 'node', site, log: name }, wire)
    const versions = { version: 1, network, rosterVersion: 2, contractVersion: 1 }
    say({ kind: 'hello', ...versions, site, log: name, instance: new Uint8Array(16).fill(link), role: 'mirror' })
    say({ kind: 'have', logs: [] })
    const show = (size: number) => say({ kind: 'announce', note: log.note(size, branch, at) })
    const of = <Kind extends MessageKind>(kind: Kind) =>
      said.filter((message): message is MessageOf<Kind> => message.kind === kind)
    return { say, said, show, of }
  }
  const pass = (ms: number) => {
    for (const end = nowMs + ms; nowMs < end; nowMs += 250) node.tick()
  }
  return { files, mirror, pass }
}

it('a log that shows two mirrors two versions is convicted at both within seconds, by a witness alone between them', async () => {
  const { files, mirror, pass } = await betweenMirrors()
  const [one, two] = [mirror(0, 0, 0), mirror(1, 1, 4)]
  one.show(6)
  pass(1000)
  expect(files.memory.read(origin)?.size).toBe(6)
  two.show(9)
  pass(1000)
  for (const { of } of [one, two]) {
    const [proof] = of('evidence')
    const { older, newer } = parseFork(proof?.text ?? '')
    expect([older, newer]).toEqual([log.note(6), log.note(9, 1, 4)])
  }
  const req = 7
  one.say({ kind: 'want-cosignature', req, oldSize: 6, proof: log.proof(6, 7), note: log.note(7) })
  pass(1000)
  expect(one.of('cosigned')).toMatchObject([{ req, status: 422 }])
})

it('a witness asks for proofs and nothing else, and is told nothing else', async () => {
  const { mirror, pass, files } = await betweenMirrors()
  const { show, said, say, of } = mirror(0, 0, 0)
  for (const size of [3, 300, 301]) {
    show(size)
    pass(2000)
  }
  say({ kind: 'want-cosignature', req: 1, oldSize: 301, proof: log.proof(301, 310), note: log.note(310) })
  pass(60_000)
  expect(files.memory.read(origin)?.size).toBe(310)
  expect(of('cosigned')).toMatchObject([{ status: 200 }])
  const allowed: MessageKind[] = ['hello', 'have', 'heads', 'announce', 'want-consistency', 'cosigned', 'governance']
  expect([...new Set(said.map(({ kind }) => kind))].filter((kind) => !allowed.includes(kind))).toEqual([])
  say({ kind: 'want-entries', req: 2, origin, size: 310, from: 0, to: 1, skip: 0, maxBytes: 1_000_000 })
  say({ kind: 'want-payloads', req: 3, origin, from: 0, to: 9 })
  pass(250)
  expect(of('error')).toMatchObject([
    { req: 2, code: 'NOT_HELD' },
    { req: 3, code: 'NOT_FOR_YOU' },
  ])
})
