import { computed, ref, shallowRef } from 'vue'
import { defineStore } from 'pinia'
import { call } from '../api/call.ts'
import { usePresence } from '../composables/use-presence.ts'
import type {
  Device,
  DeviceCheck,
  DeviceEnrolment,
  DeviceRecordRow,
  ExchangeFile,
  Outcome,
  Problem,
} from '../api/types.ts'
import { useSystemStore } from './system.ts'

/** Whether a device passed a check. */
export type CheckResult = 'passed' | 'failed'

/** What is plugged in, and enrolling it. The list itself is pushed by the core. */
export const useDevicesStore = defineStore('devices', () => {
  const system = useSystemStore()
  const { guarded } = usePresence()
  /** The answer of `devices.list`, until the core pushes a list. */
  const asked = shallowRef<readonly Device[] | null>(null)
  /** What was measured on nobody, newest first. */
  const checks = shallowRef<readonly DeviceCheck[]>([])
  /** Every device that was ever enrolled. */
  const enrolments = shallowRef<readonly DeviceEnrolment[]>([])
  const problem = shallowRef<Problem | null>(null)
  const loaded = ref(false)

  const all = computed(() => (system.devices.length > 0 ? system.devices : (asked.value ?? [])))
  const unsupported = computed(() => all.value.filter((device) => device.status === 'unsupported'))
  const supported = computed(() => all.value.filter((device) => device.status !== 'unsupported'))
  const enrolled = computed(() => supported.value.filter((device) => device.enrolment !== null))
  const fresh = computed(() => supported.value.filter((device) => device.enrolment === null))

  async function load(): Promise<void> {
    const reply = await call((client) => client.devices.list({}))
    loaded.value = true
    problem.value = reply.ok ? null : reply
    asked.value = reply.ok ? reply.value : null
    const kept = await call((client) => client.devices.checks({}))
    checks.value = kept.ok ? kept.value : []
    const known = await call((client) => client.devices.enrolments({}))
    enrolments.value = known.ok ? known.value : []
  }

  /** `calibrationDue`: from this day on, null when nobody says. */
  async function enrol(connectionId: string, label: string, calibrationDue: string | null): Promise<Problem | null> {
    const reply = await call((client) => client.devices.enrol({ connectionId, label, calibrationDue }))
    if (reply.ok) await load()
    return reply.ok ? null : reply
  }

  async function revoke(handle: string, reason: string): Promise<Problem | null> {
    const reply = await call((client) => client.devices.revoke({ handle, reason }))
    if (reply.ok) await load()
    return reply.ok ? null : reply
  }

  async function confirmCheck(id: string, result: CheckResult, note: string | null): Promise<Problem | null> {
    const reply = await guarded(() => call((client) => client.devices.confirmCheck({ id, result, note })))
    if (reply.ok) await load()
    return reply.ok ? null : reply
  }

  /** Somebody looked at a device's clock or battery. */
  async function stateCheck(
    handle: string,
    kind: 'clock' | 'battery',
    result: CheckResult,
    note: string | null,
  ): Promise<Problem | null> {
    const reply = await guarded(() => call((client) => client.devices.stateCheck({ handle, kind, result, note })))
    return reply.ok ? null : reply
  }

  /** What is on record about a device, newest first. */
  function history(handle: string): Promise<Outcome<DeviceRecordRow[]>> {
    return call((client) => client.devices.history({ handle }))
  }

  async function setCalibration(handle: string, due: string | null): Promise<Problem | null> {
    const reply = await call((client) => client.devices.setCalibration({ handle, due }))
    if (reply.ok) await load()
    return reply.ok ? null : reply
  }

  /** What was said in the newest exchange with a device. */
  async function exchange(connectionId: string): Promise<ExchangeFile | null> {
    const reply = await call((client) => client.devices.exchange({ connectionId }))
    problem.value = reply.ok ? null : reply
    return reply.ok ? reply.value : null
  }

  const seen = { all, checks, enrolments, enrolled, fresh, unsupported, problem, loaded }
  return { ...seen, exchange, load, enrol, revoke, setCalibration, confirmCheck, stateCheck, history }
})
