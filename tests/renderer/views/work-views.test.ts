import { afterEach, describe, expect, it, vi } from 'vitest'
import DeviceHistoryDialog from '../../../src/renderer/components/devices/DeviceHistoryDialog.vue'
import ProofInspector from '../../../src/renderer/components/proof/ProofInspector.vue'
import { useProofStore } from '../../../src/renderer/stores/proof.ts'
import { useSystemStore } from '../../../src/renderer/stores/system.ts'
import { openWindow, settle } from '../../support/mount-window.ts'

const body = () => document.body.textContent
const button = (name: string) =>
  [...document.querySelectorAll('button')].find(
    (one) => one.textContent.includes(name) || one.getAttribute('aria-label') === name,
  )

/** Opens a page as a practitioner of the fake clinic: 0 physician, 1 nurse, 3 IT. */
async function visit(
  path: string,
  signedInAs: number,
  prepare: (core: Awaited<ReturnType<typeof openWindow>>['core']) => void = () => undefined,
) {
  const window = await openWindow({ signedInAs })
  prepare(window.core)
  useSystemStore().devices = window.core.devices
  const view = await window.visit(path)
  return { ...window, view }
}

/** Opens a tab of the page by keyboard. */
async function openTab(view: Awaited<ReturnType<typeof visit>>['view'], name: string): Promise<void> {
  await vi.waitFor(() => expect(view.findAll('[role="tab"]').length).toBeGreaterThan(0))
  await view
    .findAll('[role="tab"]')
    .find((tab) => tab.text().includes(name))
    ?.trigger('keydown', { key: 'Enter' })
  await settle()
}

afterEach(() => {
  document.body.innerHTML = ''
})

describe('every page', () => {
  it.each([
    ['/ledger', 'ledger.summary'],
    ['/devices', 'devices.list'],
    ['/tray', 'tray.list'],
    ['/people', 'people.list'],
  ])('%s says what is wrong and offers to try again', async (path, call) => {
    const { core } = await visit(path, 3, (fake) => fake.failures.set(call, 'INTERNAL'))
    expect(body()).toContain('Something went wrong inside Chartseal')
    const before = core.calls.filter((one) => one === call).length
    button('Try again')?.click()
    await settle()
    expect(core.calls.filter((one) => one === call).length).toBe(before + 1)
    expect(body()).not.toContain('Something went wrong inside Chartseal')
  })

  it.each([
    ['/tray', 'The tray is empty'],
    ['/devices', 'No device connected'],
    ['/people', 'Nobody is enrolled yet'],
  ])('%s says so when it is empty', async (path, text) => {
    await visit(path, 3, (core) => {
      core.tray = []
      core.devices = []
      core.practitioners = []
    })
    expect(body()).toContain(text)
  })
})

describe('devices', () => {
  it('names state, remedy and proof of each device, with words', async () => {
    await visit('/devices', 3)
    expect(body()).toContain('Needs attention')
    expect(body()).toContain('Ask IT to install the device rules')
    expect(body()).toContain('Proven on recordings')
    expect(body()).toContain('Not supported')
  })

  it('lets IT enrol, with a label', async () => {
    const { core } = await visit('/devices', 3)
    button('Enrol Omron HEM-7131U')?.click()
    await vi.waitFor(() => expect(body()).toContain('Asset label'))
    const form = document.querySelector<HTMLFormElement>('[role=dialog] form')
    form?.dispatchEvent(new Event('submit', { cancelable: true }))
    await settle()
    expect(body()).toContain('Type at least two characters')
    const input = form?.querySelector('input')
    input!.value = 'BP-07'
    input!.dispatchEvent(new Event('input'))
    await settle()
    form?.dispatchEvent(new Event('submit', { cancelable: true }))
    await vi.waitFor(() => expect(body()).toContain('BP-07 is enrolled'))
    expect(core.devices.some((device) => device.enrolment?.label === 'BP-07')).toBe(true)
  })

  it('lets IT revoke a device that it enrolled, with a reason and a second decision', async () => {
    const { core } = await visit('/devices', 3)
    const [before] = core.enrolments()
    button(`Revoke ${before!.label}`)?.click()
    await vi.waitFor(() => expect(body()).toContain('It cannot be undone'))
    const form = document.querySelector<HTMLFormElement>('[role=dialog] form')
    form?.dispatchEvent(new Event('submit', { cancelable: true }))
    await settle()
    expect(body()).toContain('Type at least three characters')
    const [reason, sure] = [...form!.querySelectorAll('input')]
    reason!.value = 'fell into the sink'
    reason!.dispatchEvent(new Event('input'))
    form?.dispatchEvent(new Event('submit', { cancelable: true }))
    await settle()
    expect(body()).toContain('Tick the box to confirm')
    expect(core.calls).not.toContain('devices.revoke')
    sure!.checked = true
    sure!.dispatchEvent(new Event('change'))
    await settle()
    form?.dispatchEvent(new Event('submit', { cancelable: true }))
    await vi.waitFor(() => expect(body()).toContain(`${before!.label} is revoked`))
    expect(core.devices.some((device) => device.enrolment?.handle === before!.handle)).toBe(false)
    const row = [...document.querySelectorAll('tbody tr')].find((one) => one.textContent.includes(before!.label))
    expect(row?.textContent).toContain('fell into the sink')
    expect(button(`Revoke ${before!.label}`)).toBeUndefined()
  })

  it('says since when a calibration is due, and lets IT set the date', async () => {
    const { core } = await visit('/devices', 3)
    const [device] = core.enrolments()
    expect(body()).toContain('No date for calibration')
    button(`Set when the calibration of ${device!.label} is due`)?.click()
    await vi.waitFor(() => expect(document.querySelector('[role=dialog] form')).not.toBeNull())
    const input = document.querySelector<HTMLInputElement>('[role=dialog] form input')
    input!.value = '2026-03-02'
    input!.dispatchEvent(new Event('input'))
    document
      .querySelector<HTMLFormElement>('[role=dialog] form')
      ?.dispatchEvent(new Event('submit', { cancelable: true }))
    await vi.waitFor(() => expect(body()).toContain('Calibration due since 02-Mar-2026'))
    expect(core.enrolments()[0]?.calibrationDue).toBe('2026-03-02')
  })

  it('lets nobody else revoke a device or change its date', async () => {
    const { core } = await visit('/devices', 1)
    await vi.waitFor(() => expect(body()).toContain('Devices of this clinic'))
    const [device] = core.enrolments()
    expect(button(`Revoke ${device!.label}`)).toBeUndefined()
    expect(button(`Set when the calibration of ${device!.label} is due`)).toBeUndefined()
  })

  it('puts a space between how a device measures and that it keeps readings', async () => {
    await visit('/devices', 1, (core) => {
      core.devices = core.devices.map((device) => ({ ...device, mode: 'live', memory: true }))
    })
    expect(body()).toContain('Live signal and its memory')
  })

  it('shows what was measured on nobody, and says that it is in no record', async () => {
    const quantity = { name: 'glucose', value: '112', comparator: null, ucum: 'mg/dL', unit: 'mg/dL', coded: null }
    await visit('/devices', 1, (core) => {
      core.checks = (['control', 'room'] as const).map((reason, n) => ({
        id: `${n}`.repeat(32),
        receivedAt: '2026-11-20T08:14:05+01:00',
        reason,
        device: null,
        recorded: false,
        draft: {
          draftId: `${n}`.repeat(32),
          kind: reason === 'control' ? 'glucose' : 'environment',
          quantities: [
            reason === 'control'
              ? quantity
              : { ...quantity, name: 'room-temperature', value: '4.3', ucum: 'Cel', unit: '°C' },
          ],
          measuredAt: '2026-11-20T08:14:05+01:00',
          method: 'device',
          deviceLabel: 'Meter 1',
          flags: [],
          site: null,
          deviceTime: null,
          deviceClockOffsetS: null,
          window: null,
          alreadyRecorded: false,
        },
      }))
    })
    await vi.waitFor(() => expect(body()).toContain('Control solution, rooms and refrigerators'))
    const rows = [...document.querySelectorAll('.checks tbody tr')].map((row) =>
      row.textContent.replaceAll(/\s+/g, ' '),
    )
    expect(rows).toEqual([
      expect.stringMatching(/Meter 1 ?Control solution ?112 mg\/dL/),
      expect.stringMatching(/Meter 1 ?Room or refrigerator ?4\.3 °C/),
    ])
  })

  it('lets a nurse say whether control solution passed, and shows it in the history of the device', async () => {
    const { core } = await visit('/devices', 1, (fake) => {
      const [device] = fake.enrolments()
      const draft = { ...fake.tray[0]!.draft, deviceLabel: device!.label }
      const at = { id: draft.draftId, receivedAt: draft.measuredAt }
      fake.checks = [{ ...at, reason: 'control', draft, device: device!.handle, recorded: false }]
    })
    const [device] = core.enrolments()
    await vi.waitFor(() => expect(body()).toContain('Passed or failed'))
    button('Passed or failed')?.click()
    await vi.waitFor(() => expect(body()).toContain('Compare the value with the range on the label'))
    button('Failed')?.click()
    await vi.waitFor(() => expect(body()).toContain(`The check of ${device!.label} is on record`))
    expect(core.stated).toMatchObject([{ handle: device!.handle, kind: 'control', result: 'failed' }])
    expect(document.querySelector('.checks tbody')?.textContent).toContain('On record')
    button(`History of ${device!.label}`)?.click()
    await vi.waitFor(() =>
      expect(document.querySelector('.list tbody')?.textContent).toMatch(/Control solution.*Failed/),
    )
    button('Record as passed')?.click()
    await vi.waitFor(() => expect(document.querySelector('.list tbody')?.textContent).toMatch(/Clock.*Passed/))
    expect(core.stated[0]).toMatchObject({ handle: device!.handle, kind: 'clock', result: 'passed', note: null })
  })

  it('lets whoever may not record read the history of a device all the same', async () => {
    const { core, mount } = await openWindow({ signedInAs: 1 })
    mount(DeviceHistoryDialog, { device: core.enrolments()[0]!, mayRecord: false })
    await vi.waitFor(() => expect(body()).toContain('Nothing is on record yet'))
    expect(button('Record as passed')).toBeUndefined()
  })

  it('hands physicians and nurses the newest exchange, with a word about what is in it', async () => {
    await visit('/devices', 1)
    button('Save exchange with Oximeter 2 for support')?.click()
    await vi.waitFor(() => expect(body()).toContain('OUT> 81 01'))
    expect(body()).toContain('Names of persons are blank')
  })

  it('does not offer it to IT, because values are in it', async () => {
    await visit('/devices', 3)
    expect(button('Save exchange with Oximeter 2 for support')).toBeUndefined()
    expect(button('Enrol Omron HEM-7131U')).toBeDefined()
  })

  it('offers enrolment to nobody else', async () => {
    await visit('/devices', 1)
    expect(button('Enrol Omron HEM-7131U')).toBeUndefined()
    expect(body()).toContain('Clinic IT enrols devices')
  })
})

describe('the ledger page', () => {
  it('checks and repairs, from a second copy when IT names one, and lists what was recorded', async () => {
    const { view } = await visit('/ledger', 3)
    await openTab(view, 'Upkeep')
    await vi.waitFor(() => expect(body()).toContain('No incident was recorded.'))
    button('Check and repair')?.click()
    await vi.waitFor(() => expect(body()).toContain('1 damaged row could not be repaired'))
    expect(body()).toContain('Entry 7: not repaired (1)')
    await view.find('input[name="repair-file"]').setValue('/mnt/usb/ledger.db')
    button('Check and repair')?.click()
    await vi.waitFor(() => expect(body()).toContain('1 damaged row was repaired'))
    expect(body()).toContain('Entry 7: repaired (1)')
  })

  it('lets others check, without naming a file', async () => {
    const { view } = await visit('/ledger', 0)
    await openTab(view, 'Upkeep')
    await vi.waitFor(() => expect(button('Check and repair')).toBeDefined())
    expect(view.find('input[name="repair-file"]').exists()).toBe(false)
  })

  it('shows rejected entries with the step, and no value anywhere', async () => {
    const { core, view } = await visit('/ledger', 3)
    const rejected = core.recorded.find((one) => 'status' in one.reading)!
    const { useLedgerStore } = await import('../../../src/renderer/stores/ledger.ts')
    const ledger = useLedgerStore()
    const block = core.block(Math.floor(rejected.index / 4))
    await ledger.openBlock(block)
    await settle()
    expect(view.text()).toContain('Failed: a signature is missing or wrong')
  })

  it('names entry types in words, also those with a dot', async () => {
    const { core, view } = await visit('/ledger', 3)
    const { useLedgerStore } = await import('../../../src/renderer/stores/ledger.ts')
    const ledger = useLedgerStore()
    await ledger.openBlock(core.block(2))
    ledger.entries = ledger.entries!.map((entry, n) => ({
      ...entry,
      problem: null,
      type: n === 0 ? 'practitioner.enrolled' : 'unheard.of',
    }))
    await settle()
    expect(view.text()).toContain('Practitioner enrolled')
    expect(view.text()).toContain('unheard.of')
  })

  it('reports findings after verifying everything', async () => {
    await visit('/ledger', 3)
    button('Verify everything')?.click()
    await vi.waitFor(() => expect(body()).toContain('2 findings in'))
    expect(body()).toContain('a signature is missing or wrong')
  })
})

describe('the tray page', () => {
  it('shows drafts as not recorded and unauthenticated ones as such', async () => {
    await visit('/tray', 1)
    expect(body()).toContain('Not recorded')
    expect(body()).toContain('Unauthenticated')
  })

  it('asks for a patient and a reason before anything is signed', async () => {
    const { core } = await visit('/tray', 1)
    const [first] = document.querySelectorAll<HTMLInputElement>('tbody input[type=checkbox]')
    first?.dispatchEvent(new Event('change', { bubbles: true }))
    await settle()
    button('Assign to patient')?.click()
    await vi.waitFor(() => expect(document.querySelector('[role=dialog] form')).not.toBeNull())
    document.querySelector('[role=dialog] form')?.dispatchEvent(new Event('submit', { cancelable: true }))
    await settle()
    expect(body()).toContain('Choose a patient first')
    expect(body()).toContain('Type at least three characters')
    expect(core.calls).not.toContain('tray.assign')
  })
})

describe('the people page', () => {
  it('lets only IT enrol, and says why a PIN is refused', async () => {
    await visit('/people', 1)
    expect(button('Enrol person')).toBeUndefined()
    document.body.innerHTML = ''
    await visit('/people', 3)
    button('Enrol person')?.click()
    await vi.waitFor(() => expect(document.querySelector('[role=dialog] form')).not.toBeNull())
    const [name, , ...pins] = document.querySelectorAll<HTMLInputElement>(
      '[role=dialog] form input:not([hidden]), [role=dialog] form button',
    )
    for (const [input, text] of [[name!, 'Ada Example'], ...pins.map((pin) => [pin, '7777'] as const)] as const) {
      input.value = text
      input.dispatchEvent(new Event('input'))
    }
    await settle()
    document.querySelector('[role=dialog] form')?.dispatchEvent(new Event('submit', { cancelable: true }))
    await vi.waitFor(() => expect(body()).toContain('too easy to guess'))
    expect(pins.every((pin) => pin.value === '')).toBe(true)
  })
})

describe('the proof inspector', () => {
  it('shows facts, signatures and path, and what this window makes of them', async () => {
    const window = await openWindow({ signedInAs: 0 })
    window.mount(ProofInspector)
    const proof = useProofStore()
    await proof.open({ origin: null, index: 42 })
    await vi.waitFor(() => expect(body()).toContain('Proof of entry 42'))
    expect(body()).toContain('Jonas Weatherby')
    expect(body()).toContain('Encrypted content')
    button('Verify again in this window')?.click()
    await vi.waitFor(() => expect(body()).toContain('The proof does not hold'))
    expect(body()).toContain('not reached')
  })

  it('saves a receipt, and says what a stranger needs to check it', async () => {
    const window = await openWindow({ signedInAs: 0 })
    window.mount(ProofInspector)
    const proof = useProofStore()
    await proof.open({ origin: null, index: 42 })
    await vi.waitFor(() => expect(button('Save receipt')).toBeDefined())
    const saved: { name: string; href: string }[] = []
    const click = vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (this: HTMLAnchorElement) {
      saved.push({ name: this.download, href: this.href })
    })
    button('Save receipt')?.click()
    await vi.waitFor(() =>
      expect(saved).toEqual([{ name: 'ward-42.tlog-proof', href: expect.stringMatching(/^blob:/) }]),
    )
    click.mockRestore()
    expect(body()).toContain('A stranger needs this file')
    expect(body()).toContain(`chartseal verify ward-42.tlog-proof --network ${proof.proof?.networkId ?? ''}`)
  })
})
