import { instantText } from '../../../clinical/instant.ts'

/** ISO 8601 offset of this computer's clock at a moment, in minutes east of UTC. */
export function offsetMinAt(epochMs: number): number {
  return -new Date(epochMs).getTimezoneOffset()
}

/** A moment as people here write it: ISO 8601 with the offset of this computer's clock. */
export function localInstant(epochMs: number): string {
  return instantText(epochMs, offsetMinAt(epochMs))
}
