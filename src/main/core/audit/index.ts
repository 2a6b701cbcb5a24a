/** What can be done with a replica file without keys, for the command line. */
import { openReadOnly } from '../../store/open-read-only.ts'
import { auditReplica, type AuditTotals } from './audit-replica.ts'
import { type ExportedLog, exportLog } from './export-log.ts'
import type { AuditFinding } from './finding.ts'

/**
 * Audits a replica file. See `auditReplica`.
 *
 * @param path - Of the database, absolute.
 * @param network - Network id, 32 bytes.
 * @param report - Gets each finding when it is found.
 * @throws StoreError for a file that cannot be read as a replica.
 */
export function auditReplicaFile(
  path: string,
  network: Uint8Array,
  report: (finding: AuditFinding) => void,
): AuditTotals {
  const file = openReadOnly(path)
  try {
    const run = auditReplica(file, network)
    for (let step = run.next(); ; step = run.next()) {
      if (step.done === true) return step.value
      report(step.value)
    }
  } finally {
    file.close()
  }
}

/**
 * Exports a log of a replica file. See `exportLog`.
 *
 * @param path - Of the database, absolute.
 * @param folder - Absolute.
 */
export function exportLogOfFile(path: string, origin: string, folder: string): ExportedLog {
  const file = openReadOnly(path)
  try {
    return exportLog(file, origin, folder)
  } finally {
    file.close()
  }
}
