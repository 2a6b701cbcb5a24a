/**
 * Cedar, compiled to WebAssembly: the evaluator of contracts in the language `chartseal-cedar/1`.
 *
 * @remarks
 * The Node build reads its own file: nothing is fetched, and there is no native module. Documents are parsed once into
 * a slot of the evaluator's memory and decided there by reference; with more documents than slots, the one that was
 * longest unused is parsed again when it is needed.
 *
 * @packageDocumentation
 */
import { readFileSync } from 'node:fs'
import cedar, {
  type ActionConstraint,
  type CedarValueJson as CedarValue,
  type ResourceConstraint,
} from '@cedar-policy/cedar-wasm/nodejs'
import type { PolicyEngine, PolicyInfo, PolicyRequest, PolicySet, PolicyVerdict } from '../../ledger/policy-engine.ts'
import { toHex } from '../../shared/bytes.ts'
import { assert } from '../../shared/errors.ts'
import { nodeHasher } from './hasher.ts'
import { resourceFile } from './resource-file.ts'

/** SHA-256 of the schema: part of what the name of the language means. */
const SCHEMA_SHA256 = 'aaf832670090ee1d3275d2e0382860001d5cabd5810a4d5c5dd2d3d138d36ee6'

/** Documents that are kept parsed. A clinic has one, and a few older ones that judge older entries. */
const SLOTS = 8

/** Most contracts that are remembered as read. */
const MAX_READ = 32

/** The evaluator of contracts. Shared: one thread has one. */
export function policyEngine(): PolicyEngine {
  engine ??= new CedarEngine(schemaText())
  return engine
}

let engine: CedarEngine | null = null

function schemaText(): string {
  const bytes = readFileSync(resourceFile('contracts', 'chartseal-cedar-1.cedarschema'))
  assert(toHex(nodeHasher.sha256(bytes)) === SCHEMA_SHA256, 'the schema is that of the language')
  return bytes.toString('utf8')
}

type Parsed = Readonly<Record<string, string>>

class CedarEngine implements PolicyEngine {
  readonly #schema: string
  readonly #read = new Map<string, PolicySet | { readonly problem: string }>()
  /** Slot of each parsed document, the longest unused first. */
  readonly #slots = new Map<Parsed, string>()

  constructor(schema: string) {
    this.#schema = schema
  }

  read(text: string): PolicySet | { readonly problem: string } {
    const known = this.#read.get(text)
    if (known !== undefined) return known
    const read = this.#readNew(text)
    if (this.#read.size >= MAX_READ) this.#read.clear()
    this.#read.set(text, read)
    return read
  }

  #readNew(text: string): PolicySet | { readonly problem: string } {
    const parts = cedar.policySetTextToParts(text)
    if (parts.type === 'failure') return { problem: parts.errors[0]?.message ?? 'not policies' }
    if (parts.policy_templates.length > 0) return { problem: 'a template' }
    const policies = inOrder(parts.policies).map(describe)
    const parsed: Record<string, string> = {}
    for (const { text: policy, info } of policies) {
      if (typeof info === 'string') return { problem: info }
      if (Object.hasOwn(parsed, info.id)) return { problem: `two policies are called ${info.id}` }
      parsed[info.id] = policy
    }
    const problem = this.#problemOf(parsed)
    if (problem !== null) return { problem }
    const infos = policies.flatMap(({ info }) => (typeof info === 'string' ? [] : info))
    return { policies: infos, decide: (request) => this.#decide(parsed, infos, request) }
  }

  /** Strict validation: no policy may fail when it is evaluated, or can never apply. */
  #problemOf(parsed: Parsed): string | null {
    const answer = cedar.validate({ schema: this.#schema, policies: { staticPolicies: parsed } })
    if (answer.type === 'failure') return answer.errors[0]?.message ?? 'not policies'
    const [first] = [...answer.validationErrors, ...answer.validationWarnings]
    return first === undefined ? null : `${first.policyId}: ${first.error.message}`
  }

  #decide(parsed: Parsed, infos: readonly PolicyInfo[], request: PolicyRequest): PolicyVerdict {
    const answer = cedar.statefulIsAuthorized({
      principal: { ...request.principal },
      action: { type: 'Action', id: request.action },
      resource: { ...request.resource },
      context: Object.fromEntries(Object.entries(request.context).map(([name, value]) => [name, valueOf(value)])),
      preparsedPolicySetId: this.#slotOf(parsed),
      entities: [],
    })
    if (answer.type === 'failure') return { allowed: false, reasons: [] }
    const { decision, diagnostics } = answer.response
    const reasons = infos.flatMap(({ id }) => (diagnostics.reason.includes(id) ? id : []))
    return { allowed: decision === 'allow' && diagnostics.errors.length === 0, reasons }
  }

  #slotOf(parsed: Parsed): string {
    const known = this.#slots.get(parsed)
    if (known !== undefined) {
      this.#slots.delete(parsed)
      this.#slots.set(parsed, known)
      return known
    }
    const [oldest] = this.#slots
    const slot = this.#slots.size < SLOTS ? `contract ${this.#slots.size}` : oldest?.[1]
    assert(slot !== undefined, 'there is more than one slot')
    if (this.#slots.size === SLOTS && oldest !== undefined) this.#slots.delete(oldest[0])
    const answer = cedar.preparsePolicySet(slot, { staticPolicies: parsed })
    assert(answer.type === 'success', 'what was validated is parsed')
    this.#slots.set(parsed, slot)
    return slot
  }
}

/** Cedar numbers policies as they come, and gives them back sorted by that name as a text. */
function inOrder(policies: readonly string[]): string[] {
  const places = policies.map((_, i) => i).toSorted((a, b) => (`policy${a}` < `policy${b}` ? -1 : 1))
  const ordered = Array.from<string>({ length: policies.length }).fill('')
  for (const [i, policy] of policies.entries()) ordered[places[i] ?? 0] = policy
  return ordered
}

const ID = /^[a-z][a-z0-9-]{0,63}$/
const MAX_ADVICE = 200

/** What a policy says about itself, or what it lacks. */
function describe(text: string): { text: string; info: PolicyInfo | string } {
  const answer = cedar.policyToJson(text)
  if (answer.type === 'failure') return { text, info: answer.errors[0]?.message ?? 'not a policy' }
  const { effect, principal, action, resource, annotations = {} } = answer.json
  const { id = '', advice = '', ...others } = annotations
  if (!ID.test(id)) return { text, info: 'a policy without an @id' }
  if (advice.trim() === '' || advice.length > MAX_ADVICE) return { text, info: `${id} has no @advice` }
  if (Object.keys(others).length > 0) return { text, info: `${id} has an annotation that means nothing` }
  const kind = principal.op === 'is' ? principal.entity_type : 'entity' in principal ? typeOf(principal.entity) : null
  return {
    text,
    info: { id, effect, advice, actions: actionsOf(action), principal: kind, resource: resourceOf(resource) },
  }
}

type Uid = { readonly __entity: { type: string; id: string } } | { readonly type: string; readonly id: string }

const bare = (uid: Uid) => ('__entity' in uid ? uid.__entity : uid)
const typeOf = (uid: Uid) => bare(uid).type

function actionsOf(action: ActionConstraint): string[] | null {
  if ('entities' in action) return action.entities.map((uid) => bare(uid).id)
  return 'entity' in action ? [bare(action.entity).id] : null
}

function resourceOf(resource: ResourceConstraint): string | null {
  return resource.op === '==' && 'entity' in resource ? bare(resource.entity).id : null
}

function valueOf(value: PolicyRequest['context'][string]): CedarValue {
  return typeof value === 'object' ? { __entity: { ...value } } : value
}
