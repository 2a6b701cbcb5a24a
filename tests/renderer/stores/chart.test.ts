import { beforeEach, describe, expect, it } from 'vitest'
import { provideApi } from '../../../src/renderer/api/client.ts'
import type { Chart } from '../../../src/renderer/api/types.ts'
import { useChartStore } from '../../../src/renderer/stores/chart.ts'
import { useSessionStore } from '../../../src/renderer/stores/session.ts'
import { useSystemStore } from '../../../src/renderer/stores/system.ts'
import { handleOf } from '../../support/fake-data.ts'
import { gate, openWindow, settle, type TestWindow } from '../../support/mount-window.ts'

const [ADA, PER] = [handleOf(1), handleOf(2)]

/** Ways in which an answer can belong to somebody or something else. */
const TAMPERINGS: ((chart: Chart) => void)[] = [
  (chart) => (chart.generation += 1),
  (chart) => (chart.handle = PER),
  (chart) => {
    const [first] = chart.readings
    if (first?.status === 'verified') Object.assign(first.position, { subject: PER })
  },
  (chart) => {
    if (chart.patient.status === 'verified') Object.assign(chart.patient.record, { handle: PER })
  },
]

describe('the chart store', () => {
  let window: TestWindow
  let chart: ReturnType<typeof useChartStore>
  beforeEach(async () => {
    window = await openWindow({ signedInAs: 1 })
    chart = useChartStore()
  })

  it('holds the verified rows of one patient, and the rejected ones apart', async () => {
    await chart.open(handleOf(3))
    expect(chart.patient?.record.familyName).toBe('Marsh')
    expect(chart.rejected).toHaveLength(2)
    expect(chart.readings.every((row) => row.position.subject === handleOf(3))).toBe(true)
  })

  it('drops an answer that arrives after another patient was opened', async () => {
    const slow = gate()
    window.core.gates.set('patients.chart', slow.promise)
    const first = chart.open(ADA)
    window.core.gates.delete('patients.chart')
    await chart.open(PER)
    expect(chart.patient?.record.handle).toBe(PER)
    slow.open()
    await first
    expect(chart.patient?.record.handle).toBe(PER)
    expect(chart.handle).toBe(PER)
  })

  it('shows nothing of the first patient while the second is on its way', async () => {
    await chart.open(ADA)
    const slow = gate()
    window.core.gates.set('patients.chart', slow.promise)
    const second = chart.open(PER)
    expect(chart.chart).toBeNull()
    slow.open()
    await second
  })

  it('refuses an answer for another generation, another patient, or with a record of another patient', async () => {
    const original = window.api.client.patients.chart
    for (const tamper of TAMPERINGS) {
      const tampered: typeof original = async (request) => {
        const reply = await original(request)
        if (reply.ok) tamper(reply.value)
        return reply
      }
      provideApi({ ...window.api, client: { patients: { chart: tampered } } as never })
      chart.forget()
      await chart.open(ADA)
      expect(chart.chart).toBeNull()
      expect(chart.problem?.code).toBe('RECORD_NOT_VERIFIED')
    }
  })

  it('asks again when the core says that this chart changed, and not for another', async () => {
    await chart.open(ADA)
    const asked = (): number => window.core.calls.filter((name) => name === 'patients.chart').length
    const system = useSystemStore()
    system.chartChange = { handle: PER, count: 1 }
    await settle()
    expect(asked()).toBe(1)
    system.chartChange = { handle: ADA, count: 2 }
    await settle()
    expect(asked()).toBe(2)
  })

  it('forgets everything the moment the session locks, and drops what was under way', async () => {
    await chart.open(ADA)
    const slow = gate()
    window.core.gates.set('patients.chart', slow.promise)
    const again = chart.open(ADA)
    void useSessionStore().lock()
    expect(chart.chart).toBeNull()
    expect(chart.handle).toBeNull()
    slow.open()
    await again
    expect(chart.chart).toBeNull()
  })

  it('takes the values away when asking again fails', async () => {
    await chart.open(ADA)
    window.core.failures.set('patients.chart', 'DISK_FULL')
    await chart.open(ADA)
    expect(chart.chart).toBeNull()
    expect(chart.problem?.code).toBe('DISK_FULL')
  })
})
