// Boots the rig's virtual machine and runs one command in it. The guest's root is the host's, read-only.
import { spawn, spawnSync } from 'node:child_process'
import { copyFileSync, appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { CpioArchive } from './cpio.mjs'
import { inProject } from './project.mjs'
import { QEMU, rigFolder } from './rig-packages.mjs'

const MEMORY_MIB = 640
/** KVM's processor; plain `host` is refused by some nested hosts. */
const KVM_PROCESSOR = 'host,-arch-capabilities'
const KERNEL_LINE = [
  'console=ttyS0',
  'quiet',
  'panic=-1',
  'tsc=reliable',
  'random.trust_cpu=on',
  'mitigations=off',
  'nokaslr',
  'audit=0',
  'no_timer_check',
  'rcupdate.rcu_expedited=1',
]

/**
 * Runs a shell command as root in a new machine.
 *
 * @param {string} command - For busybox sh, on the host's root. Results belong into /run/rig/out.
 * @param {{
 *   env?: Record<string, string>, limitS?: number, onText?: (text: string) => unknown, results?: string[],
 * }} options - Environment of the command; seconds after which the machine is ended; listener to its console; names of
 *   files to be read from /run/rig/out.
 * @returns {Promise<{
 *   code: number | null, text: string, seconds: number, accelerator: string, results: Record<string, string | null>,
 * }>} exit code (null when the command did not come to its end), console text, how long it took, and the files.
 */
export async function runInMachine(command, { env = {}, limitS = 180, onText = () => undefined, results = [] } = {}) {
  const out = mkdtempSync(join(tmpdir(), 'chartseal-rig-'))
  try {
    writeInitrd(out, command, env)
    const accelerator = hasUsefulKvm() ? 'kvm' : 'tcg'
    const ended = await runQemu(machineArguments(out, accelerator, limitS), limitS, onText)
    const read = (name) => (existsSync(join(out, name)) ? readFileSync(join(out, name), 'utf8') : null)
    return { ...ended, accelerator, results: Object.fromEntries(results.map((name) => [name, read(name)])) }
  } finally {
    rmSync(out, { recursive: true, force: true })
  }
}

/** The kernel takes several archives in a row: modules and busybox, then what is of this run. */
function writeInitrd(out, command, env) {
  const own = new CpioArchive()
  const quoted = (value) => `'${String(value).replaceAll("'", "'\\''")}'`
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}\n`)
  own.file('init', readFileSync(inProject('tests', 'rig', 'guest', 'init.sh')), 0o755)
  own.file('modprobe.conf', readFileSync(inProject('resources', 'udev', 'chartseal-modprobe.conf')))
  own.file(
    'job.sh',
    [...exports, `${command}\n`, 'echo "RIG exit $?"\n', '/run/rig/busybox poweroff -f\n'].join(''),
    0o755,
  )
  copyFileSync(join(rigFolder(), 'initrd.cpio'), initrdOf(out))
  appendFileSync(initrdOf(out), own.end())
}

const initrdOf = (out) => join(out, 'initrd.cpio')

function machineArguments(out, accelerator, limitS) {
  const share = (id, path, mode, tag) => [
    ...['-fsdev', `local,id=${id},path=${path},security_model=none${mode}`],
    ...['-device', `virtio-9p-pci,fsdev=${id},mount_tag=${tag}`],
  ]
  return [
    ...['-M', `pc,accel=${accelerator}`, '-cpu', accelerator === 'kvm' ? KVM_PROCESSOR : 'max', '-smp', '1'],
    ...['-m', `${MEMORY_MIB}`, '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-serial', 'stdio'],
    ...['-kernel', join(rigFolder(), 'vmlinux'), '-initrd', initrdOf(out)],
    ...['-append', [...KERNEL_LINE, `rig.limit=${limitS}`].join(' ')],
    ...share('root', '/', ',readonly=on,multidevs=remap', 'hostroot'),
    ...share('out', out, '', 'rigout'),
  ]
}

function runQemu(args, limitS, onText) {
  const startedAt = process.hrtime.bigint()
  const child = spawn(QEMU, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => {
      text += chunk
      onText(chunk)
    })
  }
  const kill = () => child.kill('SIGKILL')
  const timer = setTimeout(kill, limitS * 1000)
  process.once('exit', kill)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => {
      clearTimeout(timer)
      process.off('exit', kill)
      const [, code] = /RIG exit (\d+)/.exec(text) ?? []
      const seconds = Number(process.hrtime.bigint() - startedAt) / 1e9
      resolve({ code: code === undefined ? null : Number(code), text, seconds })
    })
  })
}

let usefulKvm

/**
 * A /dev/kvm may be there and run guests slower than emulation does, so it is tried: a program instead of a BIOS that
 * counts 40 million instructions, which takes milliseconds on a real processor.
 */
function hasUsefulKvm() {
  usefulKvm ??= existsSync('/dev/kvm') && countsFast()
  return usefulKvm
}

const COUNT_LIMIT_MS = 1500
/** mov ecx,20000000; l: dec ecx; jnz l; mov al,11h; out 0f4h,al; hlt */
const COUNTER = [0x66, 0xb9, 0, 0x2d, 0x31, 0x01, 0x66, 0x49, 0x75, 0xfc, 0xb0, 0x11, 0xe6, 0xf4, 0xf4]
/** jmp f000:0000, where a processor starts. */
const RESET_VECTOR = [0xea, 0, 0, 0, 0xf0]
/** What QEMU makes of the 11h. */
const COUNTED = 0x23

function countsFast() {
  const folder = mkdtempSync(join(tmpdir(), 'chartseal-kvm-'))
  const bios = Buffer.alloc(65536, 0xf4)
  Buffer.from(COUNTER).copy(bios)
  Buffer.from(RESET_VECTOR).copy(bios, 0xfff0)
  writeFileSync(join(folder, 'bios'), bios)
  const { status } = spawnSync(
    QEMU,
    [
      ...['-M', 'pc,accel=kvm', '-cpu', KVM_PROCESSOR, '-m', '16', '-nodefaults', '-no-user-config'],
      ...['-display', 'none', '-bios', join(folder, 'bios'), '-device', 'isa-debug-exit,iobase=0xf4,iosize=1'],
    ],
    { timeout: COUNT_LIMIT_MS, killSignal: 'SIGKILL' },
  )
  rmSync(folder, { recursive: true })
  return status === COUNTED
}
