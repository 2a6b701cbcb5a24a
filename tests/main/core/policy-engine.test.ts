import { readFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import cedar, { type TypeAndId } from '@cedar-policy/cedar-wasm/nodejs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DEEDS, parseContract, VIEWS } from '../../../src/ledger/contract.ts'
import { MAX_CONTRACT_SIZE, MAX_POLICIES } from '../../../src/ledger/contract-text.ts'
import { ENTRY_SHAPES, ENTRY_TYPES, PRACTITIONER_ROLES, type SignatureRole } from '../../../src/ledger/entry-types.ts'
import { isGoverned, SIGNABLE } from '../../../src/ledger/evaluate-entry.ts'
import { utf8 } from '../../../src/ledger/hash.ts'
import type { PolicyEntity, PolicyRequest } from '../../../src/ledger/policy-engine.ts'
import { policyEngine } from '../../../src/main/core/policy-engine.ts'
import { codeOf } from '../../support/expect-code.ts'
import { contractDocument } from '../../support/ledger-world.ts'

const resource = (name: string) =>
  readFileSync(new URL(`../../../resources/contracts/${name}`, import.meta.url), 'utf8')
const schema = resource('chartseal-cedar-1.cedarschema')
const text = new TextDecoder().decode(contractDocument)

const METHODS = ['device', 'manual', 'unauthenticated-device', 'patient-reported'] as const
const CAPACITIES = ['patient', 'guardian', 'incapable', 'spoken'] as const
const ENDORSEMENTS = ['review', 'decision-support', 'oxygen-scale'] as const

const KIND = { patient: 'Patient', device: 'Device', governance: 'Site', log: 'Node' } as const

/** Every request that entries and people can make, with counts of 0 to 2. */
const anyRequest: fc.Arbitrary<PolicyRequest> = fc.oneof(
  fc.constantFrom(...ENTRY_TYPES.filter(isGoverned)).chain((type) => {
    const roles: readonly SignatureRole[] = SIGNABLE[type]
    const kinds = roles.flatMap((role): PolicyEntity[] =>
      role === 'practitioner'
        ? PRACTITIONER_ROLES.map((id) => ({ type: 'Practitioner', id }))
        : [{ type: KIND[role], id: 'one' }],
    )
    const { subject } = ENTRY_SHAPES[type]
    const some = { type: 'Subject', id: 'one' }
    const resources = subject === 'required' ? [some] : [some, { type: 'Network', id: 'this' }]
    const count = fc.nat({ max: 2 })
    const counts = {
      practitioners: count,
      physicians: count,
      nurses: count,
      its: count,
      auditors: count,
      devices: count,
      patients: count,
      guardians: count,
      governance: count,
      logs: count,
    }
    const method = fc.constantFrom(...METHODS.map((id) => ({ type: 'Method', id })))
    const capacity = fc.constantFrom(...CAPACITIES.map((id) => ({ type: 'Capacity', id })))
    const about = fc.constantFrom(...ENDORSEMENTS.map((id) => ({ type: 'Endorsement', id })))
    const facts = type.startsWith('reading')
      ? { method, asksPatient: fc.boolean(), capacity }
      : type.startsWith('consent')
        ? { capacity }
        : type === 'endorsement'
          ? { about }
          : {}
    const required = Object.keys(counts) as (keyof typeof counts)[]
    return fc.record({
      principal: fc.constantFrom(...kinds),
      action: fc.constant(`record.${type}`),
      resource: fc.constantFrom(...resources),
      context: fc.record({ ...counts, ...facts }, { requiredKeys: required }) as fc.Arbitrary<PolicyRequest['context']>,
    })
  }),
  fc.record({
    principal: fc.constantFrom(...PRACTITIONER_ROLES.map((id) => ({ type: 'Practitioner', id }))),
    action: fc.constant('see'),
    resource: fc.constantFrom(...VIEWS.map((id) => ({ type: 'View', id }))),
    context: fc.record({ emergency: fc.boolean(), consent: fc.boolean() }, { requiredKeys: ['emergency'] }),
  }),
  fc.record({
    principal: fc.constantFrom(...PRACTITIONER_ROLES.map((id) => ({ type: 'Practitioner', id }))),
    action: fc.constantFrom(...DEEDS),
    resource: fc.constant({ type: 'Network', id: 'this' }),
    context: fc.constant({}),
  }),
)

/** Cedar's own answer, from a document that it parses and validates anew. */
function slowly(request: PolicyRequest): boolean {
  const entity = (value: TypeAndId) => ({ __entity: { ...value } })
  const answer = cedar.isAuthorized({
    principal: { ...request.principal },
    action: { type: 'Action', id: request.action },
    resource: { ...request.resource },
    context: Object.fromEntries(
      Object.entries(request.context).map(([name, value]) => [name, typeof value === 'object' ? entity(value) : value]),
    ),
    schema,
    validateRequest: true,
    policies: { staticPolicies: text },
    entities: [],
  })
  if (answer.type === 'failure') throw new Error(answer.errors[0]?.message)
  expect(answer.response.diagnostics.errors).toEqual([])
  return answer.response.decision === 'allow'
}

/** Answers of the engine in a thread of its own, with its own copy of the evaluator. */
async function elsewhere(requests: readonly PolicyRequest[]): Promise<boolean[]> {
  const engine = new URL('../../../src/main/core/policy-engine.ts', import.meta.url).href
  const program = `
    const { parentPort, workerData } = require('node:worker_threads')
    import(${JSON.stringify(engine)}).then(({ policyEngine }) => {
      const set = policyEngine().read(workerData.text)
      parentPort.postMessage(workerData.requests.map((request) => set.decide(request).allowed))
    })`
  const worker = new Worker(program, { eval: true, workerData: { text, requests } })
  try {
    return await new Promise<boolean[]>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
    })
  } finally {
    await worker.terminate()
  }
}

describe('the policy engine', () => {
  it('is asked nothing that the schema does not know, and answers as Cedar does', () => {
    const contract = parseContract(policyEngine(), contractDocument)
    fc.assert(
      fc.property(anyRequest, (request) => {
        expect(contract.decide(request).allowed).toBe(slowly(request))
      }),
      { numRuns: 150 },
    )
  })

  it('decides the same in another thread, with another copy', async () => {
    const contract = parseContract(policyEngine(), contractDocument)
    const requests = fc.sample(anyRequest, 300)
    const here = requests.map((request) => contract.decide(request).allowed)
    expect(await elsewhere(requests)).toEqual(here)
    expect(new Set(here).size).toBe(2)
  })

  it('has a schema that speaks of every type, view and deed, and of nothing else', () => {
    const answer = cedar.schemaToJson(schema)
    if (answer.type === 'failure') throw new Error(answer.errors[0]?.message)
    const actions = answer.json['']?.actions ?? {}
    const records = ENTRY_TYPES.filter(isGoverned).map((type) => `record.${type}`)
    expect(Object.keys(actions).toSorted()).toEqual([...records, 'see', ...DEEDS].toSorted())
    for (const type of ENTRY_TYPES.filter(isGoverned)) {
      const applies = actions[`record.${type}`]?.appliesTo
      const kinds = SIGNABLE[type].map((role): string => (role === 'practitioner' ? 'Practitioner' : KIND[role]))
      expect([type, applies?.principalTypes.toSorted()]).toEqual([type, kinds.toSorted()])
      const isAbout = ENTRY_SHAPES[type].subject === 'required'
      expect([type, applies?.resourceTypes.toSorted()]).toEqual([type, isAbout ? ['Subject'] : ['Network', 'Subject']])
    }
    expect(schema).toContain(`entity View enum ${JSON.stringify(VIEWS).replaceAll(',', ', ')};`)
    expect(schema).toContain(`entity Practitioner enum ${JSON.stringify(PRACTITIONER_ROLES).replaceAll(',', ', ')};`)
    expect(schema).toContain(`entity Method enum ${JSON.stringify(METHODS).replaceAll(',', ', ')};`)
    expect(schema).toContain(`entity Capacity enum ${JSON.stringify(CAPACITIES).replaceAll(',', ', ')};`)
    expect(schema).toContain(`entity Endorsement enum ${JSON.stringify(ENDORSEMENTS).replaceAll(',', ', ')};`)
  })

  it('keeps more documents apart than it keeps parsed', () => {
    const role = (i: number) => PRACTITIONER_ROLES[i % PRACTITIONER_ROLES.length] ?? 'it'
    const sets = Array.from({ length: 40 }, (_, i) => {
      const set = policyEngine().read(
        `@id("p${i}") @advice("x") permit (principal == Practitioner::"${role(i)}", action == Action::"export", resource);`,
      )
      if ('problem' in set) throw new Error(set.problem)
      return set
    })
    for (let round = 0; round < 2; round++) {
      for (const [i, set] of sets.entries()) {
        for (const id of PRACTITIONER_ROLES) {
          const principal = { type: 'Practitioner', id }
          const request = { principal, action: 'export', resource: { type: 'Network', id: 'this' }, context: {} }
          expect(set.decide(request).allowed).toBe(id === role(i))
        }
      }
    }
  })
})

describe('hostile documents', () => {
  const many = (word: string, count: number) => word.repeat(count)
  const worst: Readonly<Record<string, string>> = {
    ors: `${many('true||', 150)}true`,
    ands: `${many('true&&', 150)}true`,
    sums: `1${many('+1', 230)}==1`,
    products: `1${many('*1', 230)}==1`,
    signs: many('----1==1&&', 40) + 'true',
    negations: many('!!!!true&&', 60) + 'true',
    attributes: `context${many('.a', 220)}`,
    'then branches': many('if true then ', 80) + 'true' + many(' else true', 80),
    'else branches': many('if true then true else ', 80) + 'true',
    parentheses: many('(', 14) + 'true' + many(')', 14),
    sets: `${many('[', 14)}1${many(']', 14)}.isEmpty()`,
    records: `${many('{a:', 14)}1${many('}', 14)} has a.a.a`,
    capabilities: many('(context has method||context has method)&&', 30) + 'true',
    'nested capabilities': many('(if context has method then ', 14) + 'true' + many(' else true)', 14),
    patterns: `"${many('a', 250)}" like "${many('*a', 120)}"`,
    'long sets': `[1${many(',1', 230)}].contains(1)`,
    kinds: many('principal is Practitioner||', 80) + 'true',
    extensions: many('decimal("1.0").lessThan(decimal("1.0"))||', 25) + 'true',
    names: `A${many('::A', 100)}::"x"==principal`,
    relations: many('1<', 220) + '1',
    calls: many('zz(', 14) + '1' + many(')', 14),
  }
  const policyOf = (condition: string, i = 0) =>
    `@id("p${i}")@advice("x")permit(principal,action,resource)when{${condition}};`

  it.each(Object.keys(worst))('made of %s are read or refused, once and as often as fits', (name) => {
    const condition = worst[name] ?? ''
    let text = ''
    for (let i = 0; i < MAX_POLICIES; i++) {
      const next = text + policyOf(condition, i)
      if (next.length > MAX_CONTRACT_SIZE) break
      text = next
    }
    for (const document of [policyOf(condition), text]) {
      expect([null, 'BAD_CONTRACT']).toContain(codeOf(() => parseContract(policyEngine(), utf8(document))))
    }
  })

  it('leave the engine as it was', () => {
    const contract = parseContract(policyEngine(), utf8(`${text}// again`))
    const principal = { type: 'Practitioner', id: 'nurse' }
    const see = { principal, action: 'see', resource: { type: 'View', id: 'clinical' }, context: { emergency: false } }
    expect(contract.decide(see).allowed).toBe(true)
  })
})
