/** Blocks, proofs, checks and governance, as a fake core answers. */
import { ORIGIN, type FakeCore } from './fake-core.ts'
import { handleOf, hashOf } from './fake-data.ts'
import { nextContract, nextRoster, WAITING } from './fake-governance.ts'
import { fail, ok, type Guard, type Os } from './fake-reply.ts'

/** Answers of `ledger.*`. */
export function ledgerAnswers(os: Os, core: FakeCore, guard: Guard) {
  return {
    summary: os.ledger.summary.handler(
      guard('ledger.summary', () => {
        const size = 40 + core.recorded.length
        return ok({
          network: hashOf(1),
          origin: ORIGIN,
          size,
          root: hashOf(99),
          blocks: Math.floor(size / 4) + 1,
          sites: 1,
          faultySitesTolerated: 0,
          quorum: 1,
          policy: 'solo',
          policyMode: 'solo' as const,
          final: size,
          sealedAt: new Date(core.now - 120_000).toISOString(),
          closed: [],
          highWaterMark: 'equal' as const,
        })
      }),
    ),
    blocks: os.ledger.blocks.handler(guard('ledger.blocks', ({ before, limit }) => ok(core.blocks(before, limit)))),
    entries: os.ledger.entries.handler(
      guard('ledger.entries', ({ from, limit }) => {
        const size = 40 + core.recorded.length
        return ok(
          Array.from({ length: Math.max(0, Math.min(limit, size - from)) }, (_, n) => {
            const index = from + n
            const recorded = core.recorded.find((one) => one.index === index)
            const problem = recorded !== undefined && 'status' in recorded.reading ? recorded.reading.step : null
            return {
              index,
              entryId: handleOf(0x10000 + index),
              type: index % 4 === 3 ? 'seal' : recorded === undefined ? 'access' : 'reading',
              at: new Date(core.now - (size - index) * 150_000).toISOString(),
              signedBy: recorded === undefined ? ['log'] : ['device', 'practitioner', 'log'],
              subject: recorded?.patient ?? null,
              problem,
            }
          }),
        )
      }),
    ),
    verifyAll: os.ledger.verifyAll.handler(() => core.verifyAll()),
    scrub: os.ledger.scrub.handler(({ input }) => core.scrub(input.file)),
    incidents: os.ledger.incidents.handler(guard('ledger.incidents', () => ok(core.incidents))),
    evidence: os.ledger.evidence.handler(guard('ledger.evidence', () => ok(core.evidence))),
    evidenceFile: os.ledger.evidenceFile.handler(
      guard('ledger.evidenceFile', ({ id }) =>
        core.evidence.some((one) => one.id === id)
          ? ok({ fileName: 'ward.fork', text: 'chartseal/fork/v1\n' })
          : fail('UNKNOWN_ENTRY'),
      ),
    ),
    importEvidence: os.ledger.importEvidence.handler(
      guard('ledger.importEvidence', ({ text }) => {
        const proof = core.proofIn(text)
        return proof === null ? fail('NOT_EVIDENCE') : ok(proof)
      }),
    ),
    governance: os.ledger.governance.handler(
      guard('ledger.governance', () => ok({ ...core.governance, ...core.mayGovern })),
    ),
    checkContract: os.ledger.checkContract.handler(
      guard('ledger.checkContract', ({ text }) =>
        text.includes('permit')
          ? ok({
              ...{ version: core.governance.contract.version + 1, hash: hashOf(71) },
              ...{ added: ['new-rule'], removed: ['record-access'], changed: [] },
            })
          : { ...fail('BAD_CONTRACT'), detail: 'unexpected token' },
      ),
    ),
    publishContract: os.ledger.publishContract.handler(
      guard('ledger.publishContract', ({ text }) => ok((core.governance = nextContract(core.governance, text)))),
    ),
    approveContract: os.ledger.approveContract.handler(
      guard('ledger.approveContract', ({ hash }) => {
        const waiting = core.governance.contractProposals.find((one) => one.hash === hash)
        return waiting === undefined
          ? fail('NO_PROPOSAL')
          : ok((core.governance = nextContract(core.governance, waiting.text)))
      }),
    ),
    discardContract: os.ledger.discardContract.handler(
      guard('ledger.discardContract', ({ hash }) => {
        const contractProposals = core.governance.contractProposals.filter((one) => one.hash !== hash)
        return ok((core.governance = { ...core.governance, contractProposals }))
      }),
    ),
    proposeRoster: os.ledger.proposeRoster.handler(
      guard('ledger.proposeRoster', (change) => {
        core.proposed.push(change)
        return ok((core.governance = nextRoster(core.governance, change)))
      }),
    ),
    approveProposal: os.ledger.approveProposal.handler(
      guard('ledger.approveProposal', () => {
        const { proposal } = core.governance
        if (proposal === null) return fail('NO_PROPOSAL')
        return ok((core.governance = { ...core.governance, proposal: { ...proposal, isApproved: true } }))
      }),
    ),
    importProposal: os.ledger.importProposal.handler(
      guard('ledger.importProposal', ({ text }) =>
        text.startsWith('chartseal/roster-proposal/v1\n')
          ? ok((core.governance = { ...core.governance, proposal: WAITING }))
          : fail('BAD_PROPOSAL'),
      ),
    ),
    proposalFile: os.ledger.proposalFile.handler(
      guard('ledger.proposalFile', () =>
        core.governance.proposal === null
          ? fail('NO_PROPOSAL')
          : ok({ fileName: 'roster-2.roster', text: 'chartseal/roster-proposal/v1\n' }),
      ),
    ),
    discardProposal: os.ledger.discardProposal.handler(
      guard('ledger.discardProposal', () => ok((core.governance = { ...core.governance, proposal: null }))),
    ),
    proof: os.ledger.proof.handler(
      guard('ledger.proof', ({ index }) =>
        index < 40 + core.recorded.length ? ok(core.proof(index)) : fail('UNKNOWN_ENTRY'),
      ),
    ),
    receipt: os.ledger.receipt.handler(
      guard('ledger.receipt', ({ index }) =>
        ok({ fileName: `ward-${index}.tlog-proof`, text: `c2sp.org/tlog-proof@v1\nindex ${index}\n` }),
      ),
    ),
  }
}
