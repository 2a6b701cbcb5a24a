/**
 * Who may call what: every procedure of the contract, asked by everybody, in every state of a patient's consent, through
 * the real router on a real vault. A procedure without a row here fails.
 */
import { ORPCError } from '@orpc/client'
import { traverseContractProcedures } from '@orpc/server'
import { beforeAll, describe, expect, it } from 'vitest'
import { contract } from '../../../src/shared/api/contract.ts'
import { CALLS } from '../../support/permission-calls.ts'
import {
  ASKERS,
  CONSENT_STATES,
  matrixWorld,
  PLANTED,
  prepareStates,
  type Asker,
  type ConsentState,
  type Prepared,
} from '../../support/permission-world.ts'

type Kind = keyof typeof PLANTED

/** What may be seen of the patient: written down once more, as simply as can be. */
function isOpen(kind: Kind, state: ConsentState, asker: Asker): boolean {
  if (state === 'none' || state === 'granted') return true
  // The consent of this state names who the patient is, and vital signs.
  if (state === 'partly') return kind !== 'body'
  return state === 'emergency' && (asker === 'physician' || asker === 'nurse')
}

/** What somebody is answered in a state: the code, and the kinds of planted data in the answer. */
type Answer = (state: ConsentState, asker: Asker) => string
const always =
  (text: string): Answer =>
  () =>
    text
/** Done; of these kinds of data, what is open is shown. */
const shows =
  (...kinds: Kind[]): Answer =>
  (state, asker) =>
    ['ok', ...kinds.filter((kind) => isOpen(kind, state, asker))].join(' ')
/** As `answer` where this kind of data is open, refused with `code` otherwise. */
const needs =
  (kind: Kind, code: string, answer: Answer): Answer =>
  (state, asker) =>
    isOpen(kind, state, asker) ? answer(state, asker) : code
/** What an emergency opens is for reading: whoever changes it, or gives it away, needs consent. */
const byConsent =
  (answer: Answer): Answer =>
  (state, asker) =>
    answer(state === 'emergency' ? 'revoked' : state, asker)
/** About a consent that stands; there may be none, or it was taken back. */
const standing: Answer = (state) => {
  if (state === 'none') return 'UNKNOWN_CONSENT'
  return state === 'revoked' || state === 'emergency' ? 'CONSENT_CLOSED' : 'ok name'
}

/** The nurse recorded it: one's own mistake can be corrected in an emergency, too. */
const corrects =
  (answer: Answer): Answer =>
  (state, asker) =>
    asker === 'nurse' ? answer(state, asker) : byConsent(answer)(state, asker)

const ANSWERS: Readonly<Record<string, Answer>> = {
  '-': always('NOT_SIGNED_IN'),
  no: always('NOT_ALLOWED'),
  // Done, and nothing of the patient is in the answer.
  yes: always('ok'),
  // Shows who the patient is where that is open, and otherwise that there is somebody.
  who: shows('name'),
  // Shows each value whose kind of data is open, and of the others that they exist.
  chart: shows('name', 'vital', 'body'),
  // Recorded in any case: losing a reading is worse than not showing it.
  sign: shows('body'),
  // Changes a value that whoever changes it must be able to see.
  amend: corrects(needs('body', 'RECORD_NOT_VERIFIED', always('ok body'))),
  retract: corrects(needs('body', 'RECORD_NOT_VERIFIED', always('ok'))),
  // Needs to know who the patient is, and by consent.
  known: byConsent(needs('name', 'CONSENT_NEEDED', always('ok'))),
  score: needs('name', 'CONSENT_NEEDED', shows('vital')),
  // Shows the score that was recorded, which is a kind of data of its own that `partly` leaves out.
  scored: byConsent(needs('name', 'CONSENT_NEEDED', (state) => (state === 'partly' ? 'ok' : 'ok vital'))),
  export: byConsent(needs('name', 'NOTHING_TO_EXPORT', shows('name', 'vital', 'body'))),
  // The words that the patient signed name the patient. Whoever has to obey them may read them.
  words: (state) => (state === 'none' ? 'ok' : 'ok name'),
  new: always('ok name'),
  standing,
  // Allowed, as far as this goes: what it is about is not there.
  state: always('WRONG_STATE'),
  paper: always('BAD_RECOVERY_KEY'),
  capture: always('UNKNOWN_CAPTURE'),
  memory: always('DEVICE_PROTOCOL'),
  entry: always('UNKNOWN_ENTRY'),
  evidence: always('NOT_EVIDENCE'),
  proposal: always('NO_PROPOSAL'),
  roster: always('BAD_PROPOSAL'),
  reach: always('NOT_REACHABLE'),
  invited: always('UNKNOWN_INVITATION'),
}

/**
 * The decisions. Columns: nobody (also of a locked session), physician, nurse, IT, auditor. Rows are called in this
 * order, on one copy of the clinic for each asker and state: what ends something comes last.
 */
const TABLE = `
                          nobody    physician nurse     it        auditor
  system.status           yes       yes       yes       yes       yes
  system.events           yes       yes       yes       yes       yes
  system.about            yes       yes       yes       yes       yes
  setup.createClinic      state     state     state     state     state
  setup.openDemo          state     state     state     state     state
  setup.unlock            state     state     state     state     state
  setup.restore           state     state     state     state     state
  setup.recover           state     state     state     state     state
  setup.checkInvitation   state     state     state     state     state
  setup.joinNetwork       state     state     state     state     state
  setup.joinClinic        state     state     state     state     state
  setup.abandonJoining    state     state     state     state     state
  setup.showRecoveryKey   -         no        no        yes       no
  setup.recoveryKeyKept   paper     paper     paper     paper     paper
  setup.backUp            -         no        no        yes       no
  session.practitioners   yes       yes       yes       yes       yes
  session.current         yes       yes       yes       yes       yes
  session.reauthenticate  -         yes       yes       yes       yes
  session.activity        yes       yes       yes       yes       yes
  people.list             -         yes       yes       yes       yes
  people.enrol            -         no        no        yes       no
  people.renew            -         no        no        yes       no
  people.revoke           -         no        no        yes       no
  patients.search         -         who       who       who       no
  patients.similar        -         who       who       who       no
  patients.register       -         yes       yes       yes       no
  patients.scan           -         who       who       who       no
  patients.chart          -         chart     chart     no        no
  cards.list              -         yes       yes       yes       no
  cards.issue             -         yes       yes       no        no
  consents.sites          -         yes       yes       no        no
  consents.list           -         words     words     no        no
  access.list             -         yes       yes       no        yes
  access.emergencies      -         yes       yes       no        yes
  access.review           -         yes       no        no        yes
  records.amend           -         amend     amend     no        no
  records.retract         -         retract   retract   no        no
  assessments.settings    -         yes       yes       yes       yes
  assessments.configure   -         yes       no        no        no
  assessments.draft       -         score     score     no        no
  assessments.record      -         scored    scored    no        no
  assessments.setScale    -         known     no        no        no
  imports.preview         -         known     known     no        no
  imports.accept          -         known     known     no        no
  exports.preview         -         yes       no        no        no
  exports.make            -         export    no        no        no
  erasures.list           -         yes       yes       yes       yes
  erasures.preview        -         yes       no        yes       no
  erasures.request        -         yes       no        yes       no
  erasures.proposals      -         yes       yes       yes       yes
  network.status          -         yes       yes       yes       yes
  network.configure       -         no        no        yes       no
  network.invite          -         no        no        reach     no
  network.withdraw        -         no        no        invited   no
  network.letIn           -         no        no        invited   no
  outbox.write            yes       yes       yes       yes       yes
  outbox.list             -         yes       yes       no        no
  outbox.settle           -         yes       yes       no        no
  outbox.settled          -         yes       yes       no        no
  capture.open            -         who       who       no        no
  capture.confirmIdentity -         yes       yes       capture   capture
  capture.live            -         yes       yes       capture   capture
  capture.takeLive        -         yes       yes       capture   capture
  capture.read            -         yes       yes       capture   capture
  capture.measure         -         memory    memory    capture   capture
  capture.sign            -         sign      sign      capture   capture
  capture.close           -         yes       yes       capture   capture
  tray.list               -         yes       yes       no        no
  tray.assign             -         yes       yes       no        no
  tray.discard            -         yes       yes       no        no
  devices.list            yes       yes       yes       yes       yes
  devices.enrol           -         no        no        yes       no
  devices.enrolments      -         yes       yes       yes       yes
  devices.setCalibration  -         no        no        yes       no
  devices.checks          -         yes       yes       yes       yes
  devices.confirmCheck    -         yes       yes       yes       no
  devices.stateCheck      -         yes       yes       yes       no
  devices.history         -         yes       yes       yes       yes
  devices.exchange        -         yes       yes       no        no
  ledger.summary          -         yes       yes       yes       yes
  ledger.blocks           -         yes       yes       yes       yes
  ledger.entries          -         yes       yes       yes       yes
  ledger.verifyAll        -         yes       yes       yes       yes
  ledger.scrub            -         yes       yes       yes       yes
  ledger.incidents        -         yes       yes       yes       yes
  ledger.evidence         -         yes       yes       yes       yes
  ledger.evidenceFile     -         entry     entry     entry     entry
  ledger.importEvidence   -         evidence  evidence  evidence  evidence
  ledger.governance       -         yes       yes       yes       yes
  ledger.checkContract    -         no        no        yes       no
  ledger.approveContract  -         no        no        proposal  no
  ledger.discardContract  -         no        no        proposal  no
  ledger.approveProposal  -         no        no        proposal  no
  ledger.importProposal   -         no        no        roster    no
  ledger.proposalFile     -         no        no        proposal  no
  ledger.discardProposal  -         no        no        yes       no
  ledger.proof            -         yes       yes       yes       yes
  ledger.receipt          -         yes       yes       yes       yes
  access.emergency        -         yes       yes       no        no
  access.endEmergency     -         yes       yes       yes       yes
  session.lock            yes       yes       yes       yes       yes
  session.signOut         yes       yes       yes       yes       yes
  session.signIn          yes       yes       yes       yes       yes
  devices.revoke          -         no        no        yes       no
  cards.revoke            -         yes       yes       no        no
  erasures.withdraw       -         yes       no        yes       no
  erasures.approve        -         yes       no        yes       no
  consents.grant          -         new       new       no        no
  consents.amend          -         standing  standing  no        no
  consents.revoke         -         standing  standing  no        no
  ledger.proposeRoster    -         no        no        yes       no
  ledger.publishContract  -         no        no        yes       no
  session.changePin       -         yes       yes       yes       yes
`

const [header = '', ...lines] = TABLE.split('\n').filter((line) => line.trim() !== '')
const COLUMNS = header.trim().split(/\s+/)
const ROWS = new Map(
  lines.map((line) => {
    const [name = '', ...cells] = line.trim().split(/\s+/)
    return [name, new Map(cells.map((cell, i) => [COLUMNS[i] ?? 'too many', cell]))]
  }),
)

/** After these, whoever asks comes back as before. */
const ENDS_SOMETHING = /^(?:session\.(?:lock|signOut|signIn)|access\.(?:emergency|endEmergency))$/

function procedures(): string[] {
  const names: string[] = []
  traverseContractProcedures({ router: contract, path: [] }, ({ path }) => names.push(path.join('.')))
  return names.sort()
}

function expected(name: string, state: ConsentState, asker: Asker): string {
  const cell = ROWS.get(name)?.get(asker === 'locked' ? 'nobody' : asker) ?? ''
  const answer = ANSWERS[cell]
  if (answer === undefined) throw new Error(`${name}: "${cell}" is no answer`)
  return answer(state, asker)
}

/** What was answered: the code, and the kinds of planted data in it. A stream that breaks has a code as well. */
async function answered(call: Promise<unknown>): Promise<string> {
  const reply = await call.catch((error: unknown) => {
    if (error instanceof ORPCError) return { ok: false, code: error.code as string }
    throw error
  })
  const { ok, code } = reply as { ok: boolean; code?: string }
  const text = JSON.stringify(reply)
  const shown = Object.entries(PLANTED).flatMap(([kind, texts]) => (texts.some((one) => holds(text, one)) ? kind : []))
  return [ok ? 'ok' : (code ?? 'no code'), ...shown].join(' ')
}

/** Whether a text is there by itself, and not as part of a longer number. */
function holds(text: string, planted: string): boolean {
  return new RegExp(`(?<![0-9.])${planted.replaceAll('.', '\\.')}(?![0-9])`).test(text)
}

describe('the table', () => {
  it('decides every procedure of the contract for everybody', () => {
    expect([...ROWS.keys()].sort()).toEqual(procedures())
    expect(Object.keys(CALLS).sort()).toEqual(procedures())
    for (const cells of ROWS.values()) expect([...cells.keys()]).toEqual(COLUMNS)
    expect(lines).toHaveLength(ROWS.size)
  })

  it('lets nobody who is not signed in see, change or learn anything about a patient', () => {
    const open = [...ROWS].filter(([, cells]) => cells.get('nobody') === 'yes').map(([name]) => name)
    expect(open.filter((name) => !/^(?:system|session)\./.test(name))).toEqual(['outbox.write', 'devices.list'])
  })

  it('gives IT and auditors no clinical answer', () => {
    const clinical = ['chart', 'sign', 'amend', 'retract', 'score', 'scored', 'export', 'words', 'known', 'new']
    for (const [name, cells] of ROWS)
      for (const role of ['it', 'auditor'])
        expect([name, clinical.includes(cells.get(role) ?? '')]).toEqual([name, false])
  })
})

describe.each(CONSENT_STATES)('with consent: %s', (state) => {
  let prepared: ReadonlyMap<ConsentState, Prepared>
  beforeAll(async () => (prepared = await (clinics ??= prepareStates())), 120_000)

  it.each(ASKERS)('%s is answered as the table says', { timeout: 120_000 }, async (asker) => {
    const clinic = prepared.get(state)
    if (clinic === undefined) throw new Error('every state is prepared')
    const world = await matrixWorld(clinic, asker, state)
    for (const name of ROWS.keys()) {
      const call = CALLS[name] ?? (() => Promise.reject(new Error('no call')))
      expect(`${name}: ${await answered(call(world))}`).toBe(`${name}: ${expected(name, state, asker)}`)
      if (ENDS_SOMETHING.test(name)) await world.settle()
    }
    expect(world.faults).toEqual([])
  })
})

let clinics: Promise<ReadonlyMap<ConsentState, Prepared>> | undefined
