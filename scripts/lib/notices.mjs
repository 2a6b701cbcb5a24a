// Writes the licences of everything that ships: packages used at run time, packages bundled into the window, code tables.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inProject } from './project.mjs'

// Node and Electron carry their own licence files with their binaries.
const NOT_OURS_TO_NOTICE = /^(node-(bin-)?(linux|darwin|win)-|electron$)/
const LICENCE_FILE = /^(licen[cs]e|copying|notice|ofl)([.-].*)?$/i

/** Writes one text file: name, version, licence and its text for each package, then the notices of resources/notices. */
export function writeNotices(file) {
  const lock = JSON.parse(readFileSync(inProject('package-lock.json'), 'utf8')).packages
  const sections = [...shippedPackages(lock)].sort().map((name) => packageNotice(name, lock[`node_modules/${name}`]))
  writeFileSync(file, [INTRODUCTION, ...tableNotices(), ...sections].join(`\n${'-'.repeat(80)}\n\n`))
}

const INTRODUCTION = 'Chartseal includes the following third-party work, each under its own terms.\n'

/** Names of the packages that run with the application: imported by src/, and whatever those need. */
export function shippedPackages(lock) {
  const names = new Set()
  const queue = [...importedPackages()].filter((name) => `node_modules/${name}` in lock)
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (names.has(name) || NOT_OURS_TO_NOTICE.test(name)) continue
    names.add(name)
    const { dependencies = {}, optionalDependencies = {} } = lock[`node_modules/${name}`] ?? {}
    queue.push(
      ...Object.keys({ ...dependencies, ...optionalDependencies }).filter((next) => `node_modules/${next}` in lock),
    )
  }
  return names
}

function importedPackages() {
  const names = new Set()
  for (const entry of readdirSync(inProject('src'), { recursive: true, encoding: 'utf8' })) {
    if (!/\.(ts|vue|css)$/.test(entry)) continue
    const text = readFileSync(inProject('src', entry), 'utf8')
    for (const [, specifier] of text.matchAll(/(?:from|import)\s*\(?\s*['"]([^.'"][^'"]*)['"]/g)) {
      const [scope, name] = specifier.split('/')
      names.add(scope.startsWith('@') ? `${scope}/${name}` : scope)
    }
  }
  return names
}

function packageNotice(name, { version, license = 'see text' }) {
  const folder = inProject('node_modules', name)
  const texts = readdirSync(folder)
    .filter((entry) => LICENCE_FILE.test(entry))
    .sort()
    .map((entry) => readFileSync(join(folder, entry), 'utf8').trim())
  return `${name} ${version}\nLicence: ${license}\n\n${texts.join('\n\n') || withoutText(license)}\n`
}

/** Where a package leaves the choice, we choose the licence whose text ships with us. */
function withoutText(license) {
  const none = 'The package carries no licence text of its own.'
  const isApache = license.split(/[ ()]+/).includes('Apache-2.0')
  return isApache ? `${none} It is used under the Apache License, Version 2.0: the file LICENSE has its text.` : none
}

function tableNotices() {
  const folder = inProject('resources', 'notices')
  return readdirSync(folder)
    .filter((name) => name.endsWith('.txt'))
    .sort()
    .map((name) => `${readFileSync(join(folder, name), 'utf8').trim()}\n`)
}
