/**
 * The devices of this workstation as windows see them: what is plugged in, and which of it this site enrolled.
 *
 * @remarks
 * A device with a serial number is its serial number; one without is its port, and only while no other device makes
 * the same claim. Proven by `tests/main/core/devices-service.test.ts`.
 *
 * @packageDocumentation
 */
import { encodeCapture } from '../../devices/capture-file.ts'
import { idsOf, rowOfFamily } from '../../devices/driver-table.ts'
import type { Device, ExchangeFile } from '../../shared/api/schemas.ts'
import { assert } from '../../shared/errors.ts'
import type { Hub, HubDevice } from '../devices/hub.ts'
import { ApiFailure } from './failure.ts'
import type { DeviceOrigin, EnrolledDevice, VaultService } from './vault-service.ts'

/** What the service needs from outside. */
export interface DevicePorts {
  readonly hub: Pick<Hub, 'devices' | 'stackProblem' | 'exchange'>
  readonly vault: Pick<VaultService, 'enrolments' | 'enrolDevice' | 'revokeDevice' | 'setCalibration'>
  /** Told after every change. */
  changed(devices: Device[]): void
}

/** A plugged-in device: who it is, and its enrolment. */
export interface ConnectedDevice {
  readonly origin: DeviceOrigin
  readonly enrolled: EnrolledDevice | null
}

/** The row that stands for all of USB when it cannot work on this machine. */
const NO_USB: Device = {
  connectionId: 'hid:none',
  family: null,
  name: 'USB access',
  proven: null,
  mode: null,
  memory: false,
  kinds: [],
  serial: null,
  port: '',
  virtual: false,
  status: 'needs-attention',
  problem: 'DEVICE_STACK_MISSING',
  enrolment: null,
}

/** Joins the hub's devices with the ledger's enrolments. */
export class DevicesService {
  readonly #ports: DevicePorts
  #enrolments: readonly EnrolledDevice[] = []

  constructor(ports: DevicePorts) {
    this.#ports = ports
  }

  /** Every device, in the hub's order. */
  list(): Device[] {
    const { hub } = this.#ports
    const devices = hub.devices().map((device) => this.#described(device))
    return hub.stackProblem() === 'DEVICE_STACK_MISSING' ? [...devices, NO_USB] : devices
  }

  /** The hub saw a change. */
  hubChanged(): void {
    this.#ports.changed(this.list())
  }

  /** Asks the vault which devices are enrolled. */
  async loadEnrolments(): Promise<void> {
    this.#enrolments = await this.#ports.vault.enrolments()
    this.hubChanged()
  }

  /**
   * A plugged-in device.
   *
   * @throws ApiFailure `DEVICE_NOT_CONNECTED`.
   */
  find(connectionId: string): ConnectedDevice {
    const device = this.#connected(connectionId)
    return { origin: originOf(device), enrolled: this.#enrolmentOf(device) }
  }

  /**
   * Enrols a plugged-in device under an asset label.
   *
   * @param calibrationDue - From this day on its calibration is due; null when nobody said.
   * @throws ApiFailure `DEVICE_NOT_CONNECTED`, `DEVICE_ALREADY_ENROLLED`, or what the vault refuses with.
   */
  async enrol(connectionId: string, label: string, calibrationDue: string | null = null): Promise<Device> {
    const device = this.#connected(connectionId)
    if (this.#claimed(device).length > 0) throw new ApiFailure('DEVICE_ALREADY_ENROLLED')
    const enrolled = await this.#ports.vault.enrolDevice(originOf(device), label, calibrationDue)
    await this.loadEnrolments()
    return { ...this.#described(device), enrolment: shownOf(enrolled) }
  }

  /**
   * Ends an enrolled device, plugged in or not.
   *
   * @throws ApiFailure what the vault refuses with.
   */
  async revoke(handle: string, reason: string): Promise<void> {
    await this.#ports.vault.revokeDevice(handle, reason)
    // Before anybody is told that it is done, nothing may still count as coming from it.
    await this.loadEnrolments()
  }

  /** Says from which day on the calibration of a device is due. */
  async setCalibration(handle: string, due: string | null): Promise<void> {
    await this.#ports.vault.setCalibration(handle, due)
    await this.loadEnrolments()
  }

  /**
   * What was said in the newest exchange with a device, as a capture file that `chartseal decode` reads.
   *
   * @throws ApiFailure `DEVICE_NOT_CONNECTED`.
   */
  exchange(connectionId: string): ExchangeFile {
    const device = this.#connected(connectionId)
    const { family, capture } = this.#ports.hub.exchange(connectionId)
    // Neither serial number nor label: support needs neither, and they lead back to the clinic.
    const head = `# ${device.name}. Family ${family}. Names of persons are blank; values and times are not.\n`
    return { fileName: `exchange-${family}.hex`, text: head + encodeCapture(capture) }
  }

  #connected(connectionId: string): HubDevice {
    const device = this.#ports.hub.devices().find((one) => one.connectionId === connectionId)
    if (device === undefined) throw new ApiFailure('DEVICE_NOT_CONNECTED')
    return device
  }

  #described(device: HubDevice): Device {
    const enrolled = this.#enrolmentOf(device)
    return { ...device, enrolment: enrolled === null ? null : shownOf(enrolled) }
  }

  /** The one enrolment of a device, unless another plugged-in device would have the same. */
  #enrolmentOf(device: HubDevice): EnrolledDevice | null {
    const [enrolled, ...others] = this.#claimed(device)
    if (enrolled === undefined || others.length > 0) return null
    const claimants = this.#ports.hub.devices().filter((one) => fits(one, enrolled))
    return claimants.length === 1 ? enrolled : null
  }

  #claimed(device: HubDevice): EnrolledDevice[] {
    return this.#enrolments.filter((enrolled) => fits(device, enrolled))
  }
}

function shownOf({ handle, label, calibrationDue }: EnrolledDevice): NonNullable<Device['enrolment']> {
  return { handle, label, ...(calibrationDue === undefined ? {} : { calibrationDue }) }
}

function fits(device: HubDevice, enrolled: EnrolledDevice): boolean {
  if (device.family !== enrolled.family || device.serial !== enrolled.serial) return false
  return device.serial !== null || device.port === enrolled.port
}

function originOf({ family, name, serial, port, kinds, virtual }: HubDevice): DeviceOrigin {
  const row = family === null ? null : rowOfFamily(family)
  assert(family !== null && row !== null, 'the hub lists devices of known families only')
  const { vendorId, productId } = idsOf(row)
  return { family, name, serial, port, vendorId, productId, manufacturer: null, kinds, virtual }
}
