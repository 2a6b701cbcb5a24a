/**
 * What crosses the API, as schemas: every request and every reply is validated against these on entry.
 *
 * @remarks
 * Bytes travel as lower-case hex. Measured values travel as decimal text with the digits of the device, never as
 * numbers. Times are ISO 8601 with offset. Records arrive as {@link Row}s: verified with content, or rejected with
 * the failed step and no content.
 *
 * @packageDocumentation
 */
export * from './primitives.ts'
export * from './chart-schemas.ts'
export * from './consent-schemas.ts'
export * from './device-schemas.ts'
export * from './governance-schemas.ts'
export * from './ledger-schemas.ts'
export * from './network-schemas.ts'
export * from './people-schemas.ts'
export * from './proof-schemas.ts'
export * from './reading-schemas.ts'
export * from './record-schemas.ts'
export * from './system-schemas.ts'
