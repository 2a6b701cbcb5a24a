/** Devices, captures and the tray, as a fake core answers. */
import type { FakeCore } from './fake-core.ts'
import type { Device } from '../../src/shared/api/schemas.ts'
import { fail, ok, type Guard, type Os } from './fake-reply.ts'

/** Answers of `devices.*`. */
export function devicesAnswers(os: Os, core: FakeCore, guard: Guard) {
  return {
    list: os.devices.list.handler(guard('devices.list', () => ok(core.devices))),
    enrol: os.devices.enrol.handler(
      guard('devices.enrol', ({ connectionId, label, calibrationDue }) => {
        const device = core.devices.find((one) => one.connectionId === connectionId)
        if (device === undefined) return fail('DEVICE_NOT_CONNECTED')
        if (core.session?.practitioner.role !== 'it') return fail('NOT_ALLOWED')
        const due = calibrationDue === null ? {} : { calibrationDue }
        const enrolled: Device = { ...device, enrolment: { handle: core.fresh(), label, ...due } }
        core.devices = core.devices.map((one) => (one === device ? enrolled : one))
        core.emit({ kind: 'devices', devices: core.devices })
        return ok(enrolled)
      }),
    ),
    enrolments: os.devices.enrolments.handler(guard('devices.enrolments', () => ok(core.enrolments()))),
    revoke: os.devices.revoke.handler(
      guard('devices.revoke', ({ handle, reason }) => {
        if (core.session?.practitioner.role !== 'it') return fail('NOT_ALLOWED')
        const one = core.enrolments().find((enrolment) => enrolment.handle === handle)
        if (one === undefined) return fail('DEVICE_NOT_ENROLLED')
        core.revoked = [...core.revoked, { ...one, revoked: { reason } }]
        core.devices = core.devices.map((device) =>
          device.enrolment?.handle === handle ? { ...device, enrolment: null } : device,
        )
        core.emit({ kind: 'devices', devices: core.devices })
        return ok({})
      }),
    ),
    setCalibration: os.devices.setCalibration.handler(
      guard('devices.setCalibration', ({ handle, due }) => {
        if (core.session?.practitioner.role !== 'it') return fail('NOT_ALLOWED')
        core.devices = core.devices.map((device) => {
          if (device.enrolment?.handle !== handle) return device
          const { label } = device.enrolment
          return { ...device, enrolment: { handle, label, ...(due === null ? {} : { calibrationDue: due }) } }
        })
        core.emit({ kind: 'devices', devices: core.devices })
        return ok({})
      }),
    ),
    checks: os.devices.checks.handler(guard('devices.checks', () => ok(core.checks))),
    confirmCheck: os.devices.confirmCheck.handler(
      guard('devices.confirmCheck', ({ id, result, note }) => {
        const check = core.checks.find((one) => one.id === id)
        if (check === undefined) return fail('UNKNOWN_TRAY_ITEM')
        if (check.device === null) return fail('DEVICE_NOT_ENROLLED')
        const { measuredAt: at, quantities } = check.draft
        core.stated = [{ handle: check.device, kind: check.reason, at, result, quantities, note }, ...core.stated]
        core.checks = core.checks.map((one) => (one === check ? { ...one, recorded: true } : one))
        return ok({})
      }),
    ),
    stateCheck: os.devices.stateCheck.handler(
      guard('devices.stateCheck', ({ handle, kind, result, note }) => {
        const at = new Date(core.now).toISOString()
        core.stated = [{ handle, kind, at, result, quantities: [], note }, ...core.stated]
        return ok({})
      }),
    ),
    history: os.devices.history.handler(guard('devices.history', ({ handle }) => ok(core.history(handle)))),
    exchange: os.devices.exchange.handler(
      guard('devices.exchange', () => ok({ fileName: 'exchange-a-family.hex', text: '# A device\nOUT> 81 01\n' })),
    ),
  }
}

/** Answers of `capture.*`. */
export function captureAnswers(os: Os, core: FakeCore, guard: Guard) {
  return {
    open: os.capture.open.handler(
      guard('capture.open', ({ handle }) => {
        const patient = core.patients.find((one) => one.handle === handle)
        if (patient === undefined) return fail('UNKNOWN_PATIENT')
        const captureId = core.fresh()
        core.captures.set(captureId, { patient: handle, confirmed: false, drafts: new Map() })
        const { asksSignature } = core.known.standing(handle)
        return ok({ captureId, patient: core.patientRow(patient), asksSignature })
      }),
    ),
    confirmIdentity: os.capture.confirmIdentity.handler(
      guard('capture.confirmIdentity', ({ captureId }) => {
        const capture = core.captures.get(captureId)
        if (capture === undefined) return fail('UNKNOWN_CAPTURE')
        capture.confirmed = true
        return ok({})
      }),
    ),
    live: os.capture.live.handler(({ input, signal }) => core.live(input.captureId, signal)),
    takeLive: os.capture.takeLive.handler(
      guard('capture.takeLive', ({ captureId }) => {
        const drafts = core.takeLive(captureId)
        return drafts === null ? fail('UNKNOWN_CAPTURE') : ok(drafts)
      }),
    ),
    read: os.capture.read.handler(({ input }) => core.read(input.captureId)),
    measure: os.capture.measure.handler(({ input }) => core.measure(input.captureId)),
    sign: os.capture.sign.handler(
      guard('capture.sign', ({ captureId, draftIds, manual, authorisation }) =>
        core.sign(captureId, draftIds, manual, authorisation),
      ),
    ),
    close: os.capture.close.handler(
      guard('capture.close', ({ captureId }) => {
        core.captures.delete(captureId)
        return ok({})
      }),
    ),
  }
}

/** Answers of `tray.*`. */
export function trayAnswers(os: Os, core: FakeCore, guard: Guard) {
  return {
    list: os.tray.list.handler(guard('tray.list', () => ok(core.tray))),
    assign: os.tray.assign.handler(
      guard('tray.assign', ({ ids, handle }) => {
        for (const { draft } of core.tray.filter(({ id }) => ids.includes(id))) {
          const { draftId: _, alreadyRecorded: __, ...context } = draft
          core.record(handle, {
            ...context,
            setId: core.fresh(),
            recordedAt: new Date().toISOString(),
            performer: core.session?.practitioner.name ?? '',
            test: true,
          })
        }
        core.tray = core.tray.filter(({ id }) => !ids.includes(id))
        core.emit({ kind: 'tray', count: core.tray.length })
        return ok({})
      }),
    ),
    discard: os.tray.discard.handler(
      guard('tray.discard', ({ ids }) => {
        core.tray = core.tray.filter(({ id }) => !ids.includes(id))
        core.emit({ kind: 'tray', count: core.tray.length })
        return ok({})
      }),
    ),
  }
}
