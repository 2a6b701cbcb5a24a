/**
 * Draws barcodes. Loaded only when something is printed: the generator is large.
 *
 * @packageDocumentation
 */
import { code128, drawingSVG, gs1_128, gs1datamatrix, qrcode } from 'bwip-js/browser'
import type { BarcodeSymbol } from './symbols.ts'

/** A drawing in units of its own, white around it included. */
export interface BarcodeDrawing {
  readonly width: number
  readonly height: number
  /** Filled areas, and lines of a width. */
  readonly paths: readonly { readonly d: string; readonly stroke: number | null }[]
}

/** White around a code, in modules: what the standards ask for, and a linear code more. */
const QUIET = { qr: 4, 'gs1-datamatrix': 2, 'gs1-128': 10, 'code-128': 10 } as const
/** Units of the generator in one module, at its scale of 2. */
const UNITS = { qr: 4, 'gs1-datamatrix': 4, 'gs1-128': 2, 'code-128': 2 } as const
/** Millimetres of a linear code's bars. */
const BAR_HEIGHT = 9

/** The drawing of `symbol`. Throws for a text that its kind cannot hold. */
export function drawBarcode({ kind, text }: BarcodeSymbol): BarcodeDrawing {
  const bar = { bcid: kind, text, height: BAR_HEIGHT, includetext: false }
  const square = { bcid: kind, text, eclevel: 'Q' }
  if (kind === 'qr') return read(qrcode(square, drawingSVG()), QUIET[kind] * UNITS[kind])
  if (kind === 'gs1-datamatrix') {
    return read(gs1datamatrix({ bcid: kind, text }, drawingSVG()), QUIET[kind] * UNITS[kind])
  }
  const drawn = kind === 'gs1-128' ? gs1_128(bar, drawingSVG()) : code128(bar, drawingSVG())
  return read(drawn, QUIET[kind] * UNITS[kind])
}

/** Takes the generator's text apart, so that no foreign markup enters the page. */
function read(svg: string, quiet: number): BarcodeDrawing {
  const [, width = '0', height = '0'] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg) ?? []
  const paths = [...svg.matchAll(/<path (?:stroke="#000000" stroke-width="(\d+)" )?d="([^"]+)"/g)].map(
    ([, stroke, d = '']) => ({ d, stroke: stroke === undefined ? null : Number(stroke) }),
  )
  if (paths.length === 0) throw new Error('bug: the barcode generator drew nothing')
  return { width: Number(width) + 2 * quiet, height: Number(height) + 2 * quiet, paths: shifted(paths, quiet) }
}

function shifted(paths: BarcodeDrawing['paths'], by: number): BarcodeDrawing['paths'] {
  const moved = (d: string) =>
    d.replace(/([ML])(\d+) (\d+)/g, (_, command: string, x: string, y: string) => {
      return `${command}${Number(x) + by} ${Number(y) + by}`
    })
  return paths.map(({ d, stroke }) => ({ d: moved(d), stroke }))
}
