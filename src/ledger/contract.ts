/**
 * Contracts in the language `chartseal-cedar/1`: who must sign what, and who may see and do what.
 *
 * @remarks
 * A text of Cedar policies on the ledger. A decision is a pure function of the document and the request: every mirror
 * comes to the same verdict. Decisions are kept by their request, so that each shape of entry is decided once. The
 * document is untrusted: before the evaluator sees it, its size, nesting and number of policies are bounded, because
 * a parser that runs out of stack is one that may not be used again. Layout: `docs/protocol.md`, "Contract". Proven by
 * `tests/ledger/contract.test.ts`.
 *
 * @packageDocumentation
 */
import { assert } from '../shared/errors.ts'
import { checkContractText } from './contract-text.ts'
import type { PractitionerRole } from './entry-types.ts'
import { LedgerError } from './errors.ts'
import { textOfUtf8 } from './hash.ts'
import type { PolicyEngine, PolicyInfo, PolicyRequest, PolicySet } from './policy-engine.ts'

/** The language this module evaluates. */
export const CONTRACT_LANGUAGE = 'chartseal-cedar/1'

/** Kinds of screen that a contract opens to roles. */
export const VIEWS = ['clinical', 'demographics', 'people', 'ledger', 'devices', 'access-log'] as const

/** One of {@link VIEWS}. */
export type View = (typeof VIEWS)[number]

/** What somebody may do besides signing and seeing. */
export const DEEDS = [
  'export',
  'erase',
  'administer.people',
  'administer.devices',
  'administer.storage',
  'administer.network',
  'administer.contract',
] as const

/** One of {@link DEEDS}. */
export type Deed = (typeof DEEDS)[number]

/** Most decisions that one contract remembers. Real use has a few hundred. */
export const MAX_REMEMBERED = 4096

/** What a contract says to a request. */
export interface Decision {
  readonly allowed: boolean
  /** The policy that explains a refusal; null when the request is allowed, or when no policy is about its action. */
  readonly policy: PolicyInfo | null
}

/** Under which circumstances somebody looks. */
export interface Circumstances {
  /** An `access.emergency` for this patient is in force. */
  readonly emergency: boolean
  /** Whether a consent covers it; null for data of the own site. */
  readonly consent: boolean | null
}

const ORDINARY: Circumstances = { emergency: false, consent: null }

/** A contract that was read and checked. */
export class Contract {
  readonly #set: PolicySet
  readonly #decisions = new Map<string, Decision>()

  /** @param set - Of a text that {@link parseContract} accepted. */
  constructor(set: PolicySet) {
    this.#set = set
  }

  /** In the order of the document. */
  get policies(): readonly PolicyInfo[] {
    return this.#set.policies
  }

  /** True when some policy permits `action` to somebody. */
  knows(action: string): boolean {
    return this.policies.some((policy) => policy.effect === 'permit' && isAbout(policy.actions, action))
  }

  /** Decides, or remembers having decided. */
  decide(request: PolicyRequest): Decision {
    const key = keyOf(request)
    const known = this.#decisions.get(key)
    if (known !== undefined) return known
    const decision = this.#decide(request)
    // Forgetting everything at once is cheap, and happens to a hostile stream of shapes only.
    if (this.#decisions.size >= MAX_REMEMBERED) this.#decisions.clear()
    this.#decisions.set(key, decision)
    return decision
  }

  #decide(request: PolicyRequest): Decision {
    const { allowed, reasons } = this.#set.decide(request)
    if (allowed) return { allowed, policy: null }
    const forbids = this.policies.find((policy) => policy.effect === 'forbid' && reasons.includes(policy.id))
    return { allowed, policy: forbids ?? nearestPermit(this.policies, request) }
  }
}

/**
 * Reads a contract document.
 *
 * @param engine - Of {@link CONTRACT_LANGUAGE}.
 * @param document - Exact bytes, untrusted.
 * @throws {@link LedgerError} `BAD_CONTRACT`.
 */
export function parseContract(engine: PolicyEngine, document: Uint8Array): Contract {
  const text = textOfUtf8(document)
  if (text === null) throw new LedgerError('BAD_CONTRACT', 'not UTF-8')
  checkContractText(text)
  const set = engine.read(text)
  if ('problem' in set) throw new LedgerError('BAD_CONTRACT', set.problem)
  return new Contract(set)
}

/**
 * Whether practitioners of `role` may see `view`.
 *
 * @param circumstances - Of one patient's data; ordinary ones when left out.
 */
export function decideView(
  contract: Contract,
  view: View,
  role: PractitionerRole,
  { emergency, consent }: Circumstances = ORDINARY,
): Decision {
  return contract.decide({
    principal: { type: 'Practitioner', id: role },
    action: 'see',
    resource: { type: 'View', id: view },
    context: consent === null ? { emergency } : { emergency, consent },
  })
}

/** Whether practitioners of `role` may do `deed`. */
export function decideDeed(contract: Contract, deed: Deed, role: PractitionerRole): Decision {
  return contract.decide({
    principal: { type: 'Practitioner', id: role },
    action: deed,
    resource: { type: 'Network', id: 'this' },
    context: {},
  })
}

/** The permit that comes closest to `request`: about its action, then about its resource, then about its principal. */
function nearestPermit(policies: readonly PolicyInfo[], request: PolicyRequest): PolicyInfo | null {
  const about = policies.filter((p) => p.effect === 'permit' && isAbout(p.actions, request.action))
  const onIt = about.filter((p) => p.resource === null || p.resource === request.resource.id)
  const byThem = onIt.filter((p) => p.principal === null || p.principal === request.principal.type)
  const named = byThem.filter((p) => p.resource !== null)
  return named[0] ?? byThem[0] ?? onIt[0] ?? about[0] ?? null
}

function isAbout(actions: readonly string[] | null, action: string): boolean {
  return actions?.includes(action) ?? true
}

/** Different for different requests: ids are words of the schema, which hold none of the separators. */
function keyOf({ principal, action, resource, context }: PolicyRequest): string {
  let key = `${principal.type}:${principal.id} ${action} ${resource.type}:${resource.id}`
  for (const name in context) {
    const value = context[name]
    assert(value !== undefined, 'a request holds no gaps')
    key += ` ${name}=${typeof value === 'object' ? value.id : value}`
  }
  return key
}
