import uPlot from 'uplot'
import { axisText, lineWithGaps, type Scale, type TrendSeries } from './trend.ts'

/** Colours of the plot, from the tokens of the present theme. */
export interface PlotColours {
  readonly ink: string
  readonly grid: string
  readonly series: string
  readonly usual: string
  readonly surface: string
}

/** Reads the tokens: a canvas does not know CSS variables. */
export function plotColours(element: Element, seriesToken: string): PlotColours {
  const style = getComputedStyle(element)
  const token = (name: string): string => style.getPropertyValue(name).trim()
  return {
    ink: token('--ink-3'),
    grid: token('--line'),
    series: token(seriesToken),
    usual: token('--accent-soft'),
    surface: token('--surface'),
  }
}

/** What a plot needs to know besides its series. */
export interface PlotOptions {
  readonly width: number
  readonly height: number
  readonly bounds: Scale
  readonly colours: PlotColours
  /** The first plot carries the time axis above, the last below. */
  readonly isFirst: boolean
  readonly isLast: boolean
  readonly isJoined: boolean
  /** Called with the index of the point under the cursor, or null. */
  readonly onPoint: (index: number | null) => void
}

const AXIS_FONT = '11px "Inter Variable", sans-serif'
const HALF_CAP = 4
/** Sides as uPlot counts them. */
const [TOP, BOTTOM] = [0, 2]

/** Options of a plot: thin straight lines, or pressures as bars with ends. */
export function plotOptions(series: TrendSeries, options: PlotOptions): uPlot.Options {
  const { width, height, bounds, colours, isFirst, isLast, isJoined } = options
  const hasAxis = isFirst || isLast
  const isPair = series.points.some(({ low }) => low !== null)
  const [from, to] = bounds
  return {
    width,
    height,
    legend: { show: false },
    padding: [isFirst ? 0 : 8, 12, isLast ? 0 : 4, 0],
    cursor: {
      sync: { key: 'chart-trends', setSeries: false },
      drag: { x: false, y: false },
      y: false,
      points: { size: 8 },
    },
    scales: { x: { time: true, range: () => [from, to] }, y: { range: () => [...series.scale] } },
    axes: [
      Object.assign(axis(colours, hasAxis ? 22 : 0, 72), {
        side: isFirst ? TOP : BOTTOM,
        values: (_plot: uPlot, ticks: number[]) => ticks.map((at) => (hasAxis ? axisText(at, to - from) : '')),
      }),
      axis(colours, 40, 26),
    ],
    series: [
      {},
      {
        stroke: colours.series,
        width: 1.5,
        spanGaps: false,
        points: { show: !isPair, size: 5, stroke: colours.series, fill: colours.series },
        paths: isPair || !isJoined ? () => null : (plot, n, i0, i1) => uPlot.paths.linear?.()(plot, n, i0, i1) ?? null,
      },
    ],
    hooks: {
      drawClear: [(plot) => drawUsual(plot, series, colours)],
      draw: [(plot) => isPair && drawPairs(plot, series, colours)],
      setCursor: [({ cursor, data }) => options.onPoint(pointAt(series, cursor.idx ?? null, data))],
    },
  }
}

function axis(colours: PlotColours, size: number, space: number): uPlot.Axis {
  const grid = { stroke: colours.grid, width: 1 }
  return { size, space, grid, stroke: colours.ink, font: AXIS_FONT, ticks: { show: false } }
}

/** Data of a plot. */
export function plotData(series: TrendSeries): uPlot.AlignedData {
  const [times, values] = lineWithGaps(series.points)
  return [times, values]
}

/** Index of the series' point at a column of the data, which also holds the gaps. */
function pointAt(series: TrendSeries, column: number | null, data: uPlot.AlignedData): number | null {
  const at = column === null ? undefined : data[0][column]
  const index = series.points.findIndex((point) => point.at === at)
  return index < 0 ? null : index
}

function drawUsual(plot: uPlot, { usual }: TrendSeries, colours: PlotColours): void {
  if (usual === null) return
  const { left, top, width, height } = plot.bbox
  const y = (value: number): number => Math.min(top + height, Math.max(top, plot.valToPos(value, 'y', true)))
  plot.ctx.save()
  plot.ctx.fillStyle = colours.usual
  plot.ctx.fillRect(left, y(usual.high), width, y(usual.low) - y(usual.high))
  plot.ctx.restore()
}

function drawPairs(plot: uPlot, { points }: TrendSeries, colours: PlotColours): void {
  const { ctx } = plot
  const cap = HALF_CAP * devicePixelRatio
  ctx.save()
  ctx.strokeStyle = colours.series
  ctx.lineWidth = 1.75 * devicePixelRatio
  ctx.beginPath()
  for (const { at, value, low } of points) {
    const x = plot.valToPos(at, 'x', true)
    const ends = [value, low ?? value].map((end) => plot.valToPos(end, 'y', true))
    ctx.moveTo(x, ends[0] ?? 0)
    ctx.lineTo(x, ends[1] ?? 0)
    for (const y of ends) {
      ctx.moveTo(x - cap, y)
      ctx.lineTo(x + cap, y)
    }
  }
  ctx.stroke()
  ctx.restore()
}
