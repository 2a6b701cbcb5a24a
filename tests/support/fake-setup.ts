/** Setting up, signing in and finding patients, as a fake core answers. */
import { ORIGIN, type FakeCore } from './fake-core.ts'
import { hashOf } from './fake-data.ts'
import { factsOf, JOIN_CODE, joiningNow } from './fake-network.ts'
import { fail, ok, type Guard, type Os } from './fake-reply.ts'

/** Answers of `system.*`. */
export function systemAnswers(os: Os, core: FakeCore, guard: Guard) {
  return {
    status: os.system.status.handler(guard('system.status', () => ok(core.status))),
    events: os.system.events.handler(({ signal }) => core.events(signal)),
    about: os.system.about.handler(
      guard('system.about', () =>
        ok({
          version: core.status.version,
          notices:
            'LOINC® is a registered trademark of Regenstrief Institute, Inc.\n\nUCUM is copyright Regenstrief Institute, Inc. and the UCUM Organization.\n\nvue 3.5 — MIT',
        }),
      ),
    ),
  }
}

const RECOVERY_KEY = 'K7QM-4TXR-92HD-WPLN-6CVF-3JYB-8SGA-5EZU-1DKT'

/** Answers of `setup.*`. */
export function setupAnswers(os: Os, core: FakeCore, guard: Guard) {
  return {
    createClinic: os.setup.createClinic.handler(
      guard('setup.createClinic', (input) => {
        if (input.passphrase !== null && input.passphrase.length < 12) return fail('WEAK_PASSPHRASE')
        core.status = { ...core.status, state: 'ready', demo: false, clinic: input.clinicName, demoPins: [] }
        return ok({ recoveryKey: RECOVERY_KEY })
      }),
    ),
    openDemo: os.setup.openDemo.handler(
      guard('setup.openDemo', () => {
        core.status = { ...core.status, state: 'ready', demo: true }
        core.emit({ kind: 'status', status: core.status })
        return ok({})
      }),
    ),
    restore: os.setup.restore.handler(
      guard('setup.restore', ({ recoveryKey }) => {
        if (recoveryKey !== 'K7QM') return fail('BAD_RECOVERY_KEY')
        core.status = { ...core.status, state: 'ready', demo: false }
        core.emit({ kind: 'status', status: core.status })
        return ok({})
      }),
    ),
    recover: os.setup.recover.handler(
      guard('setup.recover', ({ recoveryKey }) => {
        if (recoveryKey !== 'K7QM') return fail('BAD_RECOVERY_KEY')
        core.status = { ...core.status, state: 'ready', recovery: null }
        core.emit({ kind: 'status', status: core.status })
        return ok({})
      }),
    ),
    checkInvitation: os.setup.checkInvitation.handler(
      guard('setup.checkInvitation', ({ invitation }) => factsOf(invitation, core.now)),
    ),
    joinNetwork: os.setup.joinNetwork.handler(
      guard('setup.joinNetwork', ({ clinicName, invitation }) => {
        if (!invitation.startsWith('CHARTSEAL-JOIN1-K')) return fail('BAD_INVITATION')
        const joining = joiningNow('calling')
        core.status = { ...core.status, state: 'joining', demo: false, clinic: clinicName, joining }
        core.emit({ kind: 'status', status: core.status })
        return ok({ recoveryKey: RECOVERY_KEY })
      }),
    ),
    joinClinic: os.setup.joinClinic.handler(
      guard('setup.joinClinic', ({ invitation }) => {
        if (!invitation.startsWith('CHARTSEAL')) return fail('BAD_INVITATION')
        const joining = joiningNow('voting', null, JOIN_CODE)
        core.status = { ...core.status, state: 'joining', demo: false, clinic: '', joining }
        core.emit({ kind: 'status', status: core.status })
        return ok({})
      }),
    ),
    abandonJoining: os.setup.abandonJoining.handler(
      guard('setup.abandonJoining', () => {
        core.status = { ...core.status, state: 'first-run', joining: null, clinic: null }
        core.emit({ kind: 'status', status: core.status })
        return ok({})
      }),
    ),
    showRecoveryKey: os.setup.showRecoveryKey.handler(
      guard('setup.showRecoveryKey', ({ pin }) =>
        pin === core.pins.get(core.session?.practitioner.handle ?? '')
          ? ok({ recoveryKey: core.status.recoveryKeyWaits ? RECOVERY_KEY : null })
          : fail('WRONG_PIN'),
      ),
    ),
    recoveryKeyKept: os.setup.recoveryKeyKept.handler(
      guard('setup.recoveryKeyKept', ({ recoveryKey }) => {
        if (recoveryKey !== RECOVERY_KEY) return fail('BAD_RECOVERY_KEY')
        core.status = { ...core.status, recoveryKeyWaits: false }
        core.emit({ kind: 'status', status: core.status })
        return ok({})
      }),
    ),
    backUp: os.setup.backUp.handler(
      guard('setup.backUp', ({ folder }) => ok({ file: `${folder ?? '/home/clinic/backups'}/chartseal-1.backup` })),
    ),
    unlock: os.setup.unlock.handler(
      guard('setup.unlock', ({ passphrase }) => {
        if (passphrase !== 'correct horse battery') return fail('WRONG_PASSPHRASE')
        core.status = { ...core.status, state: 'ready' }
        core.emit({ kind: 'status', status: core.status })
        return ok({})
      }),
    ),
  }
}

/** Answers of `session.*`. */
export function sessionAnswers(os: Os, core: FakeCore, guard: Guard) {
  return {
    practitioners: os.session.practitioners.handler(
      guard('session.practitioners', () =>
        ok(core.practitioners.filter(({ handle }) => !core.known.revoked.has(handle))),
      ),
    ),
    current: os.session.current.handler(guard('session.current', () => ok(core.session))),
    signIn: os.session.signIn.handler(guard('session.signIn', ({ handle, pin }) => core.signIn(handle, pin))),
    activity: os.session.activity.handler(guard('session.activity', () => ok({}))),
    lock: os.session.lock.handler(
      guard('session.lock', () => {
        if (core.session !== null) core.session = { ...core.session, locked: true }
        core.emit({ kind: 'session', session: core.session })
        return ok({})
      }),
    ),
    signOut: os.session.signOut.handler(
      guard('session.signOut', () => {
        core.session = null
        core.emit({ kind: 'session', session: null })
        return ok({})
      }),
    ),
  }
}

/** Answers of `people.*`. */
export function peopleAnswers(os: Os, core: FakeCore, guard: Guard) {
  return {
    list: os.people.list.handler(guard('people.list', () => ok(core.known.practitionerRows()))),
    enrol: os.people.enrol.handler(
      guard('people.enrol', ({ name, role, pin }) => {
        if (new Set(pin).size === 1) return fail('WEAK_PIN')
        const person = { handle: core.fresh(), name, role }
        core.practitioners.push(person)
        core.pins.set(person.handle, pin)
        return ok(person)
      }),
    ),
  }
}

/** Answers of `patients.*`. */
export function patientsAnswers(os: Os, core: FakeCore, guard: Guard) {
  return {
    search: os.patients.search.handler(
      guard('patients.search', ({ text, generation }) =>
        ok({
          generation,
          rows: core.search(text).map((one) => core.patientRow(one)),
          unattributedDamage: core.unattributedDamage,
        }),
      ),
    ),
    register: os.patients.register.handler(
      guard('patients.register', ({ distinct, ...input }) => {
        const same = core.patients.find(
          (one) =>
            one.identifier === input.identifier ||
            (one.familyName === input.familyName &&
              one.givenName === input.givenName &&
              one.birthDate === input.birthDate),
        )
        if (same !== undefined) return fail('DUPLICATE_PATIENT', { detail: same.handle })
        if (!distinct && core.known.similar(input).length > 0) return fail('SIMILAR_PATIENT')
        const patient = { handle: core.fresh(), ...input }
        core.patients.push(patient)
        return ok(patient)
      }),
    ),
    chart: os.patients.chart.handler(
      guard('patients.chart', ({ handle, generation }) => {
        const patient = core.patients.find((one) => one.handle === handle)
        if (patient === undefined) return fail('UNKNOWN_PATIENT')
        const readings = core.recorded.filter((one) => one.patient === handle).map((one) => core.chartRow(one))
        return ok({
          handle,
          generation,
          ...(patient.site === undefined ? {} : { site: patient.site }),
          ...(patient.workstation === undefined
            ? {}
            : { workstation: { log: patient.workstation, heardAt: core.sisterHeardAt } }),
          ...(core.otherWorkstations.length === 0 ? {} : { others: core.otherWorkstations }),
          patient: core.patientRow(patient),
          readings,
          ...core.records.chartParts(handle),
          chainLength: readings.length + 1,
          unattributedDamage: 0,
          checkedAt: new Date().toISOString(),
          head: { origin: ORIGIN, size: 40 + core.recorded.length, root: hashOf(99) },
        })
      }),
    ),
  }
}
