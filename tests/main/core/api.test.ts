import { createORPCClient, ORPCError } from '@orpc/client'
import { RPCLink } from '@orpc/client/websocket'
import { traverseContractProcedures } from '@orpc/server'
import { RPCHandler } from '@orpc/server/ws'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { decodeCapture } from '../../../src/devices/decode-capture.ts'
import { contract } from '../../../src/shared/api/contract.ts'
import { SystemEvent, type ConsentTerms, type Draft } from '../../../src/shared/api/schemas.ts'
import { all, code, coreWorld, first, until, value, window, type Client } from '../../support/core-world.ts'
import { handleOf, PATIENTS, PRACTITIONERS } from '../../support/fake-data.ts'
import { PIN, READY } from '../../support/fake-vault.ts'
import { CARD_TEXT } from '../../support/fake-vault-people.ts'
import { NETWORK_REQUESTS, networkProcedures } from './api-network.ts'
import { RECORD_REQUESTS, recordProcedures } from './api-records.ts'

type World = Awaited<ReturnType<typeof coreWorld>>

const [physician, nurse, , it_] = PRACTITIONERS
const [ada] = PATIENTS
const BAD_ID = handleOf(0xbad)

async function signedIn(as = nurse!): Promise<World> {
  const world = await coreWorld()
  await value(world.client.session.signIn({ handle: as.handle, pin: PIN }))
  return world
}

async function captured(): Promise<World & { captureId: string }> {
  const world = await signedIn()
  const { captureId } = await value(world.client.capture.open({ handle: ada!.handle }))
  await value(world.client.capture.confirmIdentity({ captureId, asked: ['name', 'birth-date'] }))
  return { ...world, captureId }
}

const DRAFT: Draft = {
  draftId: BAD_ID,
  kind: 'glucose',
  quantities: [{ name: 'glucose', value: '112', comparator: null, ucum: 'mg/dL', unit: 'mg/dL', coded: null }],
  measuredAt: '2026-11-20T08:14:05+01:00',
  method: 'device',
  deviceLabel: 'Meter 1',
  flags: [],
  site: null,
  deviceTime: null,
  deviceClockOffsetS: null,
  window: null,
  alreadyRecorded: false,
}

const NOTE = { writer: 'Nora Nurse', patient: 'Bed 4', note: 'by hand', values: [{ label: 'Pulse', text: '72' }] }

const TERMS: ConsentTerms = {
  sites: ['harbour/site'],
  purposes: ['care'],
  classes: ['vital-signs'],
  from: '2026-05-06',
  until: '2027-05-06',
  history: true,
  asksSignature: false,
  freshness: { onlineMin: 15, offlineMin: 4320 },
}

/** With a consent of the first patient. */
async function consented(): Promise<World & { consentId: string }> {
  const world = await signedIn()
  const authorisation = { how: 'card', card: { text: CARD_TEXT, pin: PIN } } as const
  const asked = { handle: ada!.handle, terms: TERMS, words: ['Ada agrees.'], second: null, pin: PIN, authorisation }
  const row = await value(world.client.consents.grant(asked))
  return { ...world, consentId: row.status === 'verified' ? row.record.consentId : BAD_ID }
}

/** With the data of the first patient opened in an emergency. */
async function inEmergency(): Promise<World> {
  const world = await signedIn()
  const text = 'Found without a pulse'
  await value(world.client.access.emergency({ handle: ada!.handle, reason: 'life-threat', text, pin: PIN }))
  return world
}

/** What a stream that ended says. */
const ended = (events: { kind: string; code?: unknown }[]): unknown => events.filter(({ kind }) => kind === 'ended')

/**
 * One test for each procedure of the contract, over a message port. A procedure without an entry here fails below.
 */
const PROCEDURES: Record<string, () => Promise<void>> = {
  ...recordProcedures(signedIn),
  ...networkProcedures(signedIn, (state) => coreWorld({ before: (vault) => (vault.state = state) })),
  'consents.sites': async () => {
    const { client } = await signedIn()
    expect(await value(client.consents.sites({}))).toEqual([
      { id: 'harbour/site', isOwn: true },
      { id: 'hill/site', isOwn: false },
    ])
  },
  'consents.list': async () => {
    const { client } = await consented()
    const [row] = await value(client.consents.list({ handle: ada!.handle }))
    expect(row).toMatchObject({ status: 'verified', record: { version: 1, kind: 'granted', terms: TERMS } })
    const { client: stranger } = await coreWorld()
    expect(await code(stranger.consents.list({ handle: ada!.handle }))).toBe('NOT_SIGNED_IN')
  },
  'consents.grant': async () => {
    const { client } = await signedIn()
    const request = { handle: ada!.handle, terms: TERMS, words: ['Ada agrees.'], second: null, pin: PIN }
    const authorisation = { how: 'card', card: { text: CARD_TEXT, pin: PIN } } as const
    expect(await code(client.consents.grant({ ...request, authorisation, pin: '0000' }))).toBe('WRONG_PIN')
    const twice = { ...TERMS, sites: ['harbour/site', 'harbour/site'] }
    expect(await code(client.consents.grant({ ...request, authorisation, terms: twice }))).toBe('INVALID_REQUEST')
    const row = await value(client.consents.grant({ ...request, authorisation }))
    expect(row).toMatchObject({ record: { words: ['Ada agrees.'], capacity: 'patient' } })
  },
  'consents.amend': async () => {
    const { client, consentId } = await consented()
    const request = { handle: ada!.handle, terms: { ...TERMS, history: false }, words: ['Ada changes it.'], pin: PIN }
    const authorisation = { how: 'incapable', reason: 'unconscious' } as const
    const ask = { ...request, authorisation, second: { handle: it_!.handle, pin: PIN } }
    expect(await code(client.consents.amend({ ...ask, consentId: BAD_ID }))).toBe('UNKNOWN_CONSENT')
    expect(await value(client.consents.amend({ ...ask, consentId }))).toMatchObject({ record: { version: 2 } })
  },
  'consents.revoke': async () => {
    const { client, consentId } = await consented()
    const request = { handle: ada!.handle, consentId, reason: 'not any more', card: null, pin: PIN }
    expect(await value(client.consents.revoke(request))).toMatchObject({
      record: { kind: 'revoked', revocation: { how: 'spoken', reason: 'not any more' } },
    })
    expect(await code(client.consents.revoke(request))).toBe('CONSENT_CLOSED')
  },
  'access.emergency': async () => {
    const { client, vault } = await signedIn()
    const request = { handle: ada!.handle, reason: 'life-threat', text: 'Found without a pulse', pin: PIN } as const
    expect(await code(client.access.emergency({ ...request, text: 'short' }))).toBe('INVALID_REQUEST')
    expect(await code(client.access.emergency({ ...request, pin: '0000' }))).toBe('WRONG_PIN')
    expect((await value(client.access.emergency(request))).until).toMatch(/^2026-/)
    expect([...vault.openGlass]).toEqual([ada!.handle])
  },
  'access.endEmergency': async () => {
    const { client, vault } = await inEmergency()
    await value(client.access.endEmergency({ handle: ada!.handle }))
    expect([...vault.openGlass]).toEqual([])
  },
  'access.list': async () => {
    const { client } = await inEmergency()
    const request = { before: null, limit: 20 }
    expect(await value(client.access.list({ ...request, handle: ada!.handle }))).toHaveLength(1)
    expect(await value(client.access.list({ ...request, handle: BAD_ID }))).toEqual([])
    expect(await code(client.access.list({ ...request, handle: null, limit: 0 }))).toBe('INVALID_REQUEST')
  },
  'access.emergencies': async () => {
    const { client } = await inEmergency()
    const [row] = await value(client.access.emergencies({}))
    expect(row).toMatchObject({ record: { kind: 'emergency', reason: { code: 'life-threat' }, review: null } })
  },
  'access.review': async () => {
    const { client } = await inEmergency()
    const request = { ref: { origin: 'site/1', index: 0 }, outcome: 'justified', remark: null, pin: PIN } as const
    expect(await code(client.access.review({ ...request, ref: { origin: 'site/1', index: 9 } }))).toBe('UNKNOWN_ENTRY')
    await value(client.access.review(request))
    expect(await code(client.access.review(request))).toBe('ALREADY_REVIEWED')
  },
  'system.status': async () => {
    const { client } = await coreWorld()
    await value(client.session.practitioners({}))
    const status = await value(client.system.status({}))
    expect(status).toMatchObject({
      state: 'ready',
      version: '1.2.3',
      shell: 'headless',
      clinic: 'Harbour Street Clinic',
    })
  },
  'system.events': async () => {
    const { client, vault } = await signedIn()
    const stop = new AbortController()
    const events: SystemEvent[] = []
    const stream = await client.system.events({}, { signal: stop.signal })
    const reading = (async () => {
      for await (const event of stream) events.push(event)
    })().catch(() => undefined)
    await until(() => events.length >= 4)
    expect(events.slice(0, 4).map(({ kind }) => kind)).toEqual(['status', 'session', 'devices', 'tray'])
    vault.emit({ kind: 'ledger', size: 12 })
    await until(() => events.some(({ kind }) => kind === 'ledger'))
    stop.abort()
    await reading
  },
  'system.about': async () => {
    const { client } = await coreWorld()
    expect(await value(client.system.about({}))).toEqual({ version: '1.2.3', notices: 'notices' })
  },
  'setup.createClinic': async () => {
    const { client } = await coreWorld()
    const administrator = { name: 'Priya Halloran', pin: PIN }
    const request = { clinicName: 'New clinic', passphrase: 'correct horse battery', administrator }
    expect(await value(client.setup.createClinic(request))).toEqual({ recoveryKey: 'AAAA-BBBB' })
    await until(() => true)
    expect((await value(client.system.status({}))).clinic).toBe('New clinic')
  },
  'setup.openDemo': async () => {
    const { client } = await coreWorld()
    await value(client.setup.openDemo({}))
    expect((await value(client.system.status({}))).demoPins).toHaveLength(1)
  },
  'setup.restore': async () => {
    const { client } = await coreWorld({ before: (vault) => (vault.state = { ...READY, state: 'first-run' }) })
    const restore = (recoveryKey: string, file = '/mnt/usb/clinic.backup') =>
      code(client.setup.restore({ file, recoveryKey, passphrase: null }))
    expect(await restore('wrong')).toBe('BAD_RECOVERY_KEY')
    expect(await restore('AAAA-BBBB', 'relative.backup')).toBe('INVALID_REQUEST')
    expect(await restore('AAAA-BBBB')).toBe('ok')
    expect(await value(client.system.status({}))).toMatchObject({ state: 'ready', clinic: 'Restored clinic' })
  },
  'setup.showRecoveryKey': async () => {
    const { client } = await coreWorld()
    expect(await code(client.setup.showRecoveryKey({ pin: PIN }))).toBe('NOT_SIGNED_IN')
    await value(client.session.signIn({ handle: nurse!.handle, pin: PIN }))
    expect(await value(client.setup.showRecoveryKey({ pin: PIN }))).toEqual({ recoveryKey: 'AAAA-BBBB' })
  },
  'setup.recoveryKeyKept': async () => {
    const { client } = await coreWorld()
    expect(await code(client.setup.recoveryKeyKept({ recoveryKey: 'AAAA-CCCC' }))).toBe('BAD_RECOVERY_KEY')
    expect(await value(client.setup.recoveryKeyKept({ recoveryKey: 'AAAA-BBBB' }))).toEqual({})
  },
  'setup.recover': async () => {
    const recovery = {
      reason: 'moved',
      origin: 'site/1',
      signed: 9,
      held: 9,
      heldUntil: null,
      isFurther: false,
    } as const
    const { client } = await coreWorld({
      before: (vault) => (vault.state = { ...READY, state: 'recovery-needed', problem: 'RECOVERY_NEEDED', recovery }),
    })
    expect(await value(client.system.status({}))).toMatchObject({ state: 'recovery-needed', recovery })
    expect(await code(client.setup.recover({ recoveryKey: 'wrong', file: null }))).toBe('BAD_RECOVERY_KEY')
    expect(await code(client.setup.recover({ recoveryKey: 'AAAA-BBBB', file: null }))).toBe('ok')
    expect(await value(client.system.status({}))).toMatchObject({ state: 'ready', recovery: null })
  },
  'setup.backUp': async () => {
    const { client } = await signedIn(it_)
    expect(await value(client.setup.backUp({ folder: null }))).toEqual({ file: '/data/backups/chartseal-1.backup' })
    const { client: stranger } = await coreWorld()
    expect(await code(stranger.setup.backUp({ folder: '/tmp/x' }))).toBe('NOT_SIGNED_IN')
  },
  'setup.unlock': async () => {
    const { client } = await coreWorld()
    expect(await code(client.setup.unlock({ passphrase: 'wrong' }))).toBe('WRONG_PASSPHRASE')
    expect(await code(client.setup.unlock({ passphrase: 'correct horse battery' }))).toBe('ok')
  },
  'session.practitioners': async () => {
    const { client } = await coreWorld()
    expect(await value(client.session.practitioners({}))).toEqual(PRACTITIONERS)
  },
  'session.current': async () => {
    const { client } = await coreWorld()
    expect(await value(client.session.current({}))).toBeNull()
    await value(client.session.signIn({ handle: nurse!.handle, pin: PIN }))
    expect((await value(client.session.current({})))?.practitioner).toEqual(nurse)
  },
  'session.signIn': async () => {
    const { client, vault } = await coreWorld()
    const signIn = (): ReturnType<Client['session']['signIn']> =>
      client.session.signIn({ handle: nurse!.handle, pin: PIN })
    expect(await value(signIn())).toEqual({ practitioner: nurse, locked: false, idleLimitS: 180, warnS: 20 })
    expect(await code(client.session.signIn({ handle: nurse!.handle, pin: '9999' }))).toBe('WRONG_PIN')
    vault.failures.set('signIn', 'PIN_LOCKED')
    expect(await code(signIn())).toBe('PIN_LOCKED')
  },
  'session.activity': async () => {
    const { client } = await coreWorld()
    expect(await code(client.session.activity({}))).toBe('ok')
  },
  'session.lock': async () => {
    const { client, vault } = await signedIn()
    await value(client.session.lock({}))
    expect((await value(client.session.current({})))?.locked).toBe(true)
    expect(vault.signedIn).toBeNull()
  },
  'session.signOut': async () => {
    const { client, vault } = await signedIn()
    await value(client.session.signOut({}))
    expect([await value(client.session.current({})), vault.signedIn]).toEqual([null, null])
  },
  'people.list': async () => {
    const { client } = await signedIn()
    expect(await value(client.people.list({}))).toHaveLength(PRACTITIONERS.length)
  },
  'people.enrol': async () => {
    const { client } = await signedIn(it_)
    expect(await value(client.people.enrol({ name: 'New Nurse', role: 'nurse', pin: '7788' }))).toMatchObject({
      role: 'nurse',
    })
  },
  'session.reauthenticate': async () => {
    const { client } = await signedIn()
    expect(await code(client.session.reauthenticate({ pin: '9999' }))).toBe('WRONG_PIN')
    expect(await code(client.session.reauthenticate({ pin: PIN }))).toBe('ok')
    const { client: stranger } = await coreWorld()
    expect(await code(stranger.session.reauthenticate({ pin: PIN }))).toBe('NOT_SIGNED_IN')
  },
  'session.changePin': async () => {
    const { client } = await signedIn()
    expect(await code(client.session.changePin({ oldPin: '9999', newPin: '7391' }))).toBe('WRONG_PIN')
    expect(await code(client.session.changePin({ oldPin: PIN, newPin: '1111' }))).toBe('WEAK_PIN')
    expect(await code(client.session.changePin({ oldPin: PIN, newPin: '7391' }))).toBe('ok')
  },
  'people.revoke': async () => {
    const { client } = await signedIn(it_)
    const request = { handle: nurse!.handle, reason: 'left the clinic', pin: PIN }
    expect(await code(client.people.revoke({ ...request, pin: '9999' }))).toBe('WRONG_PIN')
    expect(await code(client.people.revoke({ ...request, reason: 'x' }))).toBe('INVALID_REQUEST')
    expect(await code(client.people.revoke(request))).toBe('ok')
    const rows = await value(client.people.list({}))
    const revoked = rows.flatMap((row) =>
      row.status === 'verified' && row.record.revoked !== null ? [row.record] : [],
    )
    expect(revoked).toMatchObject([{ handle: nurse!.handle, revoked: { reason: 'left the clinic' } }])
  },
  'people.renew': async () => {
    const { client } = await signedIn(it_)
    const request = { handle: nurse!.handle, newPin: '7391', pin: PIN }
    expect(await value(client.people.renew(request))).toEqual(nurse)
    expect(await value(client.people.renew({ ...request, name: 'Typed Again' }))).toMatchObject({ name: 'Typed Again' })
    expect(await code(client.people.renew({ ...request, handle: BAD_ID }))).toBe('UNKNOWN_ENTRY')
  },
  'patients.similar': async () => {
    const { client } = await signedIn()
    const { handle: _, ...patient } = ada!
    expect(await value(client.patients.similar(patient))).toMatchObject([{ status: 'verified', record: ada }])
    expect(await value(client.patients.similar({ ...patient, familyName: 'Nobody' }))).toEqual([])
  },
  'patients.scan': async () => {
    const { client } = await signedIn()
    expect(await value(client.patients.scan({ code: ada!.identifier }))).toMatchObject({ record: ada })
    expect(await value(client.patients.scan({ code: 'nobody' }))).toBeNull()
    const { client: stranger } = await coreWorld()
    expect(await code(stranger.patients.scan({ code: ada!.identifier }))).toBe('NOT_SIGNED_IN')
  },
  'cards.issue': async () => {
    const { client } = await signedIn()
    const request = { handle: ada!.handle, capacity: 'guardian' as const, holder: 'Grace Guardian' }
    const pins = { cardPin: '7391', pin: PIN }
    const printed = await value(client.cards.issue({ ...request, ...pins }))
    expect(printed.card).toMatchObject({ capacity: 'guardian', holder: 'Grace Guardian', issuedBy: nurse!.name })
    expect(await code(client.cards.issue({ ...request, ...pins, pin: '9999' }))).toBe('WRONG_PIN')
    expect(await code(client.cards.issue({ ...request, ...pins, cardPin: '1' }))).toBe('INVALID_REQUEST')
  },
  'cards.list': async () => {
    const { client } = await signedIn()
    expect(await value(client.cards.list({ handle: ada!.handle }))).toEqual([])
    const request = { handle: ada!.handle, capacity: 'patient' as const, holder: null, cardPin: '7391', pin: PIN }
    const { card } = await value(client.cards.issue(request))
    expect(await value(client.cards.list({ handle: ada!.handle }))).toMatchObject([{ record: card }])
  },
  'cards.revoke': async () => {
    const { client } = await signedIn()
    const request = { handle: ada!.handle, capacity: 'patient' as const, holder: null, cardPin: '7391', pin: PIN }
    const { card } = await value(client.cards.issue(request))
    const revocation = { handle: ada!.handle, cardId: card.cardId, reason: 'lost', pin: PIN }
    expect(await code(client.cards.revoke({ ...revocation, cardId: BAD_ID }))).toBe('BAD_CARD')
    expect(await code(client.cards.revoke(revocation))).toBe('ok')
    const rows = await value(client.cards.list({ handle: ada!.handle }))
    expect(rows).toMatchObject([{ record: { revoked: { reason: 'lost' }, usableHere: false } }])
  },
  'outbox.write': async () => {
    // In every state, and nobody needs to be signed in.
    const { client, vault } = await coreWorld({ before: (fake) => (fake.state = { ...READY, state: 'failed' }) })
    await value(client.outbox.write(NOTE))
    expect(vault.notes).toMatchObject([NOTE])
    expect(await code(client.outbox.write({ ...NOTE, writer: ' ' }))).toBe('INVALID_REQUEST')
  },
  'outbox.list': async () => {
    const { client } = await signedIn()
    const { id } = await value(client.outbox.write(NOTE))
    expect(await value(client.outbox.list({}))).toMatchObject([{ ...NOTE, id }])
    const { client: stranger } = await coreWorld()
    expect(await code(stranger.outbox.list({}))).toBe('NOT_SIGNED_IN')
  },
  'outbox.settle': async () => {
    const { client } = await signedIn()
    const { id } = await value(client.outbox.write(NOTE))
    expect(await code(client.outbox.settle({ id, reason: 'entered by hand' }))).toBe('ok')
    expect(await code(client.outbox.settle({ id, reason: 'entered by hand' }))).toBe('UNKNOWN_ENTRY')
    expect(await value(client.outbox.list({}))).toEqual([])
  },
  'outbox.settled': async () => {
    const { client } = await signedIn()
    const { id } = await value(client.outbox.write(NOTE))
    await value(client.outbox.settle({ id, reason: 'entered by hand' }))
    expect(await value(client.outbox.settled({}))).toMatchObject([{ id, settled: { reason: 'entered by hand' } }])
  },
  'patients.search': async () => {
    const { client } = await signedIn()
    const { generation, rows } = await value(client.patients.search({ text: 'Okafor', generation: 5 }))
    expect([generation, rows.map((row) => row.status === 'verified' && row.record.handle)]).toEqual([5, [ada!.handle]])
  },
  'patients.register': async () => {
    const { client } = await signedIn()
    const { handle: _, ...patient } = ada!
    expect(await code(client.patients.register(patient))).toBe('SIMILAR_PATIENT')
    expect(await value(client.patients.register({ ...patient, distinct: true }))).toMatchObject(patient)
    expect(await value(client.patients.register({ ...patient, familyName: 'Nobody' }))).toBeTruthy()
  },
  'patients.chart': async () => {
    const { client } = await signedIn()
    const chart = await value(client.patients.chart({ handle: ada!.handle, generation: 3 }))
    expect([chart.handle, chart.generation]).toEqual([ada!.handle, 3])
    expect(await code(client.patients.chart({ handle: BAD_ID, generation: 3 }))).toBe('UNKNOWN_PATIENT')
  },
  'capture.open': async () => {
    const { client } = await signedIn()
    const { captureId, patient } = await value(client.capture.open({ handle: ada!.handle }))
    expect([captureId, patient.status]).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/), 'verified'])
    expect(await code(client.capture.open({ handle: PATIENTS.at(-1)!.handle }))).toBe('RECORD_NOT_VERIFIED')
  },
  'capture.confirmIdentity': async () => {
    const { client } = await signedIn()
    const { captureId } = await value(client.capture.open({ handle: ada!.handle }))
    const confirm = (asked: ('name' | 'birth-date')[]): Promise<string> =>
      code(client.capture.confirmIdentity({ captureId, asked }))
    expect([await confirm(['name', 'name']), await confirm(['name', 'birth-date'])]).toEqual(['INVALID_REQUEST', 'ok'])
  },
  'capture.live': async () => {
    const { client, captureId, spo2 } = await captured()
    const stream = await client.capture.live({ captureId, connectionId: spo2 })
    const event = await first(stream, (one) => one.kind === 'samples' && one.stableS >= 5)
    expect(event).toMatchObject({ kind: 'samples', finger: true })
  },
  'capture.takeLive': async () => {
    const { client, captureId, spo2 } = await captured()
    const request = { captureId, connectionId: spo2 }
    expect(await code(client.capture.takeLive(request))).toBe('DEVICE_NOT_CONNECTED')
    await first(await client.capture.live(request), (one) => one.kind === 'samples' && one.stableS >= 5)
    const drafts = await value(client.capture.takeLive(request))
    expect(drafts.map(({ kind }) => kind)).toEqual(['spo2', 'heart-rate'])
  },
  'capture.read': async () => {
    const { client, captureId, bp } = await captured()
    const events = await all(client.capture.read({ captureId, connectionId: bp }))
    const drafts = events.flatMap((event) => (event.kind === 'drafts' ? event.drafts : []))
    expect(drafts.map(({ kind }) => kind)).toContain('blood-pressure')
    expect([events[0], events.at(-1)]).toEqual([
      { kind: 'progress', done: 1, total: 3 },
      { kind: 'ended', code: null },
    ])
  },
  'capture.measure': async () => {
    const { client, captureId, bp } = await captured()
    const events = await all(client.capture.measure({ captureId, connectionId: bp }))
    expect(events).toEqual([{ kind: 'ended', code: 'DEVICE_PROTOCOL' }])
  },
  'capture.sign': async () => {
    const { client, captureId, bp } = await captured()
    const events = await all(client.capture.read({ captureId, connectionId: bp }))
    const [draft] = events.flatMap((event) => (event.kind === 'drafts' ? event.drafts : []))
    const { rows } = await value(client.capture.sign({ captureId, draftIds: [draft!.draftId], manual: [] }))
    expect(rows[0]).toMatchObject({
      status: 'verified',
      record: { quantities: draft!.quantities, performer: nurse!.name },
    })
  },
  'capture.close': async () => {
    const { client, captureId } = await captured()
    await value(client.capture.close({ captureId }))
    expect(await code(client.capture.close({ captureId }))).toBe('UNKNOWN_CAPTURE')
  },
  'tray.list': async () => {
    const { client, captureId, bp } = await captured()
    await all(client.capture.read({ captureId, connectionId: bp }))
    await value(client.capture.close({ captureId }))
    expect((await value(client.tray.list({}))).map(({ reason }) => reason)).toContain('not-signed')
  },
  'tray.assign': async () => {
    const { client, captureId, bp, vault } = await captured()
    await all(client.capture.read({ captureId, connectionId: bp }))
    await value(client.capture.close({ captureId }))
    const [item] = await value(client.tray.list({}))
    const request = { ids: [item!.id], handle: ada!.handle, reason: 'found later' }
    expect([await code(client.tray.assign(request)), await code(client.tray.assign(request))]).toEqual([
      'ok',
      'UNKNOWN_TRAY_ITEM',
    ])
    expect(vault.signings).toEqual([{ handle: ada!.handle, kinds: [item!.draft.kind], late: 'found later' }])
  },
  'tray.discard': async () => {
    const { client } = await signedIn()
    expect(await code(client.tray.discard({ ids: [BAD_ID], reason: 'a test of the cuff' }))).toBe('UNKNOWN_TRAY_ITEM')
  },
  'devices.list': async () => {
    const { client } = await coreWorld()
    await value(client.session.practitioners({}))
    const devices = await value(client.devices.list({}))
    expect(devices.map(({ enrolment }) => enrolment?.label)).toEqual(['Oximeter 1', 'Cuff 1'])
  },
  'devices.checks': async () => {
    const { client } = await signedIn()
    expect(await value(client.devices.checks({}))).toEqual([])
  },
  'devices.exchange': async () => {
    const { client, captureId, bp } = await captured()
    await all(client.capture.read({ captureId, connectionId: bp }))
    const { fileName, text } = await value(client.devices.exchange({ connectionId: bp }))
    expect(fileName).toBe('exchange-omron-0590-0028.hex')
    expect(await decodeCapture('omron-0590-0028', text)).toHaveLength(3)
    expect(await code(client.devices.exchange({ connectionId: 'gone' }))).toBe('DEVICE_NOT_CONNECTED')
  },
  'devices.enrol': async () => {
    const { client, vault, bp } = await signedIn(it_)
    const enrol = (): Promise<string> => code(client.devices.enrol({ connectionId: bp, label: 'Cuff ward 3' }))
    expect(await enrol()).toBe('DEVICE_ALREADY_ENROLLED')
    vault.devices = []
    vault.emit({ kind: 'enrolments' })
    await until(() => vault.calls.filter((name) => name === 'enrolments').length > 1)
    expect([await enrol(), await enrol()]).toEqual(['ok', 'DEVICE_ALREADY_ENROLLED'])
    expect(await code(client.devices.enrol({ connectionId: 'gone', label: 'Cuff' }))).toBe('DEVICE_NOT_CONNECTED')
  },
  'devices.enrolments': async () => {
    const { client } = await signedIn()
    expect((await value(client.devices.enrolments({}))).map(({ label }) => label)).toEqual(['Oximeter 1', 'Cuff 1'])
  },
  'devices.revoke': async () => {
    const { client, vault } = await signedIn(it_)
    const [, cuff] = vault.devices
    const revoke = () => code(client.devices.revoke({ handle: cuff!.handle, reason: 'fell into the sink' }))
    expect(await code(client.devices.revoke({ handle: cuff!.handle, reason: ' ' }))).toBe('INVALID_REQUEST')
    expect([await revoke(), await revoke()]).toEqual(['ok', 'DEVICE_NOT_ENROLLED'])
    const devices = await value(client.devices.list({}))
    expect(devices.map(({ enrolment }) => enrolment?.label)).toEqual(['Oximeter 1', undefined])
  },
  'devices.setCalibration': async () => {
    const { client, vault } = await signedIn(it_)
    const [oximeter] = vault.devices
    const due = async () => (await value(client.devices.list({})))[0]?.enrolment?.calibrationDue
    await value(client.devices.setCalibration({ handle: oximeter!.handle, due: '2026-02-28' }))
    expect(await due()).toBe('2026-02-28')
    await value(client.devices.setCalibration({ handle: oximeter!.handle, due: null }))
    expect(await due()).toBeUndefined()
    const impossible = { handle: oximeter!.handle, due: '2026-02-30' }
    expect(await code(client.devices.setCalibration(impossible))).toBe('INVALID_REQUEST')
  },
  'devices.confirmCheck': async () => {
    const { client, vault } = await signedIn()
    const [oximeter] = vault.devices
    const draft = { ...DRAFT, draftId: handleOf(0xc1) }
    vault.kept.push({
      ...{ id: draft.draftId, receivedAt: draft.measuredAt, reason: 'control', draft },
      ...{ device: oximeter!.handle, recorded: false },
    })
    const confirm = (id: string, note: string | null = null) =>
      code(client.devices.confirmCheck({ id, result: 'passed', note }))
    expect([await confirm(draft.draftId), await confirm(draft.draftId)]).toEqual(['ok', 'ALREADY_RECORDED'])
    expect([await confirm(BAD_ID), await confirm(BAD_ID, '')]).toEqual(['UNKNOWN_TRAY_ITEM', 'INVALID_REQUEST'])
    expect((await value(client.devices.checks({}))).map(({ recorded }) => recorded)).toEqual([true])
  },
  'devices.stateCheck': async () => {
    const { client, vault } = await signedIn()
    const request = {
      handle: vault.devices[0]!.handle,
      kind: 'clock',
      result: 'failed',
      note: 'an hour behind',
    } as const
    expect(await code(client.devices.stateCheck(request))).toBe('ok')
    expect(await code(client.devices.stateCheck({ ...request, kind: 'control' as 'clock' }))).toBe('INVALID_REQUEST')
    expect(vault.stated.map(({ record }) => record.note)).toEqual(['an hour behind'])
  },
  'devices.history': async () => {
    const { client, vault } = await signedIn()
    const { handle } = vault.devices[0]!
    await value(client.devices.stateCheck({ handle, kind: 'battery', result: 'passed', note: null }))
    expect(await value(client.devices.history({ handle }))).toMatchObject([
      { status: 'verified', record: { kind: 'battery', result: 'passed', by: nurse!.name } },
    ])
  },
  'ledger.summary': async () => {
    const { client } = await coreWorld()
    expect(await value(client.ledger.summary({}))).toMatchObject({ size: 4, highWaterMark: 'equal' })
  },
  'ledger.blocks': async () => {
    const { client } = await coreWorld()
    expect(await value(client.ledger.blocks({ origin: null, before: null, limit: 10 }))).toHaveLength(1)
  },
  'ledger.entries': async () => {
    const { client } = await coreWorld()
    expect(await value(client.ledger.entries({ origin: null, from: 2, limit: 10 }))).toMatchObject([{ index: 2 }])
  },
  'ledger.verifyAll': async () => {
    const { client, vault } = await coreWorld()
    const events = await all(client.ledger.verifyAll({}))
    expect(events.map(({ kind }) => kind)).toEqual(['progress', 'finding', 'done'])
    expect(vault.cancelled).toEqual([])
  },
  'ledger.scrub': async () => {
    const { client, vault } = await coreWorld()
    const events = await all(client.ledger.scrub({ file: null }))
    expect(events.map(({ kind }) => kind)).toEqual(['progress', 'finding', 'done'])
    expect(events.at(-1)).toMatchObject({ open: 1, repaired: 0 })
    expect((await all(client.ledger.scrub({ file: '/mnt/usb/ledger.db' }))).at(-1)).toMatchObject({
      open: 0,
      repaired: 1,
    })
    expect(vault.cancelled).toEqual([])
  },
  'ledger.incidents': async () => {
    const { client } = await coreWorld()
    expect(await value(client.ledger.incidents({}))).toMatchObject([{ index: 3, kind: 'rows.repaired' }])
  },
  'ledger.evidence': async () => {
    const { client } = await coreWorld()
    expect(await value(client.ledger.evidence({}))).toMatchObject([{ origin: 'site/1', byLog: true }])
  },
  'ledger.evidenceFile': async () => {
    const { client } = await coreWorld()
    const [proof] = await value(client.ledger.evidence({}))
    expect(await value(client.ledger.evidenceFile({ id: proof?.id ?? '' }))).toMatchObject({ fileName: 'site-1.fork' })
    expect(await code(client.ledger.evidenceFile({ id: '0'.repeat(64) }))).toBe('UNKNOWN_ENTRY')
  },
  'ledger.importEvidence': async () => {
    const { client } = await coreWorld()
    expect(await value(client.ledger.importEvidence({ text: 'chartseal/fork/v1\n…' }))).toMatchObject({ isOwn: true })
    expect(await code(client.ledger.importEvidence({ text: 'something else' }))).toBe('NOT_EVIDENCE')
  },
  'ledger.governance': async () => {
    const { client } = await coreWorld()
    const { roster, contract, proposal } = await value(client.ledger.governance({}))
    expect([roster.version, contract.version, proposal?.version]).toEqual([1, 1, 2])
  },
  'ledger.checkContract': async () => {
    const { client } = await coreWorld()
    expect(await value(client.ledger.checkContract({ text: 'permit;' }))).toMatchObject({ added: ['new-rule'] })
    expect(await client.ledger.checkContract({ text: 'x' })).toMatchObject({ code: 'BAD_CONTRACT', detail: 'no rule' })
    expect(await code(client.ledger.checkContract({ text: 'x'.repeat(60_001) }))).toBe('INVALID_REQUEST')
  },
  'ledger.publishContract': async () => {
    expect(await code((await coreWorld()).client.ledger.publishContract({ text: 'permit;' }))).toBe('NOT_SIGNED_IN')
    const { client } = await signedIn(it_)
    expect(await value(client.ledger.publishContract({ text: 'permit;' }))).toMatchObject({ contract: { version: 2 } })
  },
  'ledger.approveContract': async () => {
    const { client } = await signedIn(it_)
    const { contractProposals } = await value(client.ledger.governance({}))
    const hash = contractProposals[0]?.hash ?? ''
    expect(await code(client.ledger.approveContract({ hash: hash.replace(/^./, 'f') }))).toBe('NO_PROPOSAL')
    expect(await value(client.ledger.approveContract({ hash }))).toMatchObject({ contract: { version: 2 } })
    expect(await code(client.ledger.approveContract({ hash: 'x' }))).toBe('INVALID_REQUEST')
  },
  'ledger.discardContract': async () => {
    const { client } = await signedIn(it_)
    const { contractProposals } = await value(client.ledger.governance({}))
    const hash = contractProposals[0]?.hash ?? ''
    expect(await value(client.ledger.discardContract({ hash }))).toMatchObject({ contractProposals: [] })
    expect(await code(client.ledger.discardContract({ hash }))).toBe('NO_PROPOSAL')
  },
  'ledger.proposeRoster': async () => {
    expect(await code((await coreWorld()).client.ledger.proposeRoster({ kind: 'log-key' }))).toBe('NOT_SIGNED_IN')
    const { client } = await signedIn(it_)
    expect(await code(client.ledger.proposeRoster({ kind: 'log-key' }))).toBe('RIVAL_PROPOSAL')
    expect(await value(client.ledger.proposeRoster({ kind: 'ceremony' }))).toMatchObject({ roster: { version: 2 } })
    expect(await code(client.ledger.proposeRoster({ kind: 'coordinator' } as never))).toBe('INVALID_REQUEST')
  },
  'ledger.approveProposal': async () => {
    const { client } = await signedIn(it_)
    expect(await value(client.ledger.approveProposal({}))).toMatchObject({ proposal: { isApproved: true } })
  },
  'ledger.importProposal': async () => {
    const { client } = await signedIn(it_)
    const text = 'chartseal/roster-proposal/v1\n…'
    expect(await value(client.ledger.importProposal({ text }))).toMatchObject({ proposal: { votesMissing: 1 } })
    expect(await code(client.ledger.importProposal({ text: 'something else' }))).toBe('BAD_PROPOSAL')
  },
  'ledger.proposalFile': async () => {
    const { client } = await coreWorld()
    expect(await value(client.ledger.proposalFile({}))).toMatchObject({ fileName: 'roster-2.roster' })
  },
  'ledger.discardProposal': async () => {
    const { client } = await signedIn(it_)
    expect(await value(client.ledger.discardProposal({}))).toMatchObject({ proposal: null })
    expect(await code(client.ledger.proposalFile({}))).toBe('NO_PROPOSAL')
  },
  'ledger.proof': async () => {
    const { client } = await coreWorld()
    expect(await value(client.ledger.proof({ origin: null, index: 2 }))).toMatchObject({ index: 2, size: 4 })
    expect(await code(client.ledger.proof({ origin: null, index: 9 }))).toBe('UNKNOWN_ENTRY')
  },
  'ledger.receipt': async () => {
    const { client } = await coreWorld()
    expect(await value(client.ledger.receipt({ origin: null, index: 2 }))).toMatchObject({
      fileName: 'site-1-2.tlog-proof',
    })
    expect(await code(client.ledger.receipt({ origin: null, index: 9 }))).toBe('UNKNOWN_ENTRY')
  },
}

/** Every procedure of the contract, by name. */
function procedures(): string[] {
  const names: string[] = []
  traverseContractProcedures({ router: contract, path: [] }, ({ path }) => names.push(path.join('.')))
  return names
}

/** Calls a procedure by its name. */
async function callByName(client: Client, name: string, input: unknown): Promise<unknown> {
  const [group = '', procedure = ''] = name.split('.')
  const groups = client as unknown as Record<string, Record<string, (input: unknown) => Promise<unknown>>>
  return groups[group]?.[procedure]?.(input)
}

describe('every procedure', () => {
  it('has a test', () => {
    expect(Object.keys(PROCEDURES).sort()).toEqual(procedures().sort())
  })

  for (const [name, drive] of Object.entries(PROCEDURES)) it(`${name} answers`, drive)
})

const STREAMS = ['system.events', 'capture.live', 'capture.read', 'capture.measure', 'ledger.verifyAll', 'ledger.scrub']
const BAD_INPUTS = [undefined, null, 7, 'text', [], [{ captureId: 1 }]]

describe('a request that does not fit the contract', () => {
  it.each(procedures().filter((name) => !STREAMS.includes(name)))('%s replies INVALID_REQUEST', async (name) => {
    const { client, logged } = await signedIn()
    for (const input of BAD_INPUTS)
      expect(await callByName(client, name, input)).toMatchObject({ ok: false, code: 'INVALID_REQUEST' })
    expect(logged).toEqual([])
  })

  it.each(['capture.live', 'capture.read'])('%s ends with INVALID_REQUEST', async (name) => {
    const { client } = await signedIn()
    const stream = (await callByName(client, name, { captureId: 7 })) as AsyncIterable<unknown>
    expect(await all(Promise.resolve(stream))).toEqual([{ kind: 'ended', code: 'INVALID_REQUEST' }])
  })

  it.each(['system.events', 'ledger.verifyAll'])('%s breaks with BAD_REQUEST', async (name) => {
    const { client } = await signedIn()
    const stream = (await callByName(client, name, 'text')) as AsyncIterable<unknown>
    const error = await all(Promise.resolve(stream)).catch((cause: unknown) => cause)
    expect([error instanceof ORPCError, (error as ORPCError<string, unknown>).code]).toEqual([true, 'BAD_REQUEST'])
  })

  it('names the field, and never what was in it', async () => {
    const { client } = await signedIn()
    const reply = await client.session.signIn({ handle: nurse!.handle, pin: 'x'.repeat(99) })
    expect(reply).toEqual({ ok: false, code: 'INVALID_REQUEST', detail: 'pin' })
  })
})

/** Procedures that are for whoever is signed in, with a request that fits. */
const FOR_THE_SIGNED_IN: Record<string, unknown> = {
  ...RECORD_REQUESTS,
  ...NETWORK_REQUESTS,
  'people.list': {},
  'people.enrol': { name: 'New Nurse', role: 'nurse', pin: '7788' },
  'people.revoke': { handle: BAD_ID, reason: 'gone', pin: PIN },
  'people.renew': { handle: BAD_ID, newPin: '7391', pin: PIN },
  'session.reauthenticate': { pin: PIN },
  'session.changePin': { oldPin: PIN, newPin: '7391' },
  'patients.similar': { ...ada, handle: undefined },
  'patients.scan': { code: 'MRN-1' },
  'cards.list': { handle: ada!.handle },
  'cards.issue': { handle: ada!.handle, capacity: 'patient', holder: null, cardPin: '7391', pin: PIN },
  'cards.revoke': { handle: ada!.handle, cardId: BAD_ID, reason: 'lost', pin: PIN },
  'outbox.list': {},
  'outbox.settled': {},
  'outbox.settle': { id: BAD_ID, reason: 'done' },
  'patients.search': { text: '', generation: 1 },
  'patients.register': { ...ada, handle: undefined },
  'patients.chart': { handle: ada!.handle, generation: 1 },
  'capture.open': { handle: ada!.handle },
  'capture.confirmIdentity': { captureId: BAD_ID, asked: ['name', 'identifier'] },
  'capture.takeLive': { captureId: BAD_ID, connectionId: 'x' },
  'capture.sign': { captureId: BAD_ID, draftIds: [], manual: [] },
  'capture.close': { captureId: BAD_ID },
  'tray.list': {},
  'tray.assign': { ids: [BAD_ID], handle: ada!.handle, reason: 'because' },
  'tray.discard': { ids: [BAD_ID], reason: 'because' },
  'devices.enrol': { connectionId: 'x', label: 'Cuff' },
  'devices.enrolments': {},
  'devices.revoke': { handle: BAD_ID, reason: 'lost' },
  'devices.setCalibration': { handle: BAD_ID, due: null },
  'devices.confirmCheck': { id: BAD_ID, result: 'passed', note: null },
  'devices.stateCheck': { handle: BAD_ID, kind: 'clock', result: 'passed', note: null },
  'devices.history': { handle: BAD_ID },
}

describe('a locked session', () => {
  it.each(Object.entries(FOR_THE_SIGNED_IN))('refuses %s', async (name, input) => {
    const { client } = await signedIn()
    await value(client.session.lock({}))
    expect(await callByName(client, name, input)).toMatchObject({ ok: false, code: 'NOT_SIGNED_IN' })
  })

  it.each(['capture.live', 'capture.read'] as const)('refuses %s', async (name) => {
    const { client, captureId } = await captured()
    await value(client.session.lock({}))
    const stream = (await callByName(client, name, { captureId, connectionId: 'x' })) as AsyncIterable<{ kind: string }>
    expect(ended(await all(Promise.resolve(stream)))).toEqual([{ kind: 'ended', code: 'NOT_SIGNED_IN' }])
  })

  it('does not get the answer to what was asked before it was locked', async () => {
    const { client, vault } = await signedIn()
    const gate = Promise.withResolvers<undefined>()
    vault.gates.set('chart', gate.promise)
    const reply = client.patients.chart({ handle: ada!.handle, generation: 1 })
    await until(() => vault.calls.includes('chart'))
    await value(client.session.lock({}))
    gate.resolve(undefined)
    expect(await code(reply)).toBe('NOT_SIGNED_IN')
  })

  it('does not give somebody else the answer to what another asked', async () => {
    const { client, vault } = await signedIn()
    const gate = Promise.withResolvers<undefined>()
    vault.gates.set('chart', gate.promise)
    const reply = client.patients.chart({ handle: ada!.handle, generation: 1 })
    await until(() => vault.calls.includes('chart'))
    await value(client.session.signIn({ handle: physician!.handle, pin: PIN }))
    gate.resolve(undefined)
    expect(await code(reply)).toBe('NOT_SIGNED_IN')
  })

  it('is not told which charts change, and everybody else is', async () => {
    const { client, core, vault } = await signedIn()
    const heard: SystemEvent[] = []
    const stream = await window(core).system.events({})
    void (async () => {
      for await (const event of stream) heard.push(event)
    })().catch(() => undefined)
    await until(() => heard.length >= 4)
    await value(client.session.lock({}))
    vault.emit({ kind: 'chart-changed', handle: ada!.handle })
    vault.emit({ kind: 'ledger', size: 5 })
    await until(() => heard.some(({ kind }) => kind === 'ledger'))
    expect(heard.filter(({ kind }) => kind === 'chart-changed')).toEqual([])
    await value(client.session.signIn({ handle: nurse!.handle, pin: PIN }))
    vault.emit({ kind: 'chart-changed', handle: ada!.handle })
    await until(() => heard.some(({ kind }) => kind === 'chart-changed'))
    for (const event of heard) SystemEvent.parse(event)
  })
})

describe('a failure of our own', () => {
  it('crosses as INTERNAL, and is logged with its stack and without the request', async () => {
    const { client, vault, logged } = await signedIn()
    vault.failures.set('searchPatients', new Error('bug: unexpected'))
    expect(await client.patients.search({ text: 'Okafor', generation: 1 })).toEqual({ ok: false, code: 'INTERNAL' })
    // The vault's own thread logs the stack; here it is a coded failure already.
    expect(logged.join()).not.toContain('Okafor')
  })

  it('is a reply that does not fit the contract', async () => {
    const { client, vault, logged } = await signedIn()
    vault.searchPatients = () => Promise.resolve([{ status: 'verified', record: { familyName: 'Secret' } } as never])
    expect(await client.patients.search({ text: '', generation: 1 })).toEqual({ ok: false, code: 'INTERNAL' })
    expect(logged).toHaveLength(1)
    expect(logged[0]).toMatch(/^patients\.search: .* at value\.rows\.0/s)
    expect(logged[0]).not.toContain('Secret')
  })
})

describe('"verify everything"', () => {
  it('is given up when the window leaves', async () => {
    const { client, vault } = await coreWorld()
    vault.endlessVerification = true
    await first(await client.ledger.verifyAll({}))
    await until(() => vault.cancelled.length === 1)
  })

  it('breaks with the code of what prevents it', async () => {
    const { client, vault } = await coreWorld()
    vault.failures.set('verifyAll', 'WRONG_STATE')
    const error = await all(client.ledger.verifyAll({})).catch((cause: unknown) => cause)
    expect((error as ORPCError<string, unknown>).code).toBe('WRONG_STATE')
  })

  it('runs for each window apart', async () => {
    const { client, core } = await coreWorld()
    const other = window(core)
    const [here, there] = await Promise.all([all(client.ledger.verifyAll({})), all(other.ledger.verifyAll({}))])
    expect([here.length, there.length]).toEqual([3, 3])
  })
})

describe('over a WebSocket', () => {
  it('answers, refuses and streams alike', async () => {
    const { core } = await coreWorld()
    const client = await socketClient(core)
    await value(client.session.signIn({ handle: nurse!.handle, pin: PIN }))
    expect(await value(client.patients.search({ text: 'Okafor', generation: 2 }))).toMatchObject({ generation: 2 })
    expect(await callByName(client, 'session.signIn', { pin: 1 })).toMatchObject({ code: 'INVALID_REQUEST' })
    expect(await all(client.ledger.verifyAll({}))).toHaveLength(3)
  })
})

async function socketClient(core: World['core']): Promise<Client> {
  const http = createServer()
  const sockets = new WebSocketServer({ server: http })
  const handler = new RPCHandler(core.router)
  sockets.on('connection', (socket) => void handler.upgrade(socket, { context: {} }))
  await new Promise<void>((done) => http.listen(0, '127.0.0.1', done))
  const socket = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}`)
  onTestFinished(() => {
    socket.terminate()
    sockets.close()
    http.close()
  })
  await new Promise((done) => socket.once('open', done))
  return createORPCClient(new RPCLink({ websocket: socket as never }))
}
