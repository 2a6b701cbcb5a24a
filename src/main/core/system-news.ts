/**
 * What every window must know without asking: where the installation stands, who is signed in, which devices there
 * are, what waits in the tray.
 *
 * @remarks
 * Proven by `tests/main/core/api.test.ts`.
 *
 * @packageDocumentation
 */
import type { Device, NetworkSummary, Session, SystemEvent, SystemStatus } from '../../shared/api/schemas.ts'
import { EventHub } from './event-hub.ts'
import type { VaultState } from './vault-service.ts'

/** What does not change while the core runs. */
export type Installation = Pick<SystemStatus, 'version' | 'shell' | 'dataFolder'>

/** The newest of everything, and changes as they come. */
export class SystemNews {
  readonly #hub = new EventHub<SystemEvent>()
  readonly #installation: Installation
  #vault: VaultState
  #session: Session | null = null
  #devices: readonly Device[] = []
  #trayCount = 0
  #ledgerSize: number | null = null
  #network: NetworkSummary | null = null
  readonly #finality = new Map<string, number>()

  constructor(installation: Installation, vault: VaultState) {
    this.#installation = installation
    this.#vault = vault
  }

  get status(): SystemStatus {
    return { ...this.#vault, ...this.#installation, notices: [...this.#vault.notices] }
  }

  vaultChanged(vault: VaultState): void {
    this.#vault = vault
    this.#hub.send({ kind: 'status', status: this.status })
  }

  /** The installation has failed, and only a new start helps. */
  failed(problem: NonNullable<VaultState['problem']>): void {
    this.vaultChanged({ ...this.#vault, state: 'failed', problem, demoPins: [] })
  }

  sessionChanged(session: Session | null): void {
    this.#session = session
    this.#hub.send({ kind: 'session', session })
  }

  devicesChanged(devices: Device[]): void {
    this.#devices = devices
    this.#hub.send({ kind: 'devices', devices })
  }

  trayChanged(count: number): void {
    this.#trayCount = count
    this.#hub.send({ kind: 'tray', count })
  }

  ledgerGrew(size: number): void {
    this.#ledgerSize = size
    this.#hub.send({ kind: 'ledger', size })
  }

  networkChanged(network: NetworkSummary): void {
    this.#network = network
    this.#hub.send({ kind: 'network', network })
  }

  finalityGrew(origin: string, size: number): void {
    this.#finality.set(origin, size)
    this.#hub.send({ kind: 'finality', origin, size })
  }

  /** Anything that has no state. */
  tell(event: Extract<SystemEvent, { kind: 'chart-changed' | 'focus' }>): void {
    this.#hub.send(event)
  }

  /** The present state, then changes. Which charts change is not told while nobody may see them. */
  async *listen(signal: AbortSignal | undefined): AsyncGenerator<SystemEvent, void, void> {
    for await (const event of this.#hub.listen(() => this.#now(), signal)) {
      if (event.kind !== 'chart-changed' || this.#session?.locked === false) yield event
    }
  }

  #now(): SystemEvent[] {
    return [
      { kind: 'status', status: this.status },
      { kind: 'session', session: this.#session },
      { kind: 'devices', devices: [...this.#devices] },
      { kind: 'tray', count: this.#trayCount },
      ...(this.#ledgerSize === null ? [] : [{ kind: 'ledger' as const, size: this.#ledgerSize }]),
      ...(this.#network === null ? [] : [{ kind: 'network' as const, network: this.#network }]),
      ...[...this.#finality].map(([origin, size]) => ({ kind: 'finality' as const, origin, size })),
    ]
  }
}
