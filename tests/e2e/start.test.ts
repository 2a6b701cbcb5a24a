import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { callInstance } from '../../src/main/shell/instance.ts'
import { endLeftovers, launch, launchHeadless, SHELLS, startChromium } from './support/launcher.ts'

/** Opening and closing the built application. */
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'chartseal-start-'))
})
afterEach(async () => {
  await endLeftovers()
  rmSync(folder, { recursive: true, force: true })
})

describe.each(SHELLS)('$title', ({ name, missing }) => {
  it.skipIf(missing)('opens without an error, without a request to elsewhere, and closes cleanly', async () => {
    const app = await launch(name, { dataFolder: folder })
    await app.page.locator('h1').first().waitFor()
    expect(app.problems).toEqual([])
    expect(await app.page.title()).toContain('Chartseal')
    expect(await app.stop()).toBe(0)
    await expect(callInstance(folder)).resolves.toEqual({ kind: 'none' })
  })

  it.skipIf(missing)('opens the demo clinic and says that it is one', async () => {
    const app = await launch(name, { dataFolder: folder, demo: true })
    await app.page
      .getByText(/demonstration data/i)
      .first()
      .waitFor()
    expect(await app.stop()).toBe(0)
  })

  it.skipIf(missing)('is found by a second start', async () => {
    const app = await launch(name, { dataFolder: folder })
    await expect(callInstance(folder)).resolves.toMatchObject({ kind: 'running', reply: { windows: 1 } })
    await app.stop()
  })

  it.skipIf(missing)('lets the page reach nothing of the machine', async () => {
    const app = await launch(name, { dataFolder: folder })
    const asked: string[] = []
    const elsewhere = createServer((request, response) => {
      asked.push(request.url ?? '')
      response.writeHead(200, { 'access-control-allow-origin': '*' }).end()
    })
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve))
    const reach = await app.page.evaluate(
      async (port) => {
        const inline = document.createElement('script')
        inline.textContent = 'globalThis.ranInline = true'
        document.head.append(inline)
        const evaluates = await new Promise((resolve) => {
          // Later, because what a test evaluates directly is exempt from the policy.
          setTimeout(() => {
            try {
              // eslint-disable-next-line @typescript-eslint/no-implied-eval -- that this fails is what is tested
              resolve(Boolean(new Function('return 1')()))
            } catch {
              resolve(false)
            }
          }, 0)
        })
        const fetches = await fetch(`http://127.0.0.1:${port}/`).then(
          () => true,
          () => false,
        )
        const node = 'process' in globalThis || 'require' in globalThis
        return { node, evaluates, fetches, inline: 'ranInline' in globalThis }
      },
      (elsewhere.address() as AddressInfo).port,
    )
    elsewhere.close()
    expect(reach).toEqual({ node: false, evaluates: false, fetches: false, inline: false })
    expect(asked).toEqual([])
    await app.stop()
  })
})

describe('headless', () => {
  it('gives nothing to a browser that has no session', async () => {
    const core = await launchHeadless(folder)
    const browser = await startChromium()
    const page = await browser.newPage()
    const answer = await page.goto(new URL('/', core.url).href)
    expect(answer?.status()).toBe(401)
    expect(await page.textContent('body')).toContain('Start Chartseal again')
    await browser.close()
    core.child.kill('SIGTERM')
    expect(await core.ended).toBe(0)
  })

  it('keeps the folder closed to other users', async () => {
    const core = await launchHeadless(folder)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    expect(statSync(join(folder, 'instance.json')).mode & 0o777).toBe(0o600)
    core.child.kill('SIGINT')
    expect(await core.ended).toBe(0)
  })

  it('starts over the remains of one that was killed', async () => {
    const first = await launchHeadless(folder)
    const remains = readFileSync(join(folder, 'instance.json'))
    first.child.kill('SIGKILL')
    await first.ended
    writeFileSync(join(folder, 'instance.json'), remains)
    const second = await launchHeadless(folder)
    second.child.kill('SIGINT')
    expect(await second.ended).toBe(0)
  })
})
