import { enableAutoUnmount, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import JoiningView from '../../../src/renderer/views/JoiningView.vue'
import FirstRunView from '../../../src/renderer/views/FirstRunView.vue'
import NavRail from '../../../src/renderer/components/app/NavRail.vue'
import StatusBar from '../../../src/renderer/components/app/StatusBar.vue'
import { useSystemStore } from '../../../src/renderer/stores/system.ts'
import { button, fill, press, screen } from '../../support/dialogs.ts'
import type { FakeOptions } from '../../support/fake-api.ts'
import { PRACTITIONERS } from '../../support/fake-data.ts'
import { WAITING } from '../../support/fake-governance.ts'
import {
  EXPIRED_INVITATION,
  INVITATION,
  JOIN_CODE,
  joiningNow,
  WORKSTATION_INVITATION,
} from '../../support/fake-network.ts'
import { openWindow, settle, type TestWindow } from '../../support/mount-window.ts'

const [IT, NURSE] = [
  PRACTITIONERS.findIndex(({ role }) => role === 'it'),
  PRACTITIONERS.findIndex(({ role }) => role === 'nurse'),
]
enableAutoUnmount(afterEach)
beforeEach(() => (document.body.innerHTML = ''))

async function open(as: number, prepare: (window: TestWindow) => void = () => undefined) {
  const window = await openWindow({ signedInAs: as })
  prepare(window)
  const view = await window.visit('/network')
  await settle()
  return { window, view }
}
const grown = (as: number) => open(as, ({ core }) => core.network.grow())
const tab = async (view: VueWrapper, name: string) => {
  await view
    .findAll('[role=tab]')
    .find((one) => one.text().startsWith(name))
    ?.trigger('mousedown')
  await settle()
}

describe('the network page', () => {
  it('says that a clinic alone is alone, and that nothing is wrong with it', async () => {
    const { view } = await open(NURSE)
    expect(view.text()).toContain('This clinic works alone')
    expect(view.findAll('.banner.danger, .banner.warning')).toEqual([])
  })

  it('says who is missing, what works nevertheless, and why somebody is not reached', async () => {
    const { view } = await grown(NURSE)
    const text = view.text()
    expect(text).toContain('2 of 3 other clinics are connected')
    expect(text).toContain('New entries become final: 3 of 4 clinics are there, and 3 have to countersign.')
    expect(text).toContain('Not there: site-4.')
    expect(text).toContain('No answer. A firewall may be in between, or the computer is off.')
    expect(text).toContain('passed on by another node')
    expect(text).toContain('Refused from entry 402 on: somebody who must sign did not')
    expect(text).toContain('Hill Road Clinic keeps the sealed records of this clinic.')
  })

  it('says how many are needed when they are not there', async () => {
    const { view } = await open(IT, ({ core }) => {
      core.network.grow()
      core.network.needed = 4
    })
    expect(view.text()).toContain('final later: 4 of 4 clinics have to countersign, and 3 can at the moment.')
  })

  it('says what a witness saw of this workstation, and that it has no records and no vote', async () => {
    const { view } = await open(IT, ({ core }) => {
      core.network.grow()
      const [own] = core.network.sites
      const [node] = own?.nodes ?? []
      if (own === undefined || node === undefined) throw new Error('there is a clinic')
      const seen = { size: 412, at: '2026-11-20T08:00:00+01:00' }
      own.nodes.push({ ...node, log: 'chartseal.local/site-1/witness-1', isOwn: false, role: 'witness', seen })
      own.nodes.push({ ...node, log: 'chartseal.local/site-1/witness-2', role: 'witness', seen: { size: 0, at: null } })
    })
    expect(view.text()).toContain('Proofs only: no records, no vote')
    expect(view.text()).toContain('Saw entries of this workstation up to 412')
    expect(view.text()).toContain('Has not signed anything of this workstation since the start')
  })

  it('names a node that says more than it shows', async () => {
    const { view } = await open(IT, ({ core }) => {
      core.network.grow()
      const [node] = core.network.sites[1]?.nodes ?? []
      if (node === undefined) throw new Error('there is another clinic')
      node.unshown = 2
    })
    expect(view.text()).toContain('Says of 2 logs that it has more than it can show.')
  })

  it('lets nobody but IT change anything', async () => {
    const { view } = await grown(NURSE)
    expect(view.findAll('[role=tab]').map((one) => one.text())).toEqual(['Sites and logs', 'Invitations'])
    expect(view.findAll('input[type=checkbox]')).toEqual([])
    await tab(view, 'Invitations')
    expect(view.text()).toContain('IT of this clinic invites others.')
    expect(view.text()).not.toContain('Invite a clinic or workstation')
  })

  it('says that it cannot be called, without calling that an error of the others', async () => {
    const { view } = await open(IT, ({ core }) => {
      core.network.grow()
      core.network.problem = 'CANNOT_LISTEN'
    })
    expect(view.get('.banner.warning').text()).toContain('the port is taken or not allowed')
  })

  it('leads to what waits for approval', async () => {
    const { view } = await open(IT, ({ core }) => (core.governance = { ...core.governance, proposal: WAITING }))
    expect(view.get('.banner.warning a').attributes('href')).toContain('/ledger?tab=rules')
  })

  it('says what follows before a clinic is removed, and proposes it', async () => {
    const { window, view } = await grown(IT)
    expect(view.findAll('button').filter((one) => one.text() === 'Remove…').length).toBe(
      window.core.network.status().sites.length - 1,
    )
    await view.get('[aria-label^="Remove "][aria-label$="from the network"]').trigger('click')
    await settle()
    expect(screen()).toContain('These logs can never come back')
    expect(screen()).toMatch(/ends after \d+ entr/)
    await press('Approve and propose')
    expect(window.core.proposed).toEqual([{ kind: 'remove-site', site: 'chartseal.local/site-2' }])
  })

  it('says what follows before a machine of the clinic is taken out, and proposes it', async () => {
    const { window, view } = await open(IT, ({ core }) => {
      core.network.addOwn('server', 'node')
      core.network.addOwn('watcher', 'witness')
    })
    await view.get('[aria-label="Take server out of this clinic"]').trigger('click')
    await settle()
    expect(screen()).toMatch(/server ends after 12 entries/)
    expect(screen()).toContain('3 patients were registered at it.')
    expect(screen()).toContain('Let it send what it has first')
    await press('Approve and propose')
    await view.get('[aria-label="Take watcher out of this clinic"]').trigger('click')
    await settle()
    expect(screen()).not.toContain('ends after')
    await press('Approve and propose')
    expect(window.core.proposed).toEqual(
      ['server', 'watcher'].map((name) => ({ kind: 'remove-machine', name: `chartseal.local/site-1/${name}` })),
    )
  })

  it('offers to remove nobody to those who may not, or while something else waits', async () => {
    const { view } = await grown(NURSE)
    expect(view.text()).not.toContain('Remove…')
    const { WAITING } = await import('../../support/fake-governance.ts')
    const busy = await open(IT, ({ core }) => {
      core.network.grow()
      core.governance = { ...core.governance, proposal: WAITING }
    })
    expect(busy.view.text()).not.toContain('Remove…')
  })

  it('says why nothing can be shown, and asks again', async () => {
    const { window, view } = await open(IT, ({ core }) => core.failures.set('network.status', 'WRONG_STATE'))
    expect(view.get('.banner.danger').text()).toContain('This is not possible at the moment.')
    await view.get('.banner.danger button').trigger('click')
    await settle()
    expect(view.text()).toContain('This clinic works alone')
    expect(window.core.calls.filter((call) => call === 'network.status').length).toBeGreaterThan(1)
  })

  it('chooses who keeps sealed copies', async () => {
    const { window, view } = await grown(IT)
    await view.get('input[value="chartseal.local/site-3"]').trigger('change')
    await view.findAll('form').at(0)?.trigger('submit')
    await settle()
    expect(window.core.network.settings.custodians).toEqual(['chartseal.local/site-2', 'chartseal.local/site-3'])
    expect(view.text()).toContain('Saved.')
  })
})

describe('invitations', () => {
  it('are shown once as code and text, and are withdrawn', async () => {
    const { window, view } = await grown(IT)
    await tab(view, 'Invitations')
    await press('Invite a clinic or workstation')
    await fill('invited-name', ' Dale clinic ')
    await press('Make the invitation')
    expect(screen()).toContain('Type your PIN.')
    await fill('own-pin', '0000')
    await press('Make the invitation')
    expect(screen()).toContain('This PIN is not right.')
    await fill('own-pin', '4447')
    await press('Make the invitation')
    await vi.waitFor(() => expect(document.querySelector('svg[role=img]')).not.toBeNull())
    expect(screen()).toContain(INVITATION)
    await press('Done')
    expect(screen()).not.toContain(INVITATION)
    expect(view.text()).toContain('Not used yet')
    expect(view.get('.invitations li').text()).toContain('For Dale clinic, made')
    await view.get('.invitations li button').trigger('click')
    await settle()
    expect(view.text()).toContain('The invitation is withdrawn.')
    expect(window.core.network.invitations).toMatchObject([{ state: 'withdrawn' }])
  })

  it('say when whoever asked waits for the votes of others', async () => {
    const { view } = await open(IT, ({ core }) => {
      core.network.grow()
      core.network.invite('cd'.repeat(16), 1)
      const asked = { state: 'asked', site: WAITING.change.site } as const
      core.network.invitations = core.network.invitations.map((one) => ({ ...one, ...asked }))
      core.governance = { ...core.governance, proposal: { ...WAITING, isApproved: true } }
    })
    expect(view.text()).toContain('A change of the network waits for other clinics. This one has decided.')
    await tab(view, 'Invitations')
    expect(view.get('.invitations li').text()).toContain('Waits for votes')
    expect(view.get('.invitations li').text()).not.toContain('Asked to join')
  })

  it('of a workstation let it in under the code that it shows', async () => {
    const { window, view } = await open(IT, ({ core }) => {
      const { id } = core.network.invite('ab'.repeat(16), 1, 'workstation')
      const asked = { state: 'asked', site: 'chartseal.local/site-1/node-9' } as const
      core.network.invitations = core.network.invitations.map((one) => (one.id === id ? { ...one, ...asked } : one))
    })
    await tab(view, 'Invitations')
    expect(view.text()).toContain('For a workstation of this clinic')
    await press('Let it in')
    await press('Let it in')
    expect(screen()).toContain('Type the code.')
    await fill('join-code', 'ABCD-EFGH-AAAA')
    await fill('own-pin', '4447')
    await press('Let it in')
    expect(screen()).toContain('That is not the code of the workstation that asked.')
    await fill('join-code', JOIN_CODE)
    await press('Let it in')
    expect(window.core.network.invitations).toMatchObject([{ isLetIn: true }])
    expect(view.text()).toContain('It is let in.')
    expect(view.findAll('button').some((one) => one.text() === 'Let it in')).toBe(false)
  })

  it('say when this computer is reached nowhere', async () => {
    const { view } = await open(IT, ({ core }) => core.failures.set('network.invite', 'NOT_REACHABLE'))
    await tab(view, 'Invitations')
    await press('Invite a clinic or workstation')
    await fill('own-pin', '4447')
    await press('Make the invitation')
    expect(screen()).toContain('Nobody could reach this computer with an invitation.')
    expect(button('Make the invitation').disabled).toBe(false)
  })
})

describe('the settings', () => {
  it('name the address that cannot be called, in its field, and keep what was typed', async () => {
    const { window, view } = await grown(IT)
    await tab(view, 'Settings')
    const field = view.get('[name="addresses-chartseal.local/site-4/node-1"]')
    await field.setValue('four.example:4101, two words!')
    await view.get('.settings form').trigger('submit')
    await settle()
    expect(view.text()).toContain('“words!” is no address that can be called.')
    expect((field.element as HTMLInputElement).value).toBe('four.example:4101, two words!')
    await field.setValue('four.example:4101')
    await view.get('[name="name-chartseal.local/site-4"]').setValue('Fourth Clinic')
    await view.get('[name=port]').setValue('')
    await view.get('.settings form').trigger('submit')
    await settle()
    expect(view.text()).toContain('Saved. The network part uses them at once.')
    expect(window.core.network.settings).toMatchObject({ port: null, custodians: ['chartseal.local/site-2'] })
    expect(window.core.network.settings.names).toContainEqual({ site: 'chartseal.local/site-4', name: 'Fourth Clinic' })
  })

  it('ask nobody about a port that cannot be one', async () => {
    const { window, view } = await grown(IT)
    await tab(view, 'Settings')
    await view.get('[name=port]').setValue('70000')
    await view.get('.settings form').trigger('submit')
    await settle()
    expect(view.text()).toContain('Write a number between 1 and 65535, or leave it empty.')
    expect(window.core.calls).not.toContain('network.configure')
  })
})

describe('a further workstation', () => {
  it('asks with an invitation alone, and shows the code that lets it in', async () => {
    const window = await openWindow({ status: { state: 'first-run', demo: false, demoPins: [], systemKeystore: true } })
    const view = window.mount(FirstRunView)
    await view.findAll('.choice')[4]?.trigger('click')
    await view.get('[name=invitation]').setValue('X'.repeat(60))
    await view.get('form').trigger('submit')
    await settle()
    expect(view.text()).toContain('This is no invitation')
    await view.get('[name=invitation]').setValue(WORKSTATION_INVITATION)
    await view.get('form').trigger('submit')
    await settle()
    expect(useSystemStore().recoveryKey).toBeNull()
    expect(window.core.status).toMatchObject({ state: 'joining', joining: { code: JOIN_CODE } })
  })

  it('shows its code, for IT of the clinic to type', async () => {
    const joining = joiningNow('voting', null, JOIN_CODE)
    const window = await openWindow({ status: { state: 'joining', joining } })
    const waiting = window.mount(JoiningView)
    expect(waiting.text()).toContain(JOIN_CODE)
    expect(waiting.text()).toContain('Read this code to the IT of your clinic.')
  })
})

describe('joining a network', () => {
  const FIRST_RUN: FakeOptions['status'] = { state: 'first-run', demo: false, demoPins: [], systemKeystore: true }

  async function choosing() {
    const window = await openWindow({ status: { ...FIRST_RUN } })
    const view = window.mount(FirstRunView)
    await view.findAll('.choice')[1]?.trigger('click')
    const next = async () => {
      await view.get('form').trigger('submit')
      await settle()
    }
    return { window, view, next }
  }

  async function joining(invitation: string) {
    const { window, view, next } = await choosing()
    await next()
    expect(view.text()).toContain('This is too short for an invitation.')
    await view.get('[name=invitation]').setValue(invitation)
    await next()
    await view.get('[name=clinic]').setValue('Hill Road Clinic')
    await next()
    for (const [name, text] of [
      ['name', 'Ivo Marchetti'],
      ['pin', '48151'],
      ['pin-again', '48151'],
    ] as const)
      await view.get(`[name=${name}]`).setValue(text)
    await next()
    return { window, view, next }
  }

  it('goes on when a scanner ends with Enter, and asks nothing more when it was something else', async () => {
    const window = await openWindow({ status: { ...FIRST_RUN } })
    const view = window.mount(FirstRunView)
    await view.findAll('.choice')[1]?.trigger('click')
    const scan = async (text: string) => {
      await view.get('[name=invitation]').setValue(text)
      await view.get('[name=invitation]').trigger('keydown', { key: 'Enter' })
      await settle()
    }
    await scan('5012345678900 5012345678900')
    expect(view.text()).toContain('This is no invitation: one begins with CHARTSEAL-JOIN.')
    expect(view.find('[name=clinic]').exists()).toBe(false)
    await scan(INVITATION)
    expect(view.find('[name=clinic]').exists()).toBe(true)
  })

  it('makes keys, shows the recovery key, and waits', async () => {
    const { window, view } = await joining(`  ${INVITATION.slice(0, 200)}\n${INVITATION.slice(200)} `)
    expect(window.core.status).toMatchObject({ state: 'joining', clinic: 'Hill Road Clinic' })
    expect(view.get('[data-print]').text()).toContain('Hill Road Clinic')
  })

  it.each([
    [`CHARTSEAL-JOIN1-${'X'.repeat(60)}`, 'This invitation cannot be used'],
    [EXPIRED_INVITATION, 'This invitation has expired.'],
    [WORKSTATION_INVITATION, 'This invitation is for a further workstation'],
  ])('refuses what cannot be used before anything else is asked', async (invitation, text) => {
    const { view, next } = await choosing()
    await view.get('[name=invitation]').setValue(invitation)
    await next()
    expect(view.get('[role=alert]').text()).toContain(text)
    expect((view.get('[name=invitation]').element as HTMLTextAreaElement).value).toBe(invitation)
    expect(view.find('[name=clinic]').exists()).toBe(false)
  })

  it.each([
    ['calling', 'OTHER_KEY', 'Another node answers at that address.'],
    ['asked', null, 'is reached and looks at the request'],
    ['voting', null, 'Waiting for the approval of the network.'],
    ['refused', null, 'Ask for a new one.'],
    ['expired', null, 'The invitation has expired.'],
  ] as const)('shows where it stands: %s', async (state, problem, text) => {
    const window = await openWindow({ status: { state: 'joining', joining: joiningNow(state, problem) } })
    const view = window.mount(JoiningView)
    expect(view.text()).toContain(text)
    expect(view.findAll('[aria-current=step]')).toHaveLength(['refused', 'expired'].includes(state) ? 0 : 1)
  })

  it('is left only after a second question', async () => {
    const window = await openWindow({ status: { state: 'joining', joining: joiningNow('voting') } })
    window.mount(JoiningView)
    await press('Do not join')
    expect(window.core.calls).not.toContain('setup.abandonJoining')
    await press('Delete the keys')
    expect(window.core.status.state).toBe('first-run')
  })
})

describe('the status bar', () => {
  it.each([
    [{ sites: 1, connected: 0, isQuorumThere: true, asked: 0 }, ''],
    [{ sites: 4, connected: 2, isQuorumThere: true, asked: 0 }, 'Connected with 2 of 3 clinics'],
    [{ sites: 2, connected: 1, isQuorumThere: true, asked: 0 }, 'Connected with 1 of 1 clinic'],
    [{ sites: 3, connected: 1, isQuorumThere: true, asked: 0 }, 'Connected with 1 of 2 clinics'],
    [
      { sites: 4, connected: 0, isQuorumThere: false, asked: 0 },
      'Not connected to other clinics. Readings are kept here and go out later.',
    ],
  ])('says in one line how the network is: %j', async (network, text) => {
    const window = await openWindow({ signedInAs: NURSE })
    useSystemStore().network = network
    const bar = window.mount(StatusBar)
    expect(bar.find('.network').exists() ? bar.get('.network').text() : '').toBe(text)
  })

  it.each([
    [IT, true],
    [NURSE, false],
  ])('leads IT, and nobody else, to what waits for a vote', async (as, isShown) => {
    const window = await openWindow({ signedInAs: as })
    useSystemStore().network = { sites: 2, connected: 1, isQuorumThere: true, asked: 1 }
    const [bar, rail] = [window.mount(StatusBar), window.mount(NavRail)]
    expect(bar.text().includes('A change of the network waits for your approval')).toBe(isShown)
    expect(rail.text().includes('Ledger, 1 to approve')).toBe(isShown)
    expect(bar.find('a[href="/ledger?tab=rules"]').exists()).toBe(isShown)
  })
})
