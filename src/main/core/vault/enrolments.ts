import { encodeDeviceStatement } from '../../../clinical/device-check.ts'
import { decodeDevice, encodeDevice, type DeviceFacts } from '../../../clinical/device.ts'
import { encodeDeviceEnrolled } from '../../../ledger/fields.ts'
import type { VerifiedEntry } from '../../../ledger/verify-entry.ts'
import type { DeviceEnrolment } from '../../../shared/api/schemas.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { keyPairFromSeed, wipe } from '../../keystore/sodium.ts'
import { ApiFailure } from '../failure.ts'
import { ContentMismatch, reliedOnContent } from '../verify-record.ts'
import type { DeviceOrigin, EnrolledDevice } from '../vault-service.ts'
import { actorFor, authorFor, utf8, viewerFor, type Clinic, type Viewer } from './clinic.ts'
import { deviceSecret, isRevoked, newestStatement, plainStatement } from './device-standing.ts'
import type { Draft } from './writer.ts'

/** Devices of the site: each has a key on this node that signs what arrives from it. */
export class Enrolments {
  readonly #clinic: Clinic

  constructor(clinic: Clinic) {
    this.#clinic = clinic
  }

  /** Enrolled devices whose records verify, without those that were revoked. */
  async list(): Promise<EnrolledDevice[]> {
    const { replica, keystore } = this.#clinic
    const devices: EnrolledDevice[] = []
    for (const facts of await this.#facts()) {
      if (isRevoked(replica, facts.handle)) {
        // A crash may have come between the entry and this.
        keystore.secrets.remove(deviceSecret(facts.handle))
        continue
      }
      const calibration = await newestStatement(this.#clinic, facts.handle, 'calibration')
      devices.push(enrolledOf(facts, calibration?.due ?? null))
    }
    return devices
  }

  /**
   * Every device that was ever enrolled here and whose record verifies, also those that are revoked.
   *
   * @throws ApiFailure `NOT_SIGNED_IN`, `NOT_ALLOWED`.
   */
  async register(): Promise<DeviceEnrolment[]> {
    viewerFor(this.#clinic, 'devices')
    const rows: DeviceEnrolment[] = []
    for (const { handle, label, model, family, serial, port, kinds } of await this.#facts()) {
      const calibration = await newestStatement(this.#clinic, handle, 'calibration')
      const end = isRevoked(this.#clinic.replica, handle)
        ? { reason: (await newestStatement(this.#clinic, handle, 'revoked'))?.note ?? null }
        : null
      const known = { handle, label, name: model, family, serial, port, kinds: [...kinds] }
      rows.push({ ...known, calibrationDue: calibration?.due ?? null, revoked: end })
    }
    return rows
  }

  async #facts(): Promise<DeviceFacts[]> {
    const { replica, keys } = this.#clinic
    const devices: DeviceFacts[] = []
    for (const subject of replica.subjectsWith('device.enrolled')) {
      const link = replica.chain(subject).links.find(({ type }) => type === 'device.enrolled')
      if (link === undefined) continue
      const facts = await reliedOnContent({ replica, keys }, { subject, link, read: readDevice })
      if (facts !== null) devices.push(facts)
    }
    return devices
  }

  /**
   * Enrols a device under a new key of its own.
   *
   * @param calibrationDue - From this day on its calibration is due; null when nobody said.
   * @throws ApiFailure `NOT_ALLOWED` for anyone but IT, `DEVICE_ALREADY_ENROLLED`.
   */
  async enrol(origin: DeviceOrigin, label: string, calibrationDue: string | null): Promise<EnrolledDevice> {
    const viewer = actorFor(this.#clinic, 'administer.devices')
    const known = await this.list()
    const isSame = (device: EnrolledDevice) =>
      device.family === origin.family &&
      (origin.serial === null ? device.port === origin.port : device.serial === origin.serial)
    if (known.some(isSame)) throw new ApiFailure('DEVICE_ALREADY_ENROLLED')
    return this.enrolAs(viewer, origin, label, this.#clinic.nowMs(), calibrationDue)
  }

  /** The same at a given time of the author's clock. */
  async enrolAs(
    viewer: Viewer,
    origin: DeviceOrigin,
    label: string,
    timeMs: number,
    calibrationDue: string | null = null,
  ): Promise<EnrolledDevice> {
    const { random, keystore, writer, identity, emit } = this.#clinic
    const handle = toHex(random(16))
    const seed = random(32)
    const { publicKey } = keyPairFromSeed(seed)
    await keystore.secrets.put(deviceSecret(handle), seed)
    wipe(seed)
    const facts: DeviceFacts = {
      handle,
      label,
      family: origin.family,
      model: origin.name,
      manufacturer: origin.manufacturer,
      serial: origin.serial,
      vendorId: origin.vendorId,
      productId: origin.productId,
      // Without a serial number the place where it is plugged in is part of what it is.
      port: origin.serial === null ? origin.port : null,
      kinds: origin.kinds,
      test: identity.demo || origin.virtual,
    }
    await writer.record([
      {
        id: random(16),
        type: 'device.enrolled',
        subject: fromHex(handle),
        timeMs,
        payload: utf8(encodeDevice(facts)),
        fields: encodeDeviceEnrolled({ publicKey }),
        signers: [viewer.signer],
      },
      ...(calibrationDue === null ? [] : [this.#calibration(viewer, handle, calibrationDue, timeMs)]),
    ])
    emit({ kind: 'enrolments' })
    return enrolledOf(facts, calibrationDue)
  }

  /**
   * Ends a device: nothing that arrives from it is authenticated any more, and its key is removed.
   *
   * @param reason - In words, sealed with the entry.
   * @throws ApiFailure `NOT_ALLOWED` for anyone but IT, `DEVICE_NOT_ENROLLED`.
   */
  async revoke(handle: string, reason: string): Promise<void> {
    actorFor(this.#clinic, 'administer.devices')
    const viewer = authorFor(this.#clinic, 'device.revoked')
    const { keystore, random, writer, emit, nowMs } = this.#clinic
    this.mustBeEnrolled(handle)
    const timeMs = nowMs()
    const statement = {
      ...plainStatement(this.#clinic, viewer, handle, timeMs),
      kind: 'revoked' as const,
      note: reason,
    }
    await writer.record([
      {
        id: random(16),
        type: 'device.revoked',
        subject: fromHex(handle),
        timeMs,
        payload: utf8(encodeDeviceStatement(statement)),
        fields: new Map(),
        signers: [viewer.signer],
      },
    ])
    keystore.secrets.remove(deviceSecret(handle))
    emit({ kind: 'enrolments' })
  }

  /**
   * Says from which day on the calibration of a device is due.
   *
   * @param due - Null: never.
   * @throws ApiFailure `NOT_ALLOWED` for anyone but IT, `DEVICE_NOT_ENROLLED`.
   */
  async setCalibration(handle: string, due: string | null): Promise<void> {
    actorFor(this.#clinic, 'administer.devices')
    const viewer = authorFor(this.#clinic, 'device.checked')
    this.mustBeEnrolled(handle)
    await this.#clinic.writer.record([this.#calibration(viewer, handle, due, this.#clinic.nowMs())])
    this.#clinic.emit({ kind: 'enrolments' })
  }

  /** @throws ApiFailure `DEVICE_NOT_ENROLLED` when it never was, or was revoked. */
  mustBeEnrolled(handle: string): void {
    const { replica } = this.#clinic
    const isKnown = replica.subjectsWith('device.enrolled').includes(handle)
    if (!isKnown || isRevoked(replica, handle)) throw new ApiFailure('DEVICE_NOT_ENROLLED')
  }

  #calibration(viewer: Viewer, handle: string, due: string | null, timeMs: number): Draft {
    const statement = { ...plainStatement(this.#clinic, viewer, handle, timeMs), kind: 'calibration' as const, due }
    return {
      id: this.#clinic.random(16),
      type: 'device.checked',
      subject: fromHex(handle),
      timeMs,
      payload: utf8(encodeDeviceStatement(statement)),
      fields: new Map(),
      signers: [viewer.signer],
    }
  }
}

function enrolledOf(
  { handle, label, family, serial, port }: DeviceFacts,
  calibrationDue: string | null,
): EnrolledDevice {
  return { handle, label, family, serial, port, ...(calibrationDue === null ? {} : { calibrationDue }) }
}

function readDevice(text: string, { entry }: VerifiedEntry): DeviceFacts {
  const facts = decodeDevice(text)
  if (facts.handle !== toHex(entry.body.subject ?? new Uint8Array()))
    throw new ContentMismatch('the resource is about another device')
  return facts
}
