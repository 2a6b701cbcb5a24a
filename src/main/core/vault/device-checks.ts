import { encodeDeviceStatement, type DeviceStatement } from '../../../clinical/device-check.ts'
import { instantText } from '../../../clinical/instant.ts'
import { CLOCK_DISCONTINUOUS, TIME_INVALID } from '../../../devices/timeline.ts'
import type { VerifiedEntry } from '../../../ledger/verify-entry.ts'
import type { DeviceRecord } from '../../../shared/api/schemas.ts'
import { fromHex } from '../../../shared/bytes.ts'
import { ApiFailure } from '../failure.ts'
import { rejected, verifyRecord } from '../verify-record.ts'
import type { Row, VaultService } from '../vault-service.ts'
import { authorFor, offsetMinAt, utf8, viewerFor, type Clinic } from './clinic.ts'
import { deviceSigner, plainStatement, readStatement, statementLinks } from './device-standing.ts'
import type { Enrolments } from './enrolments.ts'
import type { EntrySigner } from './entry-signer.ts'
import type { Tray } from './tray.ts'

/** A check with one of these happened at a time that nobody knows: it is dated by when it was read. */
const UNDATED: ReadonlySet<string> = new Set([CLOCK_DISCONTINUOUS, TIME_INVALID])
/** Statements about one device that are shown: years of daily control solution. */
const HISTORY_SHOWN = 1000

/** What people confirm about devices: control solution, rooms, clocks, batteries. Never about a patient. */
export class DeviceChecks {
  readonly #clinic: Clinic
  readonly #enrolments: Enrolments
  readonly #tray: Tray

  constructor(clinic: Clinic, enrolments: Enrolments, tray: Tray) {
    this.#clinic = clinic
    this.#enrolments = enrolments
    this.#tray = tray
  }

  /**
   * Records what a device measured on nobody, with what it means for the device. The device signs as well: its key
   * stood when this arrived, and stands now.
   *
   * @throws ApiFailure `NOT_ALLOWED`, `UNKNOWN_TRAY_ITEM`, `ALREADY_RECORDED`, `DEVICE_NOT_ENROLLED`.
   */
  async confirm(id: string, result: 'passed' | 'failed', note: string | null): Promise<void> {
    const viewer = authorFor(this.#clinic, 'device.checked')
    const { draft, device, reason, receivedAtMs } = this.#tray.check(id)
    if (device === null) throw new ApiFailure('DEVICE_NOT_ENROLLED')
    this.#enrolments.mustBeEnrolled(device)
    const isDated = !draft.flags.some((flag) => UNDATED.has(flag))
    const at = isDated ? draft.measuredAt : instantText(receivedAtMs, offsetMinAt(receivedAtMs))
    const statement = {
      ...plainStatement(this.#clinic, viewer, device, this.#clinic.nowMs()),
      ...{ kind: reason, at, result, note },
      quantities: draft.quantities.filter(({ coded }) => coded === null),
    }
    const signers = [viewer.signer, deviceSigner(this.#clinic, device)]
    await this.#record(statement, fromHex(draft.draftId), signers)
  }

  /**
   * Records what somebody found out about the clock or the battery of a device.
   *
   * @throws ApiFailure `NOT_ALLOWED`, `DEVICE_NOT_ENROLLED`.
   */
  async state({ handle, kind, result, note }: Parameters<VaultService['stateCheck']>[0]): Promise<void> {
    const viewer = authorFor(this.#clinic, 'device.checked')
    this.#enrolments.mustBeEnrolled(handle)
    const plain = plainStatement(this.#clinic, viewer, handle, this.#clinic.nowMs())
    await this.#record({ ...plain, kind, result, note }, this.#clinic.random(16), [viewer.signer])
  }

  /**
   * Everything on record about a device, newest first, each verified or named with its failed step.
   *
   * @throws ApiFailure `NOT_SIGNED_IN`, `NOT_ALLOWED`, `DEVICE_NOT_ENROLLED` when it never was.
   */
  async history(handle: string): Promise<Row<DeviceRecord>[]> {
    const viewer = viewerFor(this.#clinic, 'devices')
    const { replica } = this.#clinic
    if (!replica.subjectsWith('device.enrolled').includes(handle)) throw new ApiFailure('DEVICE_NOT_ENROLLED')
    const rows: Row<DeviceRecord>[] = []
    for (const link of statementLinks(replica, handle).slice(0, HISTORY_SHOWN)) {
      const request = { subject: handle, link, view: 'devices' as const, viewer: viewer.role, read: readRecord }
      rows.push(await verifyRecord(this.#clinic, request))
    }
    const { gone } = replica.chain(handle)
    return [...rows, ...gone.filter(({ seq }) => seq > 0).map((lost) => rejected(replica, lost, lost.failed))]
  }

  async #record(statement: DeviceStatement, id: Uint8Array, signers: readonly EntrySigner[]): Promise<void> {
    await this.#clinic.writer.record([
      {
        ...{ id, type: 'device.checked', subject: fromHex(statement.device), fields: new Map(), signers },
        timeMs: this.#clinic.nowMs(),
        payload: utf8(encodeDeviceStatement(statement)),
      },
    ])
  }
}

function readRecord(text: string, entry: VerifiedEntry): DeviceRecord {
  const { kind, at, practitioner, result, due, quantities, note } = readStatement(text, entry)
  return { kind, at, by: practitioner.name, result, due, quantities: [...quantities], note }
}
