import { expect, it } from 'vitest'
import { measured, ORDINARY, type Measurement } from '../../../src/devices/measurement.ts'
import { Captures } from '../../../src/main/core/captures.ts'
import type { HeldDraft } from '../../../src/main/core/vault-service.ts'
import type { ReadEvent } from '../../../src/shared/api/schemas.ts'
import { handleOf } from '../../support/fake-data.ts'

const OWNER = handleOf(1)
const base = { deviceTime: null, flags: [], raw: Uint8Array.of(1) }
const GLUCOSE: Measurement = {
  ...base,
  ...ORDINARY,
  kind: 'glucose',
  quantities: [measured('glucose', '104')],
  recordKey: 'blood',
}
const CONTROL: Measurement = { ...GLUCOSE, control: true, recordKey: 'control' }
const ROOM: Measurement = {
  ...base,
  ...ORDINARY,
  purpose: 'room',
  kind: 'environment',
  quantities: [measured('room-temperature', '4.3')],
  recordKey: 'room',
}

/** Captures over a device that gives `measurements`, and what reached the vault. */
function world(measurements: readonly Measurement[], device: string | null = handleOf(2)) {
  const checks: [string, string[]][] = []
  const tray: string[] = []
  const onTheSpot: unknown[] = []
  const keyOf = ({ draft }: HeldDraft) => draft.draftId
  const captures = new Captures({
    vault: {
      asksSignature: async () => false,
      patient: async (handle: string) => ({ status: 'verified', record: { handle } }) as never,
      draftsOf: async (_origin, _enrolled, all, context) => {
        onTheSpot.push(context.onTheSpot)
        return all.map(
          ({ kind, quantities, flags, recordKey, raw }) =>
            ({
              draft: { draftId: recordKey, kind, quantities, flags, alreadyRecorded: false },
              raw,
              device,
            }) as unknown as HeldDraft,
        )
      },
      signReadings: async () => [],
      putTray: async (_reason, drafts) => void tray.push(...drafts.map(keyOf)),
      putChecks: async (reason, drafts) => void checks.push([reason, drafts.map(keyOf)]),
    },
    hub: {
      readMemory: async () => ({ measurements: [...measurements], deviceNow: null, complete: true, readAtMs: 0 }),
      measure: async (_id, _options, take) => measurements.forEach((measurement) => take(measurement, 0)),
      live: () => {
        throw new Error('not asked for')
      },
      stableWindow: () => {
        throw new Error('not asked for')
      },
    },
    find: () => ({ origin: {} as never, enrolled: {} as never }),
    active: () => OWNER,
    now: () => ({ monotonicMs: 0, wallMs: 0 }),
    randomId: () => handleOf(3),
    fault: (error) => {
      throw error
    },
  })
  return { captures, checks, tray, onTheSpot }
}

async function told(events: AsyncGenerator<ReadEvent>): Promise<string[]> {
  const drafts: string[] = []
  for await (const event of events)
    if (event.kind === 'drafts') drafts.push(...event.drafts.map(({ draftId }) => draftId))
  return drafts
}

it.each(['read', 'measure'] as const)('%s: control solution and rooms go to the log of checks alone', async (way) => {
  const { captures, checks, tray } = world([CONTROL, GLUCOSE, ROOM])
  const { captureId } = await captures.open(handleOf(9))
  expect(await told(captures[way](captureId, 'a device', undefined))).toEqual(['blood'])
  expect(checks).toEqual([
    ['control', ['control']],
    ['room', ['room']],
  ])
  await captures.close(captureId)
  expect(tray).toEqual(['blood'])
})

it.each(['read', 'measure'] as const)(
  '%s: what a device that is not enrolled gives waits in the tray at once',
  async (way) => {
    const { captures, tray } = world([GLUCOSE], null)
    const { captureId } = await captures.open(handleOf(9))
    expect(await told(captures[way](captureId, 'a device', undefined))).toEqual(['blood'])
    expect(tray).toEqual(['blood'])
    await captures.close(captureId)
    expect(tray).toEqual(['blood'])
  },
)

it('a device that gives nothing else gives no drafts, and that is no error', async () => {
  const { captures, checks } = world([ROOM])
  const { captureId } = await captures.open(handleOf(9))
  expect(await told(captures.read(captureId, 'a device', undefined))).toEqual([])
  expect(checks).toHaveLength(1)
})

it('a measurement of this moment is never taken for one that was recorded before', async () => {
  const { captures, onTheSpot } = world([GLUCOSE])
  const { captureId } = await captures.open(handleOf(9))
  await told(captures.measure(captureId, 'a device', undefined))
  await told(captures.read(captureId, 'a device', undefined))
  expect(onTheSpot).toEqual([true, undefined])
})
