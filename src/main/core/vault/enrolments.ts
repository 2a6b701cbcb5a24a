import { decodeDevice, encodeDevice, type DeviceFacts } from '../../../clinical/device.ts'
import { encodeDeviceEnrolled } from '../../../ledger/fields.ts'
import type { VerifiedEntry } from '../../../ledger/verify-entry.ts'
import { fromHex, toHex } from '../../../shared/bytes.ts'
import { keyPairFromSeed, wipe } from '../../keystore/sodium.ts'
import { ApiFailure } from '../failure.ts'
import { ContentMismatch, reliedOnContent } from '../verify-record.ts'
import type { DeviceOrigin, EnrolledDevice } from '../vault-service.ts'
import { actorFor, utf8, type Clinic, type Viewer } from './clinic.ts'

/** Devices of the site: each has a key on this node that signs what arrives from it. */
export class Enrolments {
  readonly #clinic: Clinic

  constructor(clinic: Clinic) {
    this.#clinic = clinic
  }

  /** Enrolled devices whose records verify. */
  async list(): Promise<EnrolledDevice[]> {
    const { replica, keys } = this.#clinic
    const devices: EnrolledDevice[] = []
    for (const subject of replica.subjectsWith('device.enrolled')) {
      const link = replica.chain(subject).links.find(({ type }) => type === 'device.enrolled')
      if (link === undefined) continue
      const facts = await reliedOnContent({ replica, keys }, { subject, link, read: readDevice })
      if (facts !== null) devices.push(enrolledOf(facts))
    }
    return devices
  }

  /**
   * Enrols a device under a new key of its own.
   *
   * @throws ApiFailure `NOT_ALLOWED` for anyone but IT, `DEVICE_ALREADY_ENROLLED`.
   */
  async enrol(origin: DeviceOrigin, label: string): Promise<EnrolledDevice> {
    const viewer = actorFor(this.#clinic, 'administer.devices')
    const known = await this.list()
    const isSame = (device: EnrolledDevice) =>
      device.family === origin.family &&
      (origin.serial === null ? device.port === origin.port : device.serial === origin.serial)
    if (known.some(isSame)) throw new ApiFailure('DEVICE_ALREADY_ENROLLED')
    return this.enrolAs(viewer, origin, label, this.#clinic.nowMs())
  }

  /** The same at a given time of the author's clock. */
  async enrolAs(viewer: Viewer, origin: DeviceOrigin, label: string, timeMs: number): Promise<EnrolledDevice> {
    const { random, keystore, writer, identity, emit } = this.#clinic
    const handle = toHex(random(16))
    const seed = random(32)
    const { publicKey } = keyPairFromSeed(seed)
    await keystore.secrets.put(`device-${handle}`, seed)
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
    ])
    emit({ kind: 'enrolments' })
    return enrolledOf(facts)
  }
}

function enrolledOf({ handle, label, family, serial, port }: DeviceFacts): EnrolledDevice {
  return { handle, label, family, serial, port }
}

function readDevice(text: string, { entry }: VerifiedEntry): DeviceFacts {
  const facts = decodeDevice(text)
  if (facts.handle !== toHex(entry.body.subject ?? new Uint8Array()))
    throw new ContentMismatch('the resource is about another device')
  return facts
}
