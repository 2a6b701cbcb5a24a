/**
 * One real vault behind the real router, for each state of a patient's consent: what the permission matrix is called on.
 */
import { MessageChannel } from 'node:worker_threads'
import { onTestFinished } from 'vitest'
import type { VaultService } from '../../src/main/core/vault-service.ts'
import type { VaultListeners } from '../../src/main/core/vault-thread.ts'
import { Vault } from '../../src/main/core/vault/vault.ts'
import { connect, serve } from '../../src/main/core/worker-port.ts'
import { startWorkstation } from '../../src/main/core/workstation.ts'
import type { EntryRef, ManualValue } from '../../src/shared/api/schemas.ts'
import {
  copyOf,
  forWholeFile,
  NODE_SECRET,
  oximeterDrafts,
  signManual,
  startVault,
  temporaryFolder,
  weight,
} from '../faults/support/clinic.ts'
import {
  CARD_PIN,
  clinicOf,
  consentWorld,
  DAY_MS,
  granted,
  PIN,
  takenBack,
  type Holder,
  type Team,
  type World,
} from './consent-world.ts'
import { deviceWorld, window, type Client } from './core-world.ts'

/** What the patient decided. In `emergency` consent was taken back and the glass is broken. */
export const CONSENT_STATES = ['none', 'granted', 'partly', 'revoked', 'expired', 'emergency'] as const
export type ConsentState = (typeof CONSENT_STATES)[number]

/** Who asks. Of a locked session nobody is there. */
export const ASKERS = ['nobody', 'locked', 'physician', 'nurse', 'it', 'auditor'] as const
export type Asker = (typeof ASKERS)[number]

/** What stands nowhere else, by the kind of data that it is. */
export const PLANTED = {
  name: ['Zwiebelturm', 'Ludmilla-Xanthe', 'MRN-77003141'],
  vital: ['91.3'],
  body: ['137.251', '137.252', '137.253', '137.254'],
} as const

/** Where things are that calls are about. */
export interface Places {
  readonly team: Team
  readonly patient: Holder
  readonly cards: { readonly spare: string }
  /** Three weights: to look at, to amend, to withdraw. */
  readonly weights: readonly [EntryRef, EntryRef, EntryRef]
  readonly emergency: EntryRef
  readonly colleague: string
  readonly device: string
  readonly trayIds: readonly [string, string]
  readonly checkId: string
  readonly noteId: string
  /** Erasures that IT and another physician asked for: one to complete, one to take back. */
  readonly proposals: { readonly byIt: readonly [string, string]; readonly byPhysician: readonly [string, string] }
  readonly site: string
}

/** A closed data folder in one state, the time it was closed, and what is in it. */
export interface Prepared {
  readonly folder: string
  readonly nowMs: number
  readonly places: Places
  /** The consent that was given; null in `none`. */
  readonly consentId: string | null
}

const typed = (kind: ManualValue['kind'], quantities: ManualValue['quantities']): ManualValue => ({
  ...{ kind, quantities, site: null, confirmed: true },
})
const one = (name: string, value: string | null, ucum: string, coded: string | null = null) => ({
  ...{ name, value, ucum, coded },
})

/** Everything that NEWS2 asks for. */
const OBSERVED: readonly ManualValue[] = [
  typed('respiratory-rate', [one('respiratory-rate', '16', '/min')]),
  typed('spo2', [one('spo2', PLANTED.vital[0], '%')]),
  typed('oxygen', [one('oxygen', null, '', 'air')]),
  typed('blood-pressure', [one('systolic', '121', 'mm[Hg]'), one('diastolic', '81', 'mm[Hg]')]),
  typed('heart-rate', [one('pulse', '71', '/min')]),
  typed('consciousness', [one('consciousness', null, '', 'alert')]),
  typed('temperature', [one('temperature', '37.0', 'Cel')]),
]

/** Makes the clinic once, and a copy of it for each state. */
export function prepareStates(): Promise<ReadonlyMap<ConsentState, Prepared>> {
  return forWholeFile(async () => {
    const world = await consentWorld(temporaryFolder())
    const places = await furnished(world)
    await world.vault.close()
    const prepared = new Map<ConsentState, Prepared>()
    for (const state of CONSENT_STATES)
      prepared.set(state, await decided(state, { folder: world.folder, nowMs: world.clock.nowMs, places }))
    return prepared
  })
}

async function furnished(world: World): Promise<Places> {
  const { vault, team } = world
  await vault.signIn(team.it, PIN)
  const colleague = await vault.enrolPractitioner({ name: 'Rita Replaceable', role: 'nurse', pin: PIN })
  const [device] = await vault.enrolments()
  await vault.signIn(team.nurse, PIN)
  const [familyName, givenName, identifier] = PLANTED.name
  const registered = await vault.registerPatient({
    ...{ familyName, givenName, identifier, birthDate: '1953-11-29', gender: 'female' },
  })
  const { handle } = registered
  const card = { handle, cardPin: CARD_PIN, pin: PIN }
  const { text } = await vault.issueCard({ ...card, capacity: 'patient', holder: null })
  const spare = await vault.issueCard({ ...card, capacity: 'guardian', holder: 'Gundula Ash' })
  const patient = { ...registered, card: { text, pin: CARD_PIN } }
  await signManual(world, handle, OBSERVED)
  const weights = await signManual(
    world,
    handle,
    PLANTED.body.slice(0, 3).map((kg) => weight(kg)),
  )
  const refs = weights.map((row) => {
    if (row.status === 'rejected') throw new Error(row.reason)
    return { origin: row.position.origin, index: row.position.index }
  })
  await vault.putTray('no-patient', [...(await oximeterDrafts(world, 2)), ...(await oximeterDrafts(world, 3))])
  await vault.putChecks('control', await oximeterDrafts(world, 4))
  const [tray, checks] = [await vault.tray(), await vault.checks()]
  const { id: noteId } = await vault.writeOutbox({ writer: 'Nora', patient: 'Bed 4', note: 'by hand', values: [] })
  const proposals = await requested(world, handle, refs[0])
  await vault.signIn(team.physician, PIN)
  await vault.configureSupport({ news2: true, pin: PIN })
  return {
    ...{ team, patient, noteId, proposals, colleague: colleague.handle, device: device?.handle ?? '' },
    cards: { spare: spare.card.cardId },
    weights: [refs[0], refs[1], refs[2]] as Places['weights'],
    emergency: await brokenByOther(world, handle),
    trayIds: [tray[0]?.id ?? '', tray[1]?.id ?? ''],
    checkId: checks[0]?.id ?? '',
    site: world.clinic().identity.site,
  }
}

async function requested(world: World, handle: string, ref: EntryRef | undefined): Promise<Places['proposals']> {
  const { vault, team } = world
  const ask = async (by: string) => {
    await vault.signIn(by, PIN)
    const target = { handle, records: [ref ?? { origin: '', index: 0 }] }
    const request = { ...target, reason: 'patient-request', authority: 'gdpr-17', pin: PIN }
    return [(await vault.requestErasure(request)).id, (await vault.requestErasure(request)).id] as const
  }
  return { byIt: await ask(team.it), byPhysician: await ask(team.other) }
}

async function brokenByOther({ vault, team }: World, handle: string): Promise<EntryRef> {
  await vault.signIn(team.other, PIN)
  await vault.breakGlass({ handle, reason: 'life-threat', text: 'found without a pulse', pin: PIN })
  const [row] = await vault.emergencies()
  await vault.signOut()
  if (row?.status !== 'verified') throw new Error('an emergency that was just recorded can be read')
  return { origin: row.position.origin, index: row.position.index }
}

/** A copy of the clinic in which the patient decided something. */
async function decided(state: ConsentState, from: Omit<Prepared, 'consentId'>): Promise<Prepared> {
  const folder = copyOf(from.folder)
  const clock = { nowMs: from.nowMs }
  if (state === 'none') return { ...from, folder, consentId: null }
  const open = await startVault(folder, { nowMs: () => (clock.nowMs += 1000) })
  const world: World = { ...open, team: from.places.team, clock, clinic: () => clinicOf(open) }
  await world.vault.signIn(world.team.nurse, PIN)
  const { consentId } = await granted(world, from.places.patient, {
    ...(state === 'partly' ? { classes: ['demographics', 'vital-signs'] } : {}),
    ...(state === 'expired' ? { until: '2026-03-03' } : {}),
  })
  if (state === 'revoked' || state === 'emergency') await takenBack(world, from.places.patient, consentId)
  await world.vault.close()
  const nowMs = clock.nowMs + (state === 'expired' ? 3 * DAY_MS : 0)
  return { ...from, folder, nowMs, consentId }
}

/** A window on a throw-away copy of a prepared clinic. */
export interface MatrixWorld extends Places {
  readonly client: Client
  readonly vault: Vault
  readonly consentId: string | null
  readonly spo2: string
  readonly cuff: string
  readonly asker: Asker
  /** Failures of our own that were logged. */
  readonly faults: unknown[]
  /** Signs in again, and breaks the glass again, after a call that ended that. */
  readonly settle: () => Promise<void>
}

/** Starts the whole core on a copy. Closed when the test is over. */
export async function matrixWorld(prepared: Prepared, asker: Asker, state: ConsentState): Promise<MatrixWorld> {
  const devices = deviceWorld()
  const clock = { nowMs: prepared.nowMs }
  const { port1, port2 } = new MessageChannel()
  let send: (event: unknown) => void = () => undefined
  const vault = new Vault(
    (event) => send(event),
    () => (clock.nowMs += 1000),
  )
  const faults: unknown[] = []
  send = serve(port1, vault, (error) => faults.push(error))
  const core = startWorkstation({
    connectVault: (listeners: VaultListeners) => {
      const { remote } = connect<VaultService>(port2, (event) => listeners.event(event as never))
      return { vault: remote, end: async () => Promise.resolve(port1.close()) }
    },
    vaultOptions: {
      ...{ dataFolder: copyOf(prepared.folder), demo: false, machineId: null, scryptLogN: 10 },
      nodeSecret: NODE_SECRET,
    },
    hub: devices.hub,
    idleLimitS: 180,
    installation: { version: '1.2.3', shell: 'headless', dataFolder: '/data' },
    notices: () => 'notices',
    // The clock of the vault goes on by a second at every look, and would end the session meanwhile.
    now: () => ({ monotonicMs: performance.now(), wallMs: prepared.nowMs }),
    stateChanged: () => undefined,
    log: (line) => faults.push(line),
  })
  onTestFinished(() => core.close())
  const client = window(core)
  const settle = () => settled(client, prepared.places, { asker, state })
  await settle()
  const { consentId, places } = prepared
  return { ...places, client, vault, consentId, spo2: devices.spo2, cuff: devices.bp, asker, faults, settle }
}

async function settled(
  client: Client,
  { team, patient }: Places,
  { asker, state }: { asker: Asker; state: ConsentState },
): Promise<void> {
  await client.session.signOut({})
  if (asker === 'nobody') return
  const handle = asker === 'locked' ? team.nurse : team[asker]
  const reply = await client.session.signIn({ handle, pin: PIN })
  if (!reply.ok) throw new Error(`${asker} cannot sign in: ${reply.code}`)
  if (state === 'emergency' && (asker === 'physician' || asker === 'nurse')) {
    const request = { handle: patient.handle, reason: 'unconscious', text: 'cannot be asked now', pin: PIN } as const
    const broken = await client.access.emergency(request)
    if (!broken.ok) throw new Error(broken.code)
  }
  if (asker === 'locked') await client.session.lock({})
}
