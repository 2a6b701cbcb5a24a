/**
 * The content security policy of every page of ours: nothing from anywhere but the application itself, no inline
 * code, no frames, no forms. `src/renderer/index.html` repeats it (without `frame-ancestors`, which a page cannot
 * set); `tests/main/shell/assets.test.ts` keeps both equal.
 */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

/** Sent with every answer, whichever shell gives it. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy':
    'camera=(), microphone=(), geolocation=(), usb=(), hid=(), serial=(), payment=(), display-capture=()',
  'x-frame-options': 'DENY',
  'cache-control': 'no-store',
}
