// Makes the rig's kernel and first root out of unpacked Debian packages: no root, no cpio, no depmod.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { inProject, ScriptError } from './project.mjs'
import { CpioArchive } from './cpio.mjs'

/** Modules the guest loads, by the name of the list it loads them with. */
const MODULES = {
  base: ['virtio_pci', '9pnet_virtio', '9p'],
  usb: ['vhci_hcd', 'usbhid', 'hid_generic'],
}
const LARGEST_FILE = 1 << 28
const SOURCES = ['cpio.mjs', 'rig-image.mjs', 'rig-packages.mjs']

/** Changes when the image has to be made anew. */
export function imageVersion() {
  const hash = createHash('sha256')
  for (const name of SOURCES) hash.update(readFileSync(inProject('scripts', 'lib', name)))
  return hash.digest('hex')
}

/**
 * Makes `vmlinux` and `initrd.cpio`.
 *
 * @param folder - With the packages unpacked in `kernel` and `userland`.
 */
export function buildImage(folder) {
  const archive = new CpioArchive()
  for (const name of ['proc', 'sys', 'dev', 'run', 'mnt']) archive.folder(name)
  archive.file('bin/busybox', readFileSync(busyboxOf(folder)), 0o755)
  archive.link('bin/sh', 'busybox')
  const modules = new ModuleTree(join(folder, 'kernel'))
  for (const [list, names] of Object.entries(MODULES)) {
    const order = modules.inOrder(names)
    for (const file of order) archive.file(`mod/${nameOf(file)}`, modules.bytesOf(file))
    archive.file(`mod/${list}.order`, order.map((file) => `${nameOf(file)}\n`).join(''))
  }
  writeFileSync(join(folder, 'initrd.cpio'), archive.end())
  writeFileSync(join(folder, 'vmlinux'), unpackedKernel(join(folder, 'kernel', 'boot')))
}

/** Debian has moved its programs below usr. */
function busyboxOf(folder) {
  const found = ['bin', 'usr/bin']
    .map((bin) => join(folder, 'userland', bin, 'busybox'))
    .find((file) => existsSync(file))
  if (found === undefined) throw new ScriptError('no busybox in its package')
  return found
}

const nameOf = (file) => basename(file).replace(/\.xz$/, '')

/** A kernel's modules; what needs what is written in the modules themselves. */
class ModuleTree {
  #files = new Map()
  #bytes = new Map()

  constructor(kernel) {
    const top = ['lib/modules', 'usr/lib/modules']
      .map((folder) => join(kernel, folder))
      .find((folder) => existsSync(folder))
    if (top === undefined) throw new ScriptError('no modules in the kernel package')
    for (const entry of readdirSync(top, { recursive: true })) {
      const [, name] = /([^/]+)\.ko(?:\.xz)?$/.exec(entry) ?? []
      if (name !== undefined) this.#files.set(name.replaceAll('-', '_'), join(top, entry))
    }
  }

  /** Files of `names` and all they need, each after what it needs. Built-in ones have no file. */
  inOrder(names) {
    const order = new Set()
    const add = (name) => {
      const file = this.#files.get(name.replaceAll('-', '_'))
      if (file === undefined || order.has(file)) return
      for (const needed of this.#neededBy(file)) add(needed)
      order.add(file)
    }
    for (const name of names) add(name)
    return [...order]
  }

  bytesOf(file) {
    const bytes = this.#bytes.get(file) ?? (file.endsWith('.xz') ? unxz(file) : readFileSync(file))
    this.#bytes.set(file, bytes)
    return bytes
  }

  #neededBy(file) {
    const text = this.bytesOf(file).toString('latin1')
    return ['depends=', 'softdep=pre: '].flatMap((key) => {
      const [, names = ''] = new RegExp(`\0${key}([^\0]*)`).exec(text) ?? []
      return names.split(/[ ,]/).filter((name) => name !== '')
    })
  }
}

const unxz = (file) => execFileSync('xz', ['-dc', file], { maxBuffer: LARGEST_FILE })

/** The kernel without its shell: booted directly, it spares an emulated machine seconds of unpacking. */
function unpackedKernel(boot) {
  const file = readdirSync(boot).find((name) => name.startsWith('vmlinuz'))
  const bytes = readFileSync(join(boot, file))
  // Linux/x86 boot protocol: setup_sects at 0x1f1, payload_offset at 0x248, payload_length at 0x24c.
  const start = ((bytes[0x1f1] || 4) + 1) * 512 + bytes.readUInt32LE(0x248)
  const payload = bytes.subarray(start, start + bytes.readUInt32LE(0x24c))
  const isXz = payload.readUInt32BE(0) === 0xfd377a58
  // Behind the xz stream stands its unpacked length.
  return isXz
    ? execFileSync('xz', ['-dc', '--single-stream'], { input: payload.subarray(0, -4), maxBuffer: LARGEST_FILE })
    : bytes
}
