import { beforeEach, describe, expect, it, vi } from 'vitest'
import { useCaptureStore } from '../../../src/renderer/stores/capture.ts'
import { useSessionStore } from '../../../src/renderer/stores/session.ts'
import { useSystemStore } from '../../../src/renderer/stores/system.ts'
import { handleOf } from '../../support/fake-data.ts'
import { gate, openWindow, settle, type TestWindow } from '../../support/mount-window.ts'

const [ADA, PER] = [handleOf(1), handleOf(2)]
const tick = () => new Promise<void>((resolve) => setTimeout(resolve))

describe('the capture store', () => {
  let window: TestWindow
  let capture: ReturnType<typeof useCaptureStore>
  beforeEach(async () => {
    window = await openWindow({ signedInAs: 1, pause: tick })
    capture = useCaptureStore()
    useSystemStore().devices = window.core.devices
    return async () => {
      await capture.close()
    }
  })

  async function begin(handle = ADA): Promise<void> {
    await capture.start(handle)
    await capture.confirm(['name', 'birth-date'])
  }

  it('reads no device before two identifiers are confirmed', async () => {
    await capture.start(ADA)
    await settle()
    expect(capture.open?.patient.record?.familyName).toBe('Okafor')
    expect(capture.sessions).toEqual([])
    await capture.confirm(['name', 'identifier'])
    expect(capture.identity?.asked).toEqual(['name', 'identifier'])
    expect(capture.sessions.map((session) => session.device.enrolment?.label)).toEqual(['Oximeter 2', 'Cuff ward 3'])
  })

  it('takes a steady live value and the newest record by itself, and signs them with what was typed', async () => {
    await begin()
    capture.form.text['respiratory-rate'] = '18'
    await vi.waitFor(() =>
      expect(capture.drafts.map((draft) => draft.kind)).toEqual(['spo2', 'heart-rate', 'blood-pressure']),
    )
    // The cuff's record has a pulse, which is a reading of its own.
    expect(capture.count).toBe(5)
    const before = window.core.recorded.length
    await capture.sign()
    expect(capture.done?.rows).toHaveLength(5)
    expect(window.core.recorded.slice(before).every((one) => one.patient === ADA)).toBe(true)
    expect(capture.open).toBeNull()
    expect(window.core.captures.size).toBe(0)
  })

  it('drops the answer for a patient who was left before it came', async () => {
    const slow = gate()
    window.core.gates.set('capture.open', slow.promise)
    const first = capture.start(ADA)
    await settle()
    window.core.gates.delete('capture.open')
    await capture.start(PER)
    expect(capture.open?.patient.handle).toBe(PER)
    slow.open()
    await first
    expect(capture.open?.patient.handle).toBe(PER)
    expect(window.core.captures.size).toBe(1)
  })

  it('drops a value that was taken for a set that is closed', async () => {
    const slow = gate()
    window.core.gates.set('capture.takeLive', slow.promise)
    await begin()
    await vi.waitFor(() => expect(window.core.calls).toContain('capture.takeLive'))
    await capture.start(PER)
    slow.open()
    await settle()
    expect(capture.drafts).toEqual([])
  })

  it('hides nothing but asks again after a lock, and keeps what was measured', async () => {
    await begin()
    await vi.waitFor(() => expect(capture.drafts).toHaveLength(3))
    const session = useSessionStore()
    session.replace({ ...session.session!, locked: true })
    expect(capture.identity).toBeNull()
    expect(capture.canSign).toBe(false)
    session.replace({ ...session.session!, locked: false })
    expect(capture.wasAway).toBe(true)
    await capture.confirm(['name', 'birth-date'])
    expect(capture.drafts).toHaveLength(3)
    expect(capture.canSign).toBe(true)
  })

  it('lets nobody sign for the one who opened it', async () => {
    await begin()
    capture.form.text.weight = '80'
    const session = useSessionStore()
    session.replace({ ...session.session!, practitioner: window.core.practitioners[2]! })
    expect(capture.isMine).toBe(false)
    expect(capture.canSign).toBe(false)
    await capture.sign()
    expect(window.core.calls).not.toContain('capture.sign')
  })

  it('leaves nothing behind when somebody signs out', async () => {
    await begin()
    capture.form.text.weight = '80'
    useSessionStore().replace(null)
    await settle()
    expect(capture.open).toBeNull()
    expect(capture.sessions).toEqual([])
    expect(capture.form.text.weight).toBe('')
  })

  it('keeps everything when signing fails, and says why', async () => {
    await begin()
    capture.form.text.weight = '80'
    window.core.failures.set('capture.sign', 'DISK_FULL')
    await capture.sign()
    expect(capture.problem?.code).toBe('DISK_FULL')
    expect(capture.done).toBeNull()
    expect(capture.form.text.weight).toBe('80')
    await capture.sign()
    expect(capture.done?.rows.length).toBeGreaterThan(0)
  })

  it('blocks signing on a value that cannot be, and on an unusual one until it is kept', async () => {
    await begin()
    capture.form.text.temperature = '98.6'
    expect(capture.states.get('temperature')).toMatchObject({ level: 'rejected' })
    expect(capture.canSign).toBe(false)
    capture.form.text.temperature = '41.4'
    expect(capture.states.get('temperature')).toMatchObject({ level: 'unusual', shown: '41.4 °C' })
    capture.keep('temperature')
    expect(capture.states.get('temperature')?.level).toBe('kept')
    expect(capture.canSign).toBe(true)
    capture.form.text.temperature = '41.6'
    expect(capture.states.get('temperature')?.level).toBe('unusual')
    capture.form.text.temperature = '41.4'
    expect(capture.states.get('temperature')?.level).toBe('unusual')
  })

  it('opens nothing for a record that failed verification', async () => {
    const rejected = {
      status: 'rejected',
      step: 'signatures',
      reason: '',
      origin: 'o',
      index: 1,
      entryId: null,
      seq: 1,
    }
    window.core.patientRow = () => rejected as never
    await capture.start(ADA)
    expect(capture.open).toBeNull()
    expect(capture.problem?.code).toBe('RECORD_NOT_VERIFIED')
    expect(window.core.captures.size).toBe(0)
  })

  it('keeps the card of an unplugged device while something of it is to be signed', async () => {
    await begin()
    await vi.waitFor(() => expect(capture.drafts).toHaveLength(3))
    useSystemStore().devices = []
    await settle()
    expect(capture.sessions.map((session) => session.connected)).toEqual([false, false])
    const [live, memory] = capture.sessions
    capture.leaveOut(live!)
    capture.toggle(memory!, [...memory!.chosen][0]!)
    useSystemStore().devices = [...window.core.devices]
    await settle()
    expect(capture.sessions.every((session) => session.connected)).toBe(true)
  })
})
