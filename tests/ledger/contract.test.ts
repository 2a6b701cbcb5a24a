import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  Contract,
  decideDeed,
  decideView,
  DEEDS,
  MAX_REMEMBERED,
  parseContract,
  VIEWS,
} from '../../src/ledger/contract.ts'
import { MAX_CONTRACT_SIZE, MAX_DEPTH, MAX_POLICIES, MAX_QUOTED, MAX_TOKENS } from '../../src/ledger/contract-text.ts'
import { PRACTITIONER_ROLES, type PractitionerRole } from '../../src/ledger/entry-types.ts'
import { utf8 } from '../../src/ledger/hash.ts'
import type { PolicyEngine, PolicyInfo, PolicyRequest } from '../../src/ledger/policy-engine.ts'
import { policyEngine } from '../../src/main/core/policy-engine.ts'
import { codeOf, expectCode } from '../support/expect-code.ts'
import { contractDocument } from '../support/ledger-world.ts'

const engine = policyEngine()
const text = new TextDecoder().decode(contractDocument)
const contract = parseContract(engine, contractDocument)
const parse = (document: string) => parseContract(engine, utf8(document))
const policy = (id: string, rest = 'permit (principal, action, resource);') => `@id("${id}") @advice("Why.") ${rest}\n`
const when = (condition: string) => policy('p', `permit (principal, action, resource) when { ${condition} };`)
const bad = (document: string) => {
  expectCode('BAD_CONTRACT', () => parse(document))
}

describe('the default contract', () => {
  it('opens views to roles', () => {
    const seen = (role: PractitionerRole) => VIEWS.filter((view) => decideView(contract, view, role).allowed)
    expect(seen('physician')).toEqual([...VIEWS])
    expect(seen('nurse')).toEqual([...VIEWS])
    // IT sees no clinical values; an auditor sees who looked, and not at what.
    expect(seen('it')).toEqual(['demographics', 'people', 'ledger', 'devices'])
    expect(seen('auditor')).toEqual(['people', 'ledger', 'devices', 'access-log'])
  })

  it('lets roles do things', () => {
    const may = (role: PractitionerRole) => DEEDS.filter((deed) => decideDeed(contract, deed, role).allowed)
    expect(may('it')).toEqual(DEEDS.filter((deed) => deed !== 'export'))
    expect(may('physician')).toEqual(['export'])
    expect(may('nurse')).toEqual([])
    expect(may('auditor')).toEqual([])
  })

  it('opens clinical data without consent in an emergency, to those who see clinical data', () => {
    const see = (role: PractitionerRole, emergency: boolean, consent: boolean | null) =>
      decideView(contract, 'clinical', role, { emergency, consent }).policy?.id ?? null
    expect(see('nurse', false, null)).toBeNull()
    expect(see('nurse', false, true)).toBeNull()
    expect(see('nurse', false, false)).toBe('see-without-consent')
    expect(see('nurse', true, false)).toBeNull()
    expect(see('it', true, false)).toBe('see-clinical')
    expect(see('it', false, true)).toBe('see-clinical')
  })

  it('says why not, in a sentence', () => {
    const why = (view: (typeof VIEWS)[number], role: PractitionerRole) =>
      decideView(contract, view, role).policy?.advice
    expect(why('clinical', 'it')).toBe('Clinical data is for physicians and nurses.')
    expect(why('demographics', 'auditor')).toBe('Names and birth dates are for physicians, nurses and IT.')
    expect(why('access-log', 'it')).toBe('Who looked is for physicians, nurses and auditors.')
    expect(decideDeed(contract, 'administer.devices', 'nurse').policy?.advice).toBe('This is for IT.')
    for (const { advice } of contract.policies) expect(advice).toMatch(/^[A-Z].*\.$/)
  })
})

describe('a refusal', () => {
  const permits = (id: string, head: string) => policy(id, `permit (${head}) when { context.emergency };`)
  const explain = (document: string) => decideView(parse(document), 'clinical', 'nurse').policy?.id ?? null

  it('is explained by the first policy that forbids', () => {
    const forbid = (id: string) => policy(id, 'forbid (principal, action, resource);')
    expect(explain(policy('a') + forbid('c') + forbid('b'))).toBe('c')
  })

  it('is explained by the permit that comes closest', () => {
    const any = permits('any', 'principal is Practitioner, action == Action::"see", resource')
    const other = permits('other', 'principal, action == Action::"see", resource == View::"people"')
    const it = permits('it', 'principal, action == Action::"see", resource == View::"clinical"')
    expect(explain(any + other + it)).toBe('it')
    expect(explain(other + any)).toBe('any')
    expect(explain(other)).toBe('other')
    expect(explain(policy('elsewhere', 'permit (principal, action == Action::"export", resource);'))).toBeNull()
    expect(explain('')).toBeNull()
  })
})

describe('decisions', () => {
  /** Counts what it is asked; permits nurses. */
  function counting() {
    const asked: PolicyRequest[] = []
    const info: PolicyInfo = { id: 'p', effect: 'permit', advice: 'x', actions: null, principal: null, resource: null }
    const decide = (request: PolicyRequest) => {
      asked.push(request)
      return { allowed: request.principal.id === 'nurse', reasons: [] }
    }
    return { asked, contract: new Contract({ policies: [info], decide }) }
  }

  it('are made once for each request, whatever order it came in', () => {
    const { asked, contract } = counting()
    for (let round = 0; round < 3; round++) {
      for (const role of PRACTITIONER_ROLES) {
        for (const view of VIEWS) expect(decideView(contract, view, role).allowed).toBe(role === 'nurse')
      }
    }
    expect(asked.length).toBe(PRACTITIONER_ROLES.length * VIEWS.length)
  })

  it('are not taken for one another', () => {
    const { asked, contract } = counting()
    const circumstances = [true, false].flatMap((emergency) =>
      [true, false, null].map((consent) => ({ emergency, consent })),
    )
    for (const one of circumstances) decideView(contract, 'clinical', 'nurse', one)
    for (const deed of DEEDS) decideDeed(contract, deed, 'nurse')
    expect(asked.length).toBe(circumstances.length + DEEDS.length)
  })

  it('are forgotten rather than pile up', () => {
    const { asked, contract } = counting()
    const request = (n: number): PolicyRequest => ({
      principal: { type: 'Practitioner', id: 'nurse' },
      action: 'record.reading',
      resource: { type: 'Subject', id: 'one' },
      context: { nurses: n },
    })
    for (let n = 0; n < MAX_REMEMBERED + 10; n++) contract.decide(request(n))
    contract.decide(request(MAX_REMEMBERED))
    expect(asked.length).toBe(MAX_REMEMBERED + 10)
    contract.decide(request(0))
    expect(asked.length).toBe(MAX_REMEMBERED + 11)
  })
})

describe('contract documents', () => {
  it('may permit nothing', () => {
    expect(parse('').policies).toEqual([])
    expect(parse('// nothing').policies).toEqual([])
  })

  it('keep their policies in order', () => {
    const ids = Array.from({ length: 25 }, (_, i) => `p${i}`)
    expect(parse(ids.map((id) => policy(id)).join('')).policies.map(({ id }) => id)).toEqual(ids)
  })

  it.each<[string, string]>([
    ['no @id', '@advice("Why.") permit (principal, action, resource);'],
    ['an @id that is none', policy('A b')],
    ['one @id twice', policy('p') + policy('p', 'forbid (principal, action, resource);')],
    ['no @advice', '@id("p") permit (principal, action, resource);'],
    ['an empty @advice', '@id("p") @advice(" ") permit (principal, action, resource);'],
    ['a long @advice', `@id("p") @advice("${'x'.repeat(201)}") permit (principal, action, resource);`],
    ['another annotation', `@note("x") ${policy('p')}`],
    ['a template', policy('p', 'permit (principal == ?principal, action, resource);')],
    ['an unknown action', policy('p', 'permit (principal, action == Action::"record.gossip", resource);')],
    ['an unknown role', policy('p', 'permit (principal == Practitioner::"cook", action, resource);')],
    ['a single person', policy('p', 'permit (principal == Practitioner::"00ff", action, resource);')],
    ['an unknown attribute', when('context.nurse >= 1')],
    ['an attribute that may be missing', when('context.consent')],
    ['numbers and words mixed', when('1 == "1"')],
    ['a policy that never applies', when('false')],
    ['a function of no language', when('now() > 1')],
    ['half a policy', 'permit (principal'],
    ['a bracket too many', `${policy('p')})`],
    ['a quote left open', `${policy('p')}"`],
    ['a byte order mark', `\ufeff${text}`],
    ['text that runs backwards', policy('p').replace('Why', 'Why\u202e')],
    ['a character that nobody sees', policy('p').replace('Why', 'Wh\u00ady')],
    ['the language before', '{ "language": "chartseal-rules/1" }'],
  ])('with %s are refused', (_, document) => {
    bad(document)
  })

  it('are UTF-8', () => {
    expectCode('BAD_CONTRACT', () => parseContract(engine, Uint8Array.of(...contractDocument, 0xff)))
  })

  it('have limits', () => {
    const least = (size: number, document: (n: number) => string) => {
      parse(document(size))
      bad(document(size + 1))
    }
    least(MAX_CONTRACT_SIZE, (n) => `//${'x'.repeat(n - 2)}`)
    least(MAX_POLICIES, (n) => Array.from({ length: n }, (_, i) => policy(`p${i}`)).join(''))
    least(MAX_QUOTED - 2, (n) => when(`"${'x'.repeat(n)}" == "x"`.replace('== "x"', 'like "x*"')))
    // Braces of the condition are one level.
    least(MAX_DEPTH - 1, (n) => when(`${'('.repeat(n)}true${')'.repeat(n)}`))
    const rest = 2 * 5 + 12 + 2
    const chain = (n: number) => when(`1 == 1${' && true'.repeat(n)}`)
    expect(codeOf(() => parse(chain(Math.floor((MAX_TOKENS - rest - 8) / 3))))).toBeNull()
    bad(chain(Math.ceil(MAX_TOKENS / 3)))
  })

  it('are not shown to the evaluator when they nest beyond the limits, however they are quoted', () => {
    const unreachable: PolicyEngine = {
      read: () => {
        throw new Error('bug: shown')
      },
    }
    const deep = '('.repeat(1000)
    for (const hidden of [deep, `"\n"${deep}`, `"\\""${deep}`, `// "\n${deep}`, `")))"${deep}`, `"a\n)))))"${deep}`]) {
      expectCode('BAD_CONTRACT', () => parseContract(unreachable, utf8(hidden)))
    }
  })

  it('of any bytes are contracts or a coded error', () => {
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void codeOf(() => parseContract(engine, bytes))))
    const words = fc.constantFrom(
      ...(text.match(/"[^"]*"|\w+|[^\s\w]/g) ?? []),
      '?principal',
      '!',
      '-',
      '||',
      '.',
      'if',
      'then',
    )
    fc.assert(fc.property(fc.array(words), (some) => void codeOf(() => parse(some.join(' ')))))
    const at = fc.nat({ max: contractDocument.length - 1 })
    fc.assert(
      fc.property(at, fc.integer({ min: 1, max: 255 }), (i, xor) => {
        codeOf(() =>
          parseContract(
            engine,
            contractDocument.map((byte, k) => (k === i ? byte ^ xor : byte)),
          ),
        )
      }),
      { numRuns: 40 },
    )
  })
})
