// Gets what the rig's virtual machine is made of: QEMU from the system, a Debian kernel, busybox and udev as unpacked packages.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { exclusively } from './lock.mjs'
import { inProject, run, say, ScriptError } from './project.mjs'
import { buildImage, imageVersion } from './rig-image.mjs'
import { installPackages, onPath } from './system.mjs'

const KERNEL = 'linux-image-amd64'
/** busybox is the guest's only program of its own; udevd and what it loads are for the rules. */
const USERLAND = [
  'busybox-static',
  'udev',
  'libkmod2',
  'libacl1',
  'libblkid1',
  'libcap2',
  'libselinux1',
  'libpcre2-8-0',
  'libudev1',
]
/** Of the kernel package, which is ten times larger. */
const KERNEL_PARTS = ['hid', 'virtio', 'usb'].map((folder) => `*/kernel/drivers/${folder}/*`)
const KERNEL_FILES = ['./boot/vmlinuz*', ...KERNEL_PARTS, '*/kernel/fs/*', '*/kernel/net/9p/*']

const NOT_HERE = 'needs Linux on x64'

/** Where the rig's downloads are. */
export const rigFolder = () => process.env.CHARTSEAL_RIG_CACHE ?? inProject('.cache', 'rig')

/** Program that emulates the machine. */
export const QEMU = 'qemu-system-x86_64'

/** Why the rig cannot be started now, or null. Looks only. */
export function missingRig() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return NOT_HERE
  if (process.env.CHARTSEAL_RIG_MISSING) return process.env.CHARTSEAL_RIG_MISSING
  return isReady() && onPath(QEMU) !== null ? null : 'needs the rig (npm run test:rig prepares it)'
}

/**
 * Brings the rig up to date, installing QEMU where that is possible.
 *
 * @returns {Promise<string | null>} why there can be no rig on this machine, or null.
 */
export async function ensureRig() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return NOT_HERE
  if (isReady() && onPath(QEMU) !== null) return null
  try {
    await ensurePrograms()
    await exclusively(async () => {
      if (!isReady()) await prepare()
    })
    return null
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error
    return error.message.trim().replaceAll('\n', ' ')
  }
}

async function ensurePrograms() {
  if (['apt-get', 'apt-cache', 'dpkg-deb'].some((name) => onPath(name) === null)) {
    throw new ScriptError('needs the packages of Debian')
  }
  const missing = [
    ['qemu-system-x86', QEMU],
    ['xz-utils', 'xz'],
  ].filter(([, program]) => onPath(program) === null)
  const names = missing.map(([debian]) => debian)
  if (names.length === 0) return
  if (process.getuid() !== 0)
    throw new ScriptError(`needs ${names.join(', ')} (sudo apt-get install ${names.join(' ')})`)
  await installPackages(names)
}

const stampFile = () => join(rigFolder(), 'stamp')

function isReady() {
  return existsSync(stampFile()) && readFileSync(stampFile(), 'utf8') === imageVersion()
}

async function prepare() {
  say('preparing the device rig (once; 75 MB of Debian packages)')
  const folder = rigFolder()
  rmSync(folder, { recursive: true, force: true })
  const [debs, kernel, userland] = ['debs', 'kernel', 'userland'].map((name) => join(folder, name))
  for (const one of [debs, kernel, userland]) mkdirSync(one, { recursive: true })
  const kernelPackage = await newestKernel()
  await must('apt-get', ['-o', 'APT::Sandbox::User=root', 'download', kernelPackage, ...USERLAND], debs)
  for (const file of readdirSync(debs)) {
    if (file.startsWith(`${kernelPackage}_`)) await unpackKernel(join(debs, file), kernel)
    else await must('dpkg-deb', ['-x', join(debs, file), userland])
  }
  buildImage(folder)
  for (const one of [debs, kernel]) rmSync(one, { recursive: true })
  writeFileSync(stampFile(), imageVersion())
}

/** The package that the newest kernel's name stands for. */
async function newestKernel() {
  const depends = async () =>
    (await must('apt-cache', ['depends', '--no-recommends', KERNEL])).match(/Depends: (linux-image-\S+)/)
  const found = (await depends().catch(() => null)) ?? (await refreshed(depends))
  if (found === null) throw new ScriptError(`needs the package ${KERNEL}`)
  return found[1]
}

async function refreshed(again) {
  if (process.getuid() !== 0) return null
  await must('apt-get', ['update', '-qq'])
  return again()
}

async function unpackKernel(deb, folder) {
  // tar complains about patterns that match nothing: where modules are differs between releases.
  const unpack = `dpkg-deb --fsys-tarfile "$1" | tar -x -C "$2" --wildcards ${KERNEL_FILES.map((part) => `'${part}'`).join(' ')}`
  await run('sh', ['-c', unpack, 'unpack', deb, folder], { quiet: true })
}

async function must(program, args, cwd) {
  const { code, output } = await run(program, args, { quiet: true, ...(cwd === undefined ? {} : { cwd }) })
  if (code !== 0) throw new ScriptError(`${program} ${args[0]} failed: ${output.trim().split('\n').at(-1)}`)
  return output
}
