/** ISO 8601 offset of this computer's clock at a moment, in minutes east of UTC. */
export function offsetMinAt(epochMs: number): number {
  return -new Date(epochMs).getTimezoneOffset()
}
