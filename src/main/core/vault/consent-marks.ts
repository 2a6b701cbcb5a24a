/**
 * How many versions of consents each patient has, as this node remembers beside the keystore.
 *
 * @remarks
 * One memory for every log that patients decide in: those of this node, and of each other node of the site. Two that were
 * read from the same secret would each write it without what the other knows. Proven by
 * `tests/main/core/vault/consent-standing.test.ts` and `tests/main/core/network/workstation-records.test.ts`.
 *
 * @packageDocumentation
 */
import { z } from 'zod'
import type { Keystore } from '../../keystore/keystore.ts'
import { readJson, writeJson } from './identity.ts'

const SECRET = 'consents'
/** `since`: leaf of the grant with which a patient decided anew because nobody could read what held; absent otherwise. */
const Mark = z.object({ count: z.number().int().positive(), since: z.string().optional() })
const Marks = z.record(z.string(), Mark)

/** What is remembered of one patient. */
export type ConsentMark = z.infer<typeof Mark>

/** See the module's comment. */
export class ConsentMarks {
  readonly #secrets: Keystore['secrets']
  #marks: Map<string, ConsentMark> | null = null

  constructor({ secrets }: Pick<Keystore, 'secrets'>) {
    this.#secrets = secrets
  }

  /** What is remembered of a patient by this handle; undefined for nothing. */
  of(handle: string): ConsentMark | undefined {
    return this.#all().get(handle)
  }

  /** Remembers until {@link keep} is called, and then for good. */
  set(handle: string, mark: ConsentMark): void {
    this.#all().set(handle, mark)
  }

  /** Writes everything down. */
  keep(): Promise<void> {
    return writeJson(this.#secrets, SECRET, Object.fromEntries(this.#all()))
  }

  #all(): Map<string, ConsentMark> {
    this.#marks ??= new Map(Object.entries(Marks.parse(readJson(this.#secrets, SECRET) ?? {})))
    return this.#marks
  }
}
