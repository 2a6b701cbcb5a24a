import { computed, ref, shallowRef, watch } from 'vue'
import { defineStore } from 'pinia'
import { call } from '../api/call.ts'
import type { NetworkSettings, NetworkStatus, Outcome, Problem } from '../api/types.ts'
import { shortSite } from '../components/network/site-name.ts'
import { useSessionStore } from './session.ts'
import { useSystemStore } from './system.ts'

/** An invitation as it is told, once. */
export interface MadeInvitation {
  readonly id: string
  readonly text: string
  readonly expiresAt: string
}

/** The other clinics: who is reached, how far their logs are here, invitations, and how this node is reached. */
export const useNetworkStore = defineStore('network', () => {
  const session = useSessionStore()
  const system = useSystemStore()
  const status = shallowRef<NetworkStatus | null>(null)
  const problem = shallowRef<Problem | null>(null)
  const loaded = ref(false)
  let generation = 0

  const names = computed(() => {
    const own = status.value?.sites.find(({ isOwn }) => isOwn)?.id
    const clinic = system.status?.clinic ?? null
    return new Map([
      ...(own === undefined || clinic === null ? [] : [[own, clinic] as const]),
      ...(status.value?.settings.names ?? []).map(({ site, name }) => [site, name] as const),
    ])
  })

  async function load(): Promise<void> {
    const mine = ++generation
    const reply = await call((client) => client.network.status({}))
    if (mine !== generation) return
    loaded.value = true
    if (reply.ok) status.value = reply.value
    problem.value = reply.ok ? null : reply
  }

  /** Keeps what an answer says, and drops older answers that are still under way. */
  function take(reply: Outcome<NetworkStatus>): Problem | null {
    if (!reply.ok) return reply
    generation++
    status.value = reply.value
    problem.value = null
    return null
  }

  /** Changes some of the settings; the others stay as the core has them. */
  async function configure(change: Partial<NetworkSettings>): Promise<Problem | null> {
    if (status.value === null) return { ok: false, code: 'WRONG_STATE' }
    const settings = { ...status.value.settings, ...change }
    return take(await call((client) => client.network.configure(settings)))
  }

  /** Makes an invitation for `days` days. Its text is told once. `name` is what people here call the clinic. */
  async function invite(
    days: number,
    pin: string,
    kind: 'site' | 'workstation' = 'site',
    name = '',
  ): Promise<Outcome<MadeInvitation>> {
    const label = name.trim() === '' ? {} : { name: name.trim() }
    const reply = await call((client) => client.network.invite({ days, kind, pin, ...label }))
    if (reply.ok) void load()
    return reply
  }

  async function withdraw(id: string): Promise<Problem | null> {
    return take(await call((client) => client.network.withdraw({ id })))
  }

  /** Lets a workstation of this clinic in, under the code that it shows. */
  async function letIn(id: string, code: string, pin: string): Promise<Problem | null> {
    return take(await call((client) => client.network.letIn({ id, code, pin })))
  }

  /** What people here call a site: the name that IT gave it, else the part of its id that tells it apart. */
  function nameOf(site: string): string {
    return names.value.get(site) ?? shortSite(site)
  }

  /** False for a site that is known by its id alone. */
  const hasName = (site: string): boolean => names.value.has(site)

  /** Name and whole id, where there is a name: for what is signed. */
  function nameAndId(site: string): string {
    const name = names.value.get(site)
    return name === undefined ? site : `${name} (${site})`
  }

  function forget(): void {
    generation++
    status.value = null
    problem.value = null
    loaded.value = false
  }

  // Names of other clinics stand on many pages; whoever works alone needs none.
  watch(
    () => [session.isOpen, system.network?.sites ?? 1, system.network?.connected ?? 0] as const,
    ([isOpen, sites]) => {
      if (!isOpen) forget()
      else if (loaded.value || sites > 1) void load()
    },
    { immediate: true, flush: 'sync' },
  )

  return { status, problem, loaded, load, configure, invite, withdraw, letIn, nameOf, hasName, nameAndId }
})
