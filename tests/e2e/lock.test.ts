import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { endLeftovers, launch } from './support/launcher.ts'
import * as window from './support/window.ts'

/** A session that nobody uses. The clock is in the core, so this waits for as long as the limit is. */
describe('browser shell: a forgotten session', () => {
  afterAll(endLeftovers)

  it('warns, goes on when somebody is there, then locks and shows nothing', async () => {
    const app = await launch('browser', {
      demo: true,
      program: join(import.meta.dirname, 'support', 'short-idle-shell.ts'),
    })
    const { page } = app
    window.pictureOnFailure(page, 'lock')
    await window.signInToDemo(page, 'Nurse')
    const warning = page.getByRole('alertdialog').or(page.getByRole('dialog', { name: 'Still there?' }))
    await warning.waitFor()
    await window.button(page, 'Stay signed in').click()
    await warning.waitFor({ state: 'detached' })
    await page.getByRole('row').nth(1).waitFor()
    const secret = (await page.getByRole('rowheader').first().textContent())?.trim() ?? ''
    expect(secret).not.toBe('')
    await window.heading(page, 'Locked').waitFor({ timeout: 60_000 })
    expect(await page.content()).not.toContain(secret)
    expect(app.problems).toEqual([])
    expect(await app.stop()).toBe(0)
  })
})
