/**
 * The whole API in memory, on its own contract: for component tests, and for looking at the window before there is a
 * core. Keeps state as the core would (what is signed appears in the chart), seals and verifies nothing.
 */
import { createRouterClient, implement } from '@orpc/server'
import { shallowRef } from 'vue'
import { contract } from '../../src/shared/api/contract.ts'
import { brand, type Api, type ConnectionState } from '../../src/renderer/api/client.ts'
import type { FakeCore } from './fake-core.ts'
import { systemAnswers, setupAnswers, sessionAnswers, peopleAnswers, patientsAnswers } from './fake-setup.ts'
import { devicesAnswers, captureAnswers, trayAnswers } from './fake-bedside.ts'
import { ledgerAnswers } from './fake-ledger.ts'
import { networkAnswers } from './fake-network.ts'
import { decisionAnswers, personAnswers } from './fake-people.ts'
import { recordRoutes } from './fake-records.ts'
import { fail, type Guard } from './fake-reply.ts'
export { FakeCore, type FakeOptions } from './fake-core.ts'

/** The API's router on `core`. */
export function fakeRouter(core: FakeCore) {
  const os = implement(contract)
  const guard: Guard =
    (name, answer) =>
    async ({ input }) => {
      const code = await core.enter(name)
      return code === null ? answer(input) : fail(code)
    }
  const persons = personAnswers(os, core, guard)
  return os.router({
    ...decisionAnswers(os, core, guard),
    system: systemAnswers(os, core, guard),
    setup: setupAnswers(os, core, guard),
    session: { ...sessionAnswers(os, core, guard), ...persons.session },
    people: { ...peopleAnswers(os, core, guard), ...persons.people },
    patients: { ...patientsAnswers(os, core, guard), ...persons.patients },
    ...recordRoutes(core.records, core, guard),
    capture: captureAnswers(os, core, guard),
    tray: trayAnswers(os, core, guard),
    devices: devicesAnswers(os, core, guard),
    network: networkAnswers(os, core, guard),
    ledger: ledgerAnswers(os, core, guard),
  })
}

/** The window's API on `core`, in this process. `state` may be set to play a lost connection. */
export function fakeApi(core: FakeCore): Api & { state: { value: ConnectionState } } {
  const state = shallowRef<ConnectionState>('online')
  return { client: brand(createRouterClient(fakeRouter(core))), state, close: () => undefined }
}
