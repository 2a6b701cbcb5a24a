import { mount } from '@vue/test-utils'
import { defineComponent, h } from 'vue'
import { describe, expect, it } from 'vitest'
import { LEDGER_ERROR_CODES } from '../../../../src/ledger/errors.ts'
import { dialFailureOf } from '../../../../src/main/peer/dial-failure.ts'
import { bytesText, useNetworkWords } from '../../../../src/renderer/components/network/network-words.ts'
import { shortSite } from '../../../../src/renderer/components/network/site-name.ts'
import { createMessages } from '../../../../src/renderer/i18n.ts'
import {
  JoiningStatus,
  NetworkInvitation,
  NetworkLog,
  NetworkNode,
  PeerLinkState,
  RecoveryReason,
  SystemNotice,
} from '../../../../src/shared/api/schemas.ts'
import { logOf } from '../../../support/fake-network.ts'

const messages = createMessages()
const { te } = messages.global as unknown as { te: (key: string) => boolean }

function words(): ReturnType<typeof useNetworkWords> {
  let found: ReturnType<typeof useNetworkWords> | null = null
  const probe = defineComponent({
    setup() {
      found = useNetworkWords()
      return () => h('p')
    },
  })
  mount(probe, { global: { plugins: [messages] } })
  if (found === null) throw new Error('setup ran')
  return found
}

describe('every value of the network has its words', () => {
  it.each([
    ['network.logs.states', NetworkLog.shape.state.options],
    ['network.invitations.states', NetworkInvitation.shape.state.options],
    ['network.joining.states', JoiningStatus.shape.state.options],
    ['network.sites.states', PeerLinkState.shape.state.options],
    ['network.logs.doubts', NetworkLog.shape.doubt.unwrap().options],
    ['network.sites.roles', NetworkNode.shape.role.unwrap().options],
    ['setup.recover.reasons', RecoveryReason.options],
    ['app.notices', SystemNotice.shape.kind.options],
    ['network.rules', LEDGER_ERROR_CODES],
    ['network.problems', ['REFUSED', 'TIMEOUT', 'UNREACHABLE', 'UNKNOWN_HOST', 'HUNG_UP', 'OTHER_KEY']],
    ['network.problems', ['NOT_AT_RELAY', 'NO_RELAY', dialFailureOf(new Error('something new'))]],
  ])('in %s', (group, values) => {
    expect(values.filter((value) => !te(`${group}.${value}`))).toEqual([])
  })

  it('and codes that are new here are named at least', () => {
    const { problemText, ruleText } = words()
    expect(problemText('SOLAR_FLARE')).toContain('SOLAR_FLARE')
    expect(ruleText('NEW_RULE')).toContain('NEW_RULE')
  })
})

describe('how a log stands', () => {
  it.each([
    [logOf(2, 10), 'Up to date and final'],
    [logOf(2, 10, { final: 9 }), '1 entry not final yet'],
    [logOf(2, 10, { final: 4 }), '6 entries not final yet'],
    [logOf(2, 10, { verified: 7, state: 'behind' }), '3 entries to come'],
    [
      logOf(2, 10, { verified: 7, state: 'refused', refused: { index: 7, code: 'WRONG_PATIENT' } }),
      'Refused from entry 7 on: the card of another patient signed',
    ],
    [logOf(2, 10, { state: 'closed' }), 'Ended: its node went on in a new log'],
    [logOf(2, 10, { state: 'frozen' }), 'Stopped: this log exists in two versions. See the proof on the Ledger page.'],
  ])('%#', (log, text) => {
    expect(words().logState(log)).toBe(text)
  })

  it('says why a log is in doubt', () => {
    const doubted = (doubt: NetworkLog['doubt']) => words().logState(logOf(2, 10, { state: 'contested', doubt }))
    expect(doubted('drops-final')).toContain('goes on without entries that are final here')
    expect(doubted('opened-twice')).toContain('two computers')
    expect(doubted('contradicts')).toContain('does not continue what its machine had signed')
  })
})

it.each([
  [0, '0 B'],
  [812, '812 B'],
  [4120, '4.1 kB'],
  [81_000, '81 kB'],
  [4_120_000, '4.1 MB'],
  [7e15, '7000 TB'],
])('%d bytes read as %s', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text)
})

it.each([
  ['chartseal.local/site-7414e50b55fff067', 'site-7414e50b'],
  ['chartseal.local/site-1', 'site-1'],
  ['chartseal.org/site/harbour', 'chartseal.org/site/harbour'],
])('%s is called %s', (site, name) => {
  expect(shortSite(site)).toBe(name)
})
