import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Page } from 'playwright-core'
import { encodeCapture, type CaptureLine } from '../../src/devices/capture-file.ts'
import { rowOfFamily } from '../../src/devices/driver-table.ts'
import { recordingTransport } from '../../src/devices/replay.ts'
import { neoLine, createVirtualFreestyle } from '../../src/devices/virtual-abbott.ts'
import type { VirtualDevice } from '../../src/devices/virtual-device.ts'
import { createVirtualTaidoc } from '../../src/devices/virtual-taidoc.ts'
import { contextOf, fakeClock } from '../support/device-world.ts'
import { freshFolder } from './support/folder.ts'
import { endLeftovers, launch, SHELLS, type App } from './support/launcher.ts'
import * as window from './support/window.ts'

/**
 * A glucose meter, a thermometer and a scale, from their bytes to sealed values in the window. Their exchanges are made
 * by the virtual devices; an oximeter and a cuff, as recorded, are in `capture.test.ts`.
 */
const { CLINIC, PATIENT, button } = window
const MINUTE_MS = 60_000
/** As the devices' displays show it: where this computer stands, without seconds. */
const local = (ms: number): string =>
  `${new Date(ms - new Date(ms).getTimezoneOffset() * MINUTE_MS).toISOString().slice(0, 16)}:00`

/** What the driver and `device` say to each other, as a capture. */
async function exchange(family: string, device: VirtualDevice, clock: ReturnType<typeof fakeClock>): Promise<string> {
  const lines: CaptureLine[] = []
  const transport = recordingTransport(device.open(), (line) => lines.push(line))
  const driver = rowOfFamily(family)?.driver
  await driver?.probe(contextOf(transport, clock))
  await driver?.read?.(contextOf(transport, clock))
  return encodeCapture(lines)
}

/** Captures by family. */
async function captures(): Promise<Record<string, string>> {
  const clock = fakeClock()
  const now = Date.now()
  const time = local(now - 2 * MINUTE_MS)
  const meter = createVirtualFreestyle({ clock, lines: () => [neoLine({ time, mgdl: 104 }, 1)], deviceNow: local(now) })
  const thermometer = createVirtualTaidoc({
    clock,
    model: '1241',
    records: () => [{ time, value: [0x70, 0x01, 0, 0] }],
    deviceNow: local(now),
  })
  const stillAt = (weight: string) => Array.from({ length: 40 }, () => `IN< 03 ${weight}`)
  return {
    'abbott-1a61': await exchange('abbott-1a61', meter, clock),
    'taidoc-10c4-ea80': await exchange('taidoc-10c4-ea80', thermometer, clock),
    // Empty, then somebody of 72.40 kg stands still on it.
    'hid-weighing-8d': [...stillAt('02 03 FE 00 00'), ...stillAt('04 03 FE 48 1C')].join('\n'),
  }
}

describe.each(SHELLS)('$title: devices of other kinds', ({ name, missing }) => {
  const folder = freshFolder('kinds')
  let app: App
  let page: Page

  beforeAll(async () => {
    if (missing) return
    const place = join(folder.path(), 'captures')
    mkdirSync(place, { recursive: true })
    const replays: Record<string, string> = {}
    for (const [family, text] of Object.entries(await captures())) {
      replays[family] = join(place, `${family}.txt`)
      writeFileSync(replays[family], text)
    }
    app = await launch(name, { dataFolder: join(folder.path(), 'data'), replays })
    page = app.page
  })
  afterAll(async () => {
    await endLeftovers()
    folder.remove()
  })

  it.skipIf(missing)('are enrolled', async () => {
    window.pictureOnFailure(page, 'kinds-enrol')
    await window.createClinic(page)
    await window.signIn(page, CLINIC.administrator)
    await window.enrolPerson(page, CLINIC.nurse, 'Nurse')
    await window.enrolDevice(page, /Abbott/, 'GL-01')
    await window.enrolDevice(page, /TaiDoc/, 'TH-01')
    await window.enrolDevice(page, /[Ss]cale/, 'SC-01')
    await window.signOut(page)
    await window.signIn(page, CLINIC.nurse)
    await window.registerPatient(page, PATIENT)
  })

  it.skipIf(missing)('fill in by themselves what was just measured, each with its own unit', async () => {
    window.pictureOnFailure(page, 'kinds-read')
    await window.startObservations(page)
    for (const [label, value] of [
      ['GL-01', /104 mg\/dL/],
      ['TH-01', /36\.8 °C/],
      ['SC-01', /72\.40 kg/],
    ] as const) {
      const card = page.getByRole('article', { name: label })
      await card.getByRole('checkbox', { checked: true }).waitFor()
      expect(window.flat((await card.textContent()) ?? '')).toMatch(value)
    }
  })

  it.skipIf(missing)('are signed and sealed as one set', async () => {
    window.pictureOnFailure(page, 'kinds-sign')
    const rows = await window.sign(page, 3)
    expect(rows.toSorted()).toEqual(['Glucose 104 mg/dL', 'Temperature 36.8 °C', 'Weight 72.40 kg'])
    await button(page, 'Open chart').click()
    const cells = await window.flowsheet(page)
    expect(cells).toHaveLength(3)
    expect(app.problems).toEqual([])
    expect(await app.stop()).toBe(0)
  })
})
