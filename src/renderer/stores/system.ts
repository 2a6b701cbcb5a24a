import { computed, ref, shallowRef, watch } from 'vue'
import { defineStore } from 'pinia'
import { call, follow } from '../api/call.ts'
import { useApi } from '../api/client.ts'
import type {
  Device,
  InvitationFacts,
  NetworkSummary,
  Outcome,
  Problem,
  SystemEvent,
  SystemStatus,
} from '../api/types.ts'
import { useSessionStore } from './session.ts'

/**
 * Where the installation stands, and everything the core says without being asked. Other stores watch `devices`,
 * `trayCount`, `ledgerSize`, `finality` and `chartChange`.
 */
export const useSystemStore = defineStore('system', () => {
  const api = useApi()
  const status = shallowRef<SystemStatus | null>(null)
  const devices = shallowRef<readonly Device[]>([])
  const trayCount = ref(0)
  const ledgerSize = ref(0)
  /** How many other sites are connected; null until the core says so. */
  const network = shallowRef<NetworkSummary | null>(null)
  /** Up to which size each log is final, by origin. */
  const finality = shallowRef<ReadonlyMap<string, number>>(new Map())
  /** Handle of the chart that changed last, and a number that grows with each change. */
  const chartChange = shallowRef<{ handle: string; count: number }>({ handle: '', count: 0 })
  /** Grows when somebody started Chartseal again and this window should come to the front. */
  const focusRequests = ref(0)
  /** The new clinic's recovery key, from creation until it was printed. The core keeps it as long. */
  const recoveryKey = ref<string | null>(null)
  /** A passphrase is being tried: the core says `starting` meanwhile, and its answer belongs to the same screen. */
  const isUnlocking = ref(false)
  const connection = computed(() => api.state.value)
  const isDemo = computed(() => status.value?.demo === true)

  function receive(event: SystemEvent): void {
    if (event.kind === 'status') status.value = event.status
    else if (event.kind === 'session') useSessionStore().replace(event.session)
    else if (event.kind === 'devices') devices.value = event.devices
    else if (event.kind === 'tray') trayCount.value = event.count
    else if (event.kind === 'ledger') ledgerSize.value = event.size
    else if (event.kind === 'finality') finality.value = new Map(finality.value).set(event.origin, event.size)
    else if (event.kind === 'chart-changed')
      chartChange.value = { handle: event.handle, count: chartChange.value.count + 1 }
    else if (event.kind === 'network') network.value = event.network
    else focusRequests.value += 1
  }

  let stop: AbortController | null = null

  async function listen(): Promise<void> {
    stop?.abort()
    const mine = (stop = new AbortController())
    const reply = await call((client) => client.system.status({}))
    if (mine.signal.aborted) return
    if (reply.ok) status.value = reply.value
    await follow((client, options) => client.system.events({}, options), receive, mine.signal)
  }

  /** Asks for the state and listens, now and after every reconnection. */
  function start(): void {
    watch(connection, (now) => now === 'online' && void listen(), { immediate: true })
  }

  /** First run: opens the demonstration clinic. */
  async function openDemo(): Promise<Problem | null> {
    const reply = await call((client) => client.setup.openDemo({}))
    return reply.ok ? null : reply
  }

  /**
   * First run: creates a clinic. Its recovery key stays in `recoveryKey`, and the first-run screen with it, until it was
   * printed.
   */
  async function createClinic(
    clinicName: string,
    administrator: { name: string; pin: string },
    passphrase: string | null,
  ): Promise<Problem | null> {
    const reply = await call((client) => client.setup.createClinic({ clinicName, administrator, passphrase }))
    if (reply.ok) recoveryKey.value = reply.value.recoveryKey
    return reply.ok ? null : reply
  }

  /** First run: what an invitation is for. */
  const checkInvitation = (invitation: string): Promise<Outcome<InvitationFacts>> =>
    call((client) => client.setup.checkInvitation({ invitation }))

  /**
   * First run: makes the keys of a clinic that joins the network of another. Its recovery key stays in `recoveryKey` until it
   * was printed; the core calls the other clinic meanwhile.
   */
  async function joinNetwork(
    clinicName: string,
    administrator: { name: string; pin: string },
    passphrase: string | null,
    invitation: string,
  ): Promise<Problem | null> {
    const form = { clinicName, administrator, passphrase, invitation }
    const reply = await call((client) => client.setup.joinNetwork(form))
    if (reply.ok) recoveryKey.value = reply.value.recoveryKey
    return reply.ok ? null : reply
  }

  /** First run: makes the keys of a workstation of the clinic that gave the invitation; the core calls it meanwhile. */
  async function joinClinic(passphrase: string | null, invitation: string): Promise<Problem | null> {
    const reply = await call((client) => client.setup.joinClinic({ passphrase, invitation }))
    return reply.ok ? null : reply
  }

  /** Leaves `joining`: nothing of it stays. */
  async function abandonJoining(): Promise<Problem | null> {
    const reply = await call((client) => client.setup.abandonJoining({}))
    return reply.ok ? null : reply
  }

  /** Forgets the recovery key: it is on paper now. Should the core not hear of that, IT is asked to print it again. */
  async function recoveryKeyKept(): Promise<void> {
    const text = recoveryKey.value
    recoveryKey.value = null
    if (text !== null) await confirmRecoveryKey(text)
  }

  /** Tells the core that the recovery key is on paper. */
  async function confirmRecoveryKey(text: string): Promise<Problem | null> {
    const reply = await call((client) => client.setup.recoveryKeyKept({ recoveryKey: text }))
    return reply.ok ? null : reply
  }

  /** The recovery key, for IT, while nobody showed to have it. */
  async function showRecoveryKey(pin: string): Promise<Outcome<{ recoveryKey: string | null }>> {
    return call((client) => client.setup.showRecoveryKey({ pin }))
  }

  async function unlock(passphrase: string): Promise<Problem | null> {
    isUnlocking.value = true
    const reply = await call((client) => client.setup.unlock({ passphrase }))
    isUnlocking.value = false
    return reply.ok ? null : reply
  }

  /** Leaves `recovery-needed`. `file` is the path of another copy of the database, or null. */
  async function recover(recoveryKeyText: string, file: string | null): Promise<Problem | null> {
    const reply = await call((client) => client.setup.recover({ recoveryKey: recoveryKeyText, file }))
    return reply.ok ? null : reply
  }

  /** First run: opens the clinic of a backup. `passphrase` is null where the operating system keeps the node secret. */
  async function restore(file: string, recoveryKeyText: string, passphrase: string | null): Promise<Problem | null> {
    const reply = await call((client) => client.setup.restore({ file, recoveryKey: recoveryKeyText, passphrase }))
    return reply.ok ? null : reply
  }

  return {
    status,
    devices,
    trayCount,
    ledgerSize,
    network,
    finality,
    chartChange,
    focusRequests,
    connection,
    isDemo,
    start,
    openDemo,
    recoveryKey,
    createClinic,
    checkInvitation,
    joinNetwork,
    joinClinic,
    abandonJoining,
    recoveryKeyKept,
    confirmRecoveryKey,
    showRecoveryKey,
    isUnlocking,
    unlock,
    recover,
    restore,
  }
})
