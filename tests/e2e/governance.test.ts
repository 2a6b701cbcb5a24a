import { afterAll, describe, expect, it } from 'vitest'
import { expectAccessible } from './support/axe.ts'
import { endLeftovers, launch, SHELLS } from './support/launcher.ts'
import * as window from './support/window.ts'

/** IT publishes a contract and changes the log key, by keyboard where it matters; everything holds afterwards. */
const { button, heading } = window

describe.each(SHELLS)('$title: contract and keys', ({ name, missing }) => {
  afterAll(endLeftovers)

  it.skipIf(missing)('are changed on the Ledger page, and the whole ledger still holds', async () => {
    const app = await launch(name, { demo: true })
    const { page } = app
    window.pictureOnFailure(page, 'governance')
    await heading(page, 'Who is working?').waitFor()
    await window.signInToDemo(page, 'IT')
    await window.goTo(page, 'Ledger')
    await page.getByRole('tab', { name: 'Network and contract' }).click()
    const contract = page.getByRole('region', { name: 'Contract', exact: true })
    await contract.getByText('Version 1, recorded by entry 1').waitFor()
    await button(contract, 'Show the text').click()
    const text = contract.getByLabel('Text of the next version')
    await text.fill('permit everything')
    await button(contract, 'Check').click()
    await contract.getByText('This text cannot be the next contract.').waitFor()
    await expectAccessible(page, 'a contract with a mistake')
    await button(contract, 'Start from the one in force').click()
    await text.press('Control+End')
    await text.pressSequentially('\n// Agreed by everybody.')
    await button(contract, 'Check').press('Enter')
    await contract.getByText('The rules are the same').waitFor()
    await button(contract, 'Publish version 2').press('Enter')
    await page.getByRole('dialog', { name: 'Publish version 2?' }).waitFor()
    await expectAccessible(page, 'publishing')
    await button(page.getByRole('dialog'), 'Publish').click()
    await contract.getByText('Published. Version 2 is in force.').waitFor()

    const network = page.getByRole('region', { name: 'Network', exact: true })
    const before = await network.innerText()
    await button(network, 'Propose').press('Enter')
    await page.getByRole('dialog', { name: 'Change the roster?' }).waitFor()
    await expectAccessible(page, 'proposing')
    await button(page.getByRole('dialog'), 'Approve and propose').press('Enter')
    await network.getByText('Recorded. Roster version 2 is in force.').waitFor()
    expect(await network.innerText()).not.toBe(before)
    await expectAccessible(page, 'a changed roster')
    await button(page, 'Verify everything').click()
    await page.getByText('Everything holds').waitFor()
    expect(app.problems).toEqual([])
    await app.stop()
  })
})
