import { describe, expect, it } from 'vitest'
import { ipsDocument } from '../../src/clinical/ips.ts'
import { CONTENTS, NURSE } from '../support/exports.ts'

interface Section {
  title: string
  code: { coding: { code: string }[] }
  text: { div: string }
  entry?: { reference: string }[]
  emptyReason?: { coding: { code: string }[] }
}
const text = ipsDocument(CONTENTS, NURSE)
const bundle = JSON.parse(text) as { entry: { fullUrl: string; resource: Record<string, unknown> }[] } & Record<
  string,
  unknown
>
const composition = bundle.entry[0]!.resource as unknown as {
  section: Section[]
  subject: object
  type: object
  author: object[]
}

describe('an International Patient Summary', () => {
  it('is a document whose first entry says what it is', () => {
    expect(bundle).toMatchObject({
      type: 'document',
      timestamp: CONTENTS.at,
      identifier: { value: `urn:uuid:${CONTENTS.id}` },
    })
    expect(composition).toMatchObject({
      resourceType: 'Composition',
      status: 'final',
      type: { coding: [{ code: '60591-5' }] },
    })
    expect(composition.subject).toEqual({ reference: bundle.entry[1]?.fullUrl })
  })

  it('has the three sections that every summary has, and says that we know nothing: not that there is nothing', () => {
    const required = composition.section.slice(0, 3)
    expect(required.map(({ code }) => code.coding[0]?.code)).toEqual(['11450-4', '48765-2', '10160-0'])
    for (const section of required) {
      expect(section.emptyReason?.coding[0]?.code).toBe('unavailable')
      expect(section.entry).toBeUndefined()
      expect(section.text.div).toContain('Not held in this system')
    }
  })

  it('puts each record into the section of its kind, and points to its entry', () => {
    const filled = composition.section.slice(3)
    expect(filled.map(({ title, entry }) => [title, entry?.length])).toEqual([
      ['Vital signs', 2],
      ['Results', 2],
      ['Scores', 1],
      ['Reported by the patient', 2],
    ])
    const known = new Set(bundle.entry.map(({ fullUrl }) => fullUrl))
    for (const { entry = [] } of filled) for (const { reference } of entry) expect(known).toContain(reference)
    expect(filled[0]?.text.div).toContain('<p>20-Nov-2026 08:14: Blood pressure 128/82 mmHg</p>')
    expect(filled[1]?.text.div).toContain('&gt; 600 mg/dL')
    expect(filled[3]?.text.div).toContain('(reported by the patient)')
  })

  it('has no section without records, but for those that it must have', () => {
    const empty = JSON.parse(ipsDocument({ ...CONTENTS, records: [] }, NURSE))
    expect(empty.entry[0].resource.section).toHaveLength(3)
  })

  it('holds every text as it was committed to', () => {
    for (const record of CONTENTS.records) expect(text).toContain(`"resource":${record.text}}`)
  })

  it('names every entry however long the narrative would be', () => {
    const [first] = CONTENTS.records
    const records = Array.from({ length: 600 }, (_, i) => ({ ...first!, entryId: i.toString(16).padStart(32, '0') }))
    const { section } = JSON.parse(ipsDocument({ ...CONTENTS, records }, NURSE)).entry[0].resource
    expect(section[3].entry).toHaveLength(600)
    expect(section[3].text.div).toContain('And 100 more.')
  })
})
