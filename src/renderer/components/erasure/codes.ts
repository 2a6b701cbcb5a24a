/** Why something is erased, and on whose authority. Codes of the ledger: what is erased must not be said again in words. */
export const REASONS = ['patient-request', 'retention-ended', 'wrong-patient', 'court-order'] as const
/** See {@link REASONS}. */
export const AUTHORITIES = ['gdpr-article-17', 'retention-policy', 'privacy-officer', 'court'] as const
