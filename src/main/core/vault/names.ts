/**
 * Names of practitioners, as the ledger has them.
 *
 * @packageDocumentation
 */
import { decodePractitioner } from '../../../clinical/practitioner.ts'
import { toHex } from '../../../shared/bytes.ts'
import { ContentMismatch, reliedOnContent, type RecordSources } from '../verify-record.ts'

/** Shown where an enrolment does not verify. */
const UNKNOWN = '?'

/** Name of a practitioner, from the verified enrolment; a question mark when there is none. */
export async function practitionerName(
  clinic: Pick<RecordSources, 'replica' | 'keys'>,
  handle: string,
): Promise<string> {
  const link = clinic.replica.chain(handle).links.findLast(({ type }) => type === 'practitioner.enrolled')
  if (link === undefined) return UNKNOWN
  const name = await reliedOnContent(clinic, {
    subject: handle,
    link,
    read: (text, { entry }) => {
      const { practitioner } = decodePractitioner(text)
      if (practitioner.handle !== toHex(entry.body.subject ?? new Uint8Array()))
        throw new ContentMismatch('the resource is about someone else')
      return practitioner.name
    },
  })
  return name ?? UNKNOWN
}
