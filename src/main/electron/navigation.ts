import { app, type WebContents } from 'electron'
import { APP_PAGE } from './scheme.ts'

/** Denies navigation, redirects, new windows and embedded views to everything that shows web content, now and later. */
export function denyNavigationEverywhere(): void {
  app.on('web-contents-created', (_event, contents) => denyNavigation(contents))
}

/**
 * @param contents - Whatever may try to go elsewhere.
 */
export function denyNavigation(contents: WebContents): void {
  contents.setWindowOpenHandler(() => ({ action: 'deny' }))
  contents.on('will-navigate', (details) => {
    // Reloading our own page is a navigation to it. Routes are fragments, which do not come here.
    if (details.url !== APP_PAGE) details.preventDefault()
  })
  contents.on('will-frame-navigate', (details) => {
    if (!details.isMainFrame) details.preventDefault()
  })
  contents.on('will-redirect', (details) => details.preventDefault())
  contents.on('will-attach-webview', (event) => event.preventDefault())
}
