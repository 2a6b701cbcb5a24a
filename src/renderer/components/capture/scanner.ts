/**
 * Tells a barcode scanner from a person typing. Scanners pose as keyboards: a burst of keys, then Enter.
 *
 * @remarks
 * Pure: events and their times are handed in. Proven by `tests/renderer/components/capture/scanner.test.ts`.
 *
 * @packageDocumentation
 */

import { decodeCardText } from '../../../shared/card-text.ts'

/** Longest pause between two keys of one scan, in milliseconds. People need more than twice that. */
export const SCAN_GAP_MS = 35
/** Shorter bursts are somebody rolling over keys; no measured value is as long as this. */
export const SCAN_MIN_LENGTH = 6
/** Longest code the contract accepts; a patient card holds 120 digits. */
const SCAN_MAX_LENGTH = 400

/** AIM symbology prefix that some scanners send, such as `]C1` for GS1-128. */
const SYMBOLOGY = /^\][A-Za-z][0-9]/
/** Group separator, which some scanners type where a GS1 code begins. */
const FNC1 = /^\u001d/
/** GS1 application identifier 8018: the service relation number of the person on the wristband, 18 digits. */
const GSRN = /^\(?8018\)?([0-9]{18})$/

/** True for the text of a patient card, which is secret: it is shown nowhere, and no identifier. */
export function isCardText(scan: string): boolean {
  return decodeCardText(scan) !== null
}

/** The identifier inside a scanned text that is no card. */
export function identifierOf(scan: string): string {
  const text = scan.trim().replace(SYMBOLOGY, '').replace(FNC1, '')
  return GSRN.exec(text)?.[1] ?? text
}

/** Collects keys; {@link ScanDetector.key} gives the text when a scan is complete. */
export class ScanDetector {
  #text = ''
  #lastMs = Number.NEGATIVE_INFINITY

  /** Keys of the present burst so far. */
  get length(): number {
    return this.#text.length
  }

  /** Forgets the present burst: the keys go elsewhere now. */
  clear(): void {
    this.#text = ''
  }

  /**
   * Takes one key press.
   *
   * @param key - `KeyboardEvent.key`.
   * @param atMs - When, on a clock that does not jump.
   * @returns The scanned text when this key ended a scan, else null. See {@link identifierOf}.
   */
  key(key: string, atMs: number): string | null {
    const isFast = atMs - this.#lastMs <= SCAN_GAP_MS
    this.#lastMs = atMs
    if (key === 'Enter') {
      const text = this.#text
      this.#text = ''
      return isFast && text.length >= SCAN_MIN_LENGTH ? text : null
    }
    if ([...key].length !== 1) {
      // Scanners hold Shift for capitals; any other named key ends the burst.
      if (key !== 'Shift') this.#text = ''
      return null
    }
    this.#text = (isFast ? this.#text : '').slice(0, SCAN_MAX_LENGTH) + key
    return null
  }
}
