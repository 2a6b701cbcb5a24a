/**
 * How this node reaches others and is reached, as IT set it: kept in the keystore, because who reads the database needs to
 * know nothing of it.
 *
 * @packageDocumentation
 */
import type { z } from 'zod'
import { NetworkSettings } from '../../../shared/api/network-schemas.ts'
import type { Secrets } from '../../keystore/secrets.ts'
import { readJson, writeJson } from '../vault/identity.ts'

const SECRET = 'network-settings'
/** Custodians are kept with what is disclosed to them. */
const Kept = NetworkSettings.omit({ custodians: true })
export type KeptSettings = z.infer<typeof Kept>

/** The port that a node listens on until somebody says otherwise. */
export const DEFAULT_PORT = 4101

const DEFAULT: KeptSettings = { port: DEFAULT_PORT, discovery: true, relay: false, announce: [], peers: [] }

/** The settings in a keystore; what is usual where there are none. */
export function readSettings(secrets: Pick<Secrets, 'get'>): KeptSettings {
  const kept = Kept.safeParse(readJson(secrets as Secrets, SECRET) ?? DEFAULT)
  return kept.success ? kept.data : DEFAULT
}

/** Durable when the promise resolves. */
export async function writeSettings(secrets: Secrets, settings: KeptSettings): Promise<void> {
  await writeJson(secrets, SECRET, settings)
}
