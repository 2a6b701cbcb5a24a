import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addressesIn,
  draftOf,
  fieldOf,
  problemsOf,
  settingsOf,
  type SettingsDraft,
} from '../../../../src/renderer/components/network/network-settings.ts'
import { NetworkSettings } from '../../../../src/shared/api/schemas.ts'
import { FakeNetwork } from '../../../support/fake-network.ts'

const FOUR = 'chartseal.local/site-4/node-1'

function grown() {
  const network = new FakeNetwork(0)
  network.grow()
  return network.status()
}
const changed = (change: Partial<SettingsDraft>): SettingsDraft => ({ ...draftOf(grown()), ...change })

describe('the settings as somebody edits them', () => {
  it('say the same as before when nothing was typed', () => {
    const status = grown()
    const { custodians, ...rest } = status.settings
    expect(settingsOf(draftOf(status), status.settings)).toEqual(rest)
    expect(custodians).toHaveLength(1)
  })

  it('have a field for every node of others, and none for this one', () => {
    const { addresses, names } = draftOf(grown())
    expect(Object.keys(addresses)).toHaveLength(3)
    expect(Object.keys(names)).toEqual(['chartseal.local/site-2', 'chartseal.local/site-3', 'chartseal.local/site-4'])
    expect(addresses[FOUR]).toBe('clinic-four.example:4101')
  })

  it('take addresses apart however people separate them', () => {
    expect(addressesIn(' a.example:4101,b.example;  wss://c.example\na.example:4101\n')).toEqual([
      'a.example:4101',
      'b.example',
      'wss://c.example',
    ])
  })

  it.each([
    ['', false],
    ['1', false],
    ['4101', false],
    ['65535', false],
    ['0', true],
    ['65536', true],
    ['-1', true],
    ['4101.5', true],
    ['four', true],
  ])('say of port %j whether it is wrong: %j', (port, isPortWrong) => {
    expect(problemsOf(changed({ port })).isPortWrong).toBe(isPortWrong)
  })

  it('say where there are too many addresses, and which is none', () => {
    const many = Array.from({ length: 9 }, (_, n) => `10.0.0.${n}`).join(' ')
    expect(problemsOf(changed({ announce: many })).isAnnounceTooLong).toBe(true)
    expect(problemsOf(changed({ addresses: { [FOUR]: many } })).tooMany).toEqual([FOUR])
    expect(problemsOf(changed({ addresses: { [FOUR]: 'a.example, x' } })).unusable).toBe('x')
  })

  it('know the field of an address', () => {
    const draft = changed({ announce: '10.0.0.1', addresses: { [FOUR]: 'a.example b.example' } })
    expect(fieldOf(draft, '10.0.0.1')).toBe('announce')
    expect(fieldOf(draft, 'b.example')).toBe(FOUR)
    expect(fieldOf(draft, 'c.example')).toBeNull()
  })

  it('keep addresses of nodes without a field, and drop empty ones', () => {
    const before = { ...grown().settings, peers: [{ log: 'gone', addresses: ['10.0.0.9'] }] }
    expect(settingsOf(changed({ addresses: { [FOUR]: ' ' } }), before).peers).toEqual(before.peers)
  })

  it('fit the contract whatever is typed, once nothing is wrong with them', () => {
    const text = fc.string({ maxLength: 60 })
    fc.assert(
      fc.property(text, text, text, text, (port, announce, name, address) => {
        const draft = changed({
          ...{ port, announce, names: { 'chartseal.local/site-2': name.slice(0, 80) }, addresses: { [FOUR]: address } },
        })
        const { isPortWrong, isAnnounceTooLong, tooMany, unusable } = problemsOf(draft)
        if (isPortWrong || isAnnounceTooLong || tooMany.length > 0 || unusable !== null) return
        const settings = { ...settingsOf(draft, grown().settings), custodians: [] }
        expect(NetworkSettings.safeParse(settings).success).toBe(true)
      }),
    )
  })
})
