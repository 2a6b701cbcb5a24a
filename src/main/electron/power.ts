import { powerMonitor } from 'electron'

/**
 * Calls `lock` whenever the workstation is left: sleep, screen lock, switching users, shutdown.
 *
 * @param lock - Locks the session.
 */
export function lockWithWorkstation(lock: () => void): void {
  powerMonitor.on('suspend', lock)
  powerMonitor.on('lock-screen', lock)
  powerMonitor.on('user-did-resign-active', lock)
  powerMonitor.on('shutdown', lock)
}
