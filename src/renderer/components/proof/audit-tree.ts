/**
 * The shape of an audit path, for drawing: which entries each sibling hash covers, and on which side it joins.
 *
 * @remarks
 * Shape only, RFC 9162 section 2.1.3: no hash is computed and nothing is proven here; that is `src/verifier`'s work.
 * Sizes may exceed 2^31, so there are no bit operators. Proven by `tests/renderer/components/proof/audit-tree.test.ts`
 * against the recursive definition.
 *
 * @packageDocumentation
 */

/** One join on the way from the leaf to the root. */
export interface PathStep {
  /** Entries `[lo, hi)` under the sibling. */
  readonly sibling: { readonly lo: number; readonly hi: number }
  /** Where the sibling stands: on the left or on the right of our way. */
  readonly side: 'left' | 'right'
  /** Entries `[lo, hi)` under the node that both are hashed into. */
  readonly parent: { readonly lo: number; readonly hi: number }
}

/**
 * The joins of an inclusion proof, from the leaf upward: as many as the proof has hashes.
 *
 * @param index - Position of the leaf, `0 <= index < size`.
 * @param size - Entries in the tree, at most 2^53 - 1. An index outside of the tree gives no steps.
 */
export function pathSteps(index: number, size: number): PathStep[] {
  const steps: PathStep[] = []
  let lo = 0
  let hi = size
  if (!(index >= 0 && index < size)) return steps
  while (hi - lo > 1) {
    const middle = lo + splitOf(hi - lo)
    const goesLeft = index < middle
    const sibling = goesLeft ? { lo: middle, hi } : { lo, hi: middle }
    steps.push({ sibling, side: goesLeft ? 'right' : 'left', parent: { lo, hi } })
    if (goesLeft) hi = middle
    else lo = middle
  }
  return steps.reverse()
}

/** The largest power of two below `size`, for `size > 1`. */
function splitOf(size: number): number {
  let split = 1
  while (split * 2 < size) split *= 2
  return split
}

/** A dot of the drawing, in user units of the SVG. */
export interface TreeNode {
  readonly role: 'root' | 'way' | 'leaf' | 'sibling'
  readonly x: number
  readonly y: number
  readonly range: { readonly lo: number; readonly hi: number }
  /** Index into the proof's path, for siblings. */
  readonly pathAt: number | null
  /** Where words have room: away from the branch. */
  readonly words: 'left' | 'right'
}

/** A line of the drawing. */
export interface TreeEdge {
  readonly from: { readonly x: number; readonly y: number }
  readonly to: { readonly x: number; readonly y: number }
  /** True on the way from the leaf to the root. */
  readonly isWay: boolean
}

/** The drawing: our way is a straight spine, every sibling hangs on its side. */
export interface TreeDrawing {
  readonly nodes: readonly TreeNode[]
  readonly edges: readonly TreeEdge[]
  readonly width: number
  readonly height: number
}

const ROW = 46
const REACH = 150
const MARGIN = 26

/** Lays out the path of entry `index` in a tree of `size` entries, root at the top. */
export function drawTree(index: number, size: number): TreeDrawing {
  const steps = pathSteps(index, size)
  const width = (REACH + 95) * 2
  const centre = width / 2
  const yOf = (level: number) => MARGIN + (steps.length - level) * ROW
  const nodes: TreeNode[] = []
  const edges: TreeEdge[] = []
  const leaf = { lo: index, hi: index + 1 }
  nodes.push({
    role: steps.length === 0 ? 'root' : 'leaf',
    x: centre,
    y: yOf(0),
    range: leaf,
    pathAt: null,
    words: 'right',
  })
  steps.forEach((step, level) => {
    const parent = { x: centre, y: yOf(level + 1) }
    const away = step.side === 'left' ? 'right' : 'left'
    const sibling = { x: centre + (step.side === 'left' ? -REACH : REACH), y: yOf(level) }
    edges.push({ from: parent, to: { x: centre, y: yOf(level) }, isWay: true })
    edges.push({ from: parent, to: sibling, isWay: false })
    nodes.push({ role: 'sibling', ...sibling, range: step.sibling, pathAt: level, words: step.side })
    nodes.push({
      role: level === steps.length - 1 ? 'root' : 'way',
      ...parent,
      range: step.parent,
      pathAt: null,
      words: away,
    })
  })
  return { nodes, edges, width, height: yOf(0) + MARGIN }
}
