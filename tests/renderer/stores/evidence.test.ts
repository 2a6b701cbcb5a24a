import { beforeEach, describe, expect, it } from 'vitest'
import EvidenceCard from '../../../src/renderer/components/ledger/EvidenceCard.vue'
import { useGrade } from '../../../src/renderer/composables/use-grade.ts'
import { useEvidenceStore } from '../../../src/renderer/stores/evidence.ts'
import { useSystemStore } from '../../../src/renderer/stores/system.ts'
import { openWindow, settle, type TestWindow } from '../../support/mount-window.ts'

const PROOF = 'chartseal/fork/v1\n\nnotes'

describe('the evidence store', () => {
  let window: TestWindow
  let evidence: ReturnType<typeof useEvidenceStore>
  beforeEach(async () => {
    window = await openWindow({ signedInAs: 3 })
    evidence = useEvidenceStore()
  })

  it('brings a proof and lists it', async () => {
    await evidence.load()
    expect(evidence.proofs).toEqual([])
    await evidence.bring(PROOF)
    expect(evidence.imported).toMatchObject({ isOwn: true })
    expect(evidence.proofs).toHaveLength(1)
  })

  it('says why a file is no proof, and forgets that with the next', async () => {
    await evidence.bring('something else')
    expect(evidence.importProblem?.code).toBe('NOT_EVIDENCE')
    expect(evidence.imported).toBeNull()
    await evidence.bring(PROOF)
    expect(evidence.importProblem).toBeNull()
  })

  it('takes a proof out, or says that it is gone', async () => {
    await evidence.bring(PROOF)
    expect(await evidence.take(evidence.proofs[0]?.id ?? '')).toMatchObject({ fileName: 'ward.fork' })
    expect(await evidence.take('0'.repeat(64))).toBeNull()
    expect(evidence.problem?.code).toBe('UNKNOWN_ENTRY')
  })

  it('looks again when finality changed, and only once it was opened', async () => {
    const asked = () => window.core.calls.filter((call) => call === 'ledger.evidence').length
    useSystemStore().finality = new Map([['log/1', 3]])
    await settle()
    expect(asked()).toBe(0)
    await evidence.load()
    useSystemStore().finality = new Map([['log/1', 4]])
    await settle()
    expect(asked()).toBe(2)
  })
})

describe('the evidence card', () => {
  it('says in words what a proof means, and what to do about the own log', async () => {
    const window = await openWindow({ signedInAs: 3 })
    window.core.evidence = [
      {
        id: 'ab'.repeat(32),
        origin: 'chartseal.local/site-1/node-1/1',
        isOwn: true,
        byLog: true,
        sites: ['chartseal.local/site-2'],
        olderSize: 30,
        newerSize: 40,
        receivedAt: '2026-05-06T09:00:00+02:00',
      },
    ]
    await useEvidenceStore().load()
    const card = window.mount(EvidenceCard)
    await settle()
    expect(card.text()).toContain(
      'The log itself signed both versions, and site chartseal.local/site-2 confirmed both.',
    )
    expect(card.text()).toContain('within the first 30 entries')
    expect(card.text()).toContain('Tell clinic IT')
    expect(card.find('input[type=file]').exists()).toBe(true)
    // A proof against those who confirmed alone: the log goes on.
    window.core.evidence = window.core.evidence.map((proof) => ({ ...proof, byLog: false }))
    await useEvidenceStore().load()
    await settle()
    expect(card.text()).toContain('nothing in it is in doubt')
    expect(card.text()).not.toContain('Tell clinic IT')
  })

  it('says that there is nothing when there is nothing', async () => {
    const window = await openWindow({ signedInAs: 3 })
    await useEvidenceStore().load()
    const card = window.mount(EvidenceCard)
    await settle()
    expect(card.text()).toContain('There is no proof against any log or site.')
  })
})

describe('a grade on the screen', () => {
  it('becomes final when the core says how far the log is, and nothing else changes it', async () => {
    await openWindow({ signedInAs: 3 })
    const system = useSystemStore()
    const { gradeNow } = useGrade()
    const at = (index: number, name: 'sealed' | 'cosigned' | 'contested' = 'sealed', origin = 'log/1') =>
      gradeNow({ origin, index, grade: { name, k: name === 'sealed' ? 0 : 1, q: 2 } })
    expect(at(3)).toEqual({ name: 'sealed', k: 0, q: 2 })
    system.finality = new Map([['log/1', 4]])
    expect(at(3)).toEqual({ name: 'final', k: 2, q: 2 })
    expect(at(3, 'cosigned')).toEqual({ name: 'final', k: 2, q: 2 })
    expect(at(4)).toEqual({ name: 'sealed', k: 0, q: 2 })
    expect(at(3, 'contested')).toEqual({ name: 'contested', k: 1, q: 2 })
    expect(at(3, 'sealed', 'log/2')).toEqual({ name: 'sealed', k: 0, q: 2 })
  })
})
