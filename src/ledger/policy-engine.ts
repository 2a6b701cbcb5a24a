/**
 * The one question the ledger asks about a policy: does this document allow this request?
 *
 * @remarks
 * Whatever decides what the ledger accepts must come to the same verdict on every shell, so the evaluator of the
 * policy language is one implementation, handed in through this port. Requests hold words and numbers only: what
 * somebody's signature is worth was counted before. Proven by `tests/main/core/policy-engine.test.ts`.
 *
 * @packageDocumentation
 */

/** What a policy of a document is about. */
export interface PolicyInfo {
  /** Annotation `@id`, unique in the document. */
  readonly id: string
  readonly effect: 'permit' | 'forbid'
  /** Annotation `@advice`: what to tell whoever is refused because of it. */
  readonly advice: string
  /** Actions that its head names; null when it is about any. */
  readonly actions: readonly string[] | null
  /** Kind of principal that its head names; null when it is about any. */
  readonly principal: string | null
  /** Id of the resource that its head names; null when it is about any. */
  readonly resource: string | null
}

/** Something of one of the kinds of the language's schema. */
export interface PolicyEntity {
  readonly type: string
  readonly id: string
}

/** One thing that somebody wants to do. */
export interface PolicyRequest {
  readonly principal: PolicyEntity
  readonly action: string
  readonly resource: PolicyEntity
  readonly context: Readonly<Record<string, number | boolean | PolicyEntity>>
}

/** What the policies say. */
export interface PolicyVerdict {
  /** False also when a policy could not be evaluated. */
  readonly allowed: boolean
  /** Ids of the policies that decided, in the order of the document. Empty when none permits. */
  readonly reasons: readonly string[]
}

/** A document that was read and checked. */
export interface PolicySet {
  /** In the order of the document. */
  readonly policies: readonly PolicyInfo[]
  /** A pure function of document and request. */
  decide(request: PolicyRequest): PolicyVerdict
}

/** Reads documents of one version of the language. */
export interface PolicyEngine {
  /**
   * Reads a document and checks it against the schema of the language.
   *
   * @param text - Untrusted; within the limits of `contract.ts`.
   * @returns The policies, or why it is not a document of the language. Never throws on any text.
   */
  read(text: string): PolicySet | { readonly problem: string }
}
