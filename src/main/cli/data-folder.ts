import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defaultDataFolder } from '../shell/data-folder.ts'
import { surroundings } from '../shell/surroundings.ts'
import { pathOf } from './command.ts'

/** The data folder that is meant: the usual one when none is named. */
export function dataFolderOf(data: string | undefined): string {
  return data === undefined ? defaultDataFolder(surroundings(), false) : pathOf(data)
}

/** The database of a data folder: of its clinic, or else of the demonstration in it. */
export function databaseIn(data: string | undefined): string {
  const folder = dataFolderOf(data)
  const places = [join(folder, 'clinic', 'ledger.db'), join(folder, 'demo', 'clinic', 'ledger.db')]
  return places.find((place) => existsSync(place)) ?? join(folder, 'clinic', 'ledger.db')
}

/** The network id that the keystore of a data folder pins, as 64 hexadecimal digits; null when there is none to read. */
export function pinnedNetwork(data: string | undefined): string | null {
  try {
    const text = readFileSync(join(dataFolderOf(data), 'clinic', 'keystore', 'network-id'), 'utf8')
    return /^[0-9a-f]{64}\n$/.test(text) ? text.trim() : null
  } catch {
    // No clinic here, or none that this user may read: the same as no anchor.
    return null
  }
}
