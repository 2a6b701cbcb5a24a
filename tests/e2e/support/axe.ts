import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']

/**
 * Expects that what is on screen breaks no rule of WCAG 2.0 to 2.2, levels A and AA, that a program can check, in light
 * and dark.
 *
 * @param screen - Names it in the failure.
 */
export async function expectAccessible(page: Page, screen: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    await page.locator(`html[data-theme=${colorScheme}]`).waitFor({ state: 'attached' })
    // Colours that are still fading in have no contrast yet.
    await page.evaluate(async () => {
      const ending = document.getAnimations().filter((one) => one.effect?.getTiming().iterations !== Infinity)
      await Promise.all(ending.map((one) => one.finished.catch(() => undefined)))
    })
    // Legacy mode opens no page of its own, which Electron does not allow.
    const axe = new AxeBuilder({ page }).setLegacyMode()
    // Only colours differ between the two.
    const rules = colorScheme === 'light' ? axe.withTags(RULES) : axe.withRules('color-contrast')
    const { violations } = await rules.analyze()
    const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`)
    expect({ screen, colorScheme, found }).toEqual({ screen, colorScheme, found: [] })
  }
}
