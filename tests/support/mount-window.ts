import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { createPinia, setActivePinia } from 'pinia'
import { defineComponent, h, nextTick, type Component } from 'vue'
import { createMemoryHistory, RouterView, type Router } from 'vue-router'
import { provideApi } from '../../src/renderer/api/client.ts'
import { createMessages } from '../../src/renderer/i18n.ts'
import { createPages } from '../../src/renderer/router.ts'
import { useSessionStore } from '../../src/renderer/stores/session.ts'
import { useSystemStore } from '../../src/renderer/stores/system.ts'
import { FakeCore, fakeApi, type FakeOptions } from './fake-api.ts'

/** A window on a fake core. */
export interface TestWindow {
  readonly core: FakeCore
  readonly api: ReturnType<typeof fakeApi>
  readonly router: Router
  /** Mounts one component with everything around it. */
  mount(component: Component, props?: Record<string, unknown>): VueWrapper
  /** Mounts whatever `path` shows. */
  visit(path: string): Promise<VueWrapper>
}

/** Starts stores on a fake core; the session is that of the core. `pause` never waits. */
export async function openWindow(options: FakeOptions = {}): Promise<TestWindow> {
  const core = new FakeCore({ pause: () => Promise.resolve(), ...options })
  const api = fakeApi(core)
  provideApi(api)
  const pinia = createPinia()
  setActivePinia(pinia)
  useSystemStore().status = core.status
  useSessionStore().replace(core.session)
  const router = createPages(
    () => useSessionStore().isOpen,
    () => useSessionStore().practitioner?.role ?? null,
    createMemoryHistory(),
  )
  const around = { plugins: [pinia, createMessages(), router] }
  const window: TestWindow = {
    core,
    api,
    router,
    mount: (component, props = {}) => mount(component, { props, global: around, attachTo: document.body }),
    async visit(path) {
      await router.push(path)
      const wrapper = mount(defineComponent({ render: () => h(RouterView) }), {
        global: around,
        attachTo: document.body,
      })
      await settle()
      return wrapper
    },
  }
  await settle()
  return window
}

/** Waits for every promise and the rendering that follows them. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 4; round++) {
    await flushPromises()
    await nextTick()
  }
}

/** A promise and the key to it. */
export function gate(): { promise: Promise<void>; open: () => void } {
  let open = (): void => undefined
  const promise = new Promise<void>((resolve) => (open = resolve))
  return { promise, open }
}
