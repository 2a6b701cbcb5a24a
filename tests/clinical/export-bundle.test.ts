import { describe, expect, it } from 'vitest'
import { exportBundle } from '../../src/clinical/export-bundle.ts'
import { readImport } from '../../src/clinical/import.ts'
import { codeOf } from '../support/expect-code.ts'
import { CONTENTS, PATIENT } from '../support/exports.ts'

interface Entry {
  fullUrl: string
  resource: { resourceType: string; id?: string } & Record<string, unknown>
}
const bundle = (text: string) => JSON.parse(text) as { type: string; entry: Entry[] }
const text = exportBundle(CONTENTS)
const { entry } = bundle(text)

/** Every reference in a resource that has an address. */
function referencesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, item]) =>
    name === 'reference' && typeof item === 'string' ? [item] : referencesIn(item),
  )
}

describe('an export as a Bundle', () => {
  it('holds every text byte for byte as it was committed to', () => {
    for (const each of [CONTENTS.patient, ...CONTENTS.others, ...CONTENTS.records.map((record) => record.text)]) {
      expect(text.split(`"resource":${each}}`)).toHaveLength(2)
    }
  })

  it('is a collection of the patient, the values, who and what took them, and a provenance for each value', () => {
    expect(bundle(text).type).toBe('collection')
    expect(entry.map(({ resource }) => resource.resourceType)).toEqual([
      'Patient',
      'Practitioner',
      'Device',
      ...[
        'Observation',
        'Observation',
        'Observation',
        'Observation',
        'Observation',
        'Observation',
        'DocumentReference',
      ],
      ...CONTENTS.records.map(() => 'Provenance'),
    ])
  })

  it('gives every resource an address of its own, which ends in its id', () => {
    expect(new Set(entry.map(({ fullUrl }) => fullUrl)).size).toBe(entry.length)
    for (const { fullUrl, resource } of entry) {
      const { resourceType, id } = resource
      expect(fullUrl).toMatch(
        id === undefined ? /^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/ : `${resourceType}/${id}`,
      )
    }
  })

  it('resolves every reference inside it, by the rule of R4 for addresses with one base', () => {
    const known = new Set(entry.map(({ fullUrl }) => fullUrl))
    const base = entry[0]!.fullUrl.slice(0, -`Patient/${PATIENT}`.length)
    for (const { resource } of entry) {
      for (const reference of referencesIn(resource)) {
        expect(known).toContain(/^(?:https?|urn):/.test(reference) ? reference : base + reference)
      }
    }
  })

  it('names the entry, the leaf and the receipt of each value', () => {
    const provenance = entry.find(({ resource }) => resource.resourceType === 'Provenance')
    expect(provenance?.resource).toMatchObject({
      target: [{ reference: entry[3]?.fullUrl }],
      entity: [{ what: { identifier: { value: 'hillside/ward-1/1#1' }, display: 'Receipt receipt-1' } }],
      extension: [{ valueString: CONTENTS.records[0]?.leaf }],
    })
  })

  it('marks test data', () => {
    expect(text).not.toContain('HTEST')
    expect(JSON.parse(exportBundle({ ...CONTENTS, test: true })).meta.security[0].code).toBe('HTEST')
  })

  it('refuses a text that is no resource', () => {
    const broken = (patient: string) => codeOf(() => exportBundle({ ...CONTENTS, patient }))
    expect(broken('{}')).toBe('WRONG_TYPE')
    expect(broken('{')).toBe('NOT_JSON')
    expect(broken('{"resourceType":"Patient"}')).toBe('WRONG_ID')
    expect(broken('{"resourceType":"Patient","id":"a b"}')).toBe('WRONG_ID')
  })

  it('can be taken in elsewhere: the numbers have the same digits', () => {
    const items = readImport(text, { familyName: 'Quillfeather', givenName: 'Ada', birthDate: '1969-03-04' })
    const values = items.flatMap(({ content }) => (content.kind === 'reading' ? content.reading.quantities : []))
    expect(values.map(({ value }) => value)).toEqual(['36.50', '128', '82', '5.50', '600', '71.4'])
  })
})
