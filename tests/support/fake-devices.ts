/** Devices of a fake core, and what they and people send. */
import type { Device, ManualValue, Reading } from '../../src/shared/api/schemas.ts'
import { handleOf } from './fake-data.ts'

/** A pulse wave, at any second. */
export function pleth(seconds: number): number {
  const phase = (seconds * 1.2) % 1
  const rise = Math.exp(-(((phase - 0.18) / 0.09) ** 2))
  const notch = 0.35 * Math.exp(-(((phase - 0.48) / 0.11) ** 2))
  return Math.round(18 + 90 * (rise + notch) * 0.9)
}

/** What a value that was typed is on record. */
export function fromManual(
  value: ManualValue,
  at: string,
): Omit<Reading, 'setId' | 'recordedAt' | 'performer' | 'test'> {
  return {
    kind: value.kind,
    quantities: value.quantities.map((quantity) => ({
      ...quantity,
      comparator: null,
      unit: quantity.ucum.replace('mm[Hg]', 'mmHg').replace('Cel', '°C'),
    })),
    measuredAt: at,
    method: 'manual',
    deviceLabel: null,
    flags: value.confirmed ? ['confirmed-unusual'] : [],
    site: value.site,
    deviceTime: null,
    deviceClockOffsetS: null,
    window: null,
  }
}

/** What is plugged in. */
export function demoDevices(): Device[] {
  const common = { serial: null, virtual: true, problem: null }
  return [
    {
      ...common,
      connectionId: 'virtual:oximeter',
      family: 'contec-28e9-028a',
      name: 'Contec CMS50E',
      proven: 'captured',
      mode: 'live',
      memory: true,
      kinds: ['spo2', 'heart-rate'],
      port: 'virtual 1',
      status: 'ready',
      enrolment: { handle: handleOf(0xe1), label: 'Oximeter 2' },
    },
    {
      ...common,
      connectionId: 'virtual:cuff',
      family: 'omron-0590-0028',
      name: 'Omron HEM-7322U',
      proven: 'captured',
      mode: 'memory',
      memory: true,
      kinds: ['blood-pressure', 'heart-rate'],
      port: 'virtual 2',
      status: 'ready',
      serial: '20180602344VG',
      enrolment: { handle: handleOf(0xe2), label: 'Cuff ward 3' },
    },
    {
      ...common,
      connectionId: 'usb:3-1',
      family: 'omron-0590-0028',
      name: 'Omron HEM-7131U',
      proven: 'constructed',
      mode: 'memory',
      memory: true,
      kinds: ['blood-pressure', 'heart-rate'],
      port: 'usb 3-1',
      virtual: false,
      status: 'needs-attention',
      problem: 'DEVICE_PERMISSION',
      enrolment: null,
    },
    {
      ...common,
      connectionId: 'usb:3-2',
      family: null,
      name: 'HID device 1a61:3650',
      proven: null,
      mode: null,
      memory: false,
      kinds: [],
      port: 'usb 3-2',
      virtual: false,
      status: 'unsupported',
      problem: null,
      enrolment: null,
    },
  ]
}
