// Writes newc cpio archives, which is what a Linux kernel unpacks as its first root. Several may follow each other in one file.
import { posix } from 'node:path'

const FILE = 0o100000
const FOLDER = 0o40000
const LINK = 0o120000
const BLOCK = 512

/** Collects entries; `end` gives the archive. Folders above an entry are made by themselves. */
export class CpioArchive {
  #chunks = []
  #names = new Set()

  folder(name) {
    if (name === '.' || this.#names.has(name)) return
    this.#add(name, FOLDER | 0o755)
  }

  file(name, bytes, mode = 0o644) {
    if (!this.#names.has(name)) this.#add(name, FILE | mode, Buffer.from(bytes))
  }

  link(name, target) {
    this.#add(name, LINK | 0o777, Buffer.from(target))
  }

  end() {
    this.#append('TRAILER!!!', 0, Buffer.alloc(0))
    const bytes = Buffer.concat(this.#chunks)
    return Buffer.concat([bytes, Buffer.alloc(padding(bytes.length, BLOCK))])
  }

  #add(name, mode, bytes = Buffer.alloc(0)) {
    this.folder(posix.dirname(name))
    this.#names.add(name)
    this.#append(name, mode, bytes)
  }

  #append(name, mode, bytes) {
    const nameBytes = Buffer.from(`${name}\0`)
    const inode = this.#names.size
    const fields = [inode, mode, 0, 0, 1, 0, bytes.length, 0, 0, 0, 0, nameBytes.length, 0]
    const head = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`)
    const afterName = Buffer.alloc(padding(head.length + nameBytes.length, 4))
    this.#chunks.push(head, nameBytes, afterName, bytes, Buffer.alloc(padding(bytes.length, 4)))
  }
}

const padding = (length, to) => (to - (length % to)) % to
