import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Root of the unpacked packages. */
const USERLAND = process.env.RIG_USERLAND ?? '/'
const LIBRARIES = ['lib', 'usr/lib'].map((folder) => join(USERLAND, folder, 'x86_64-linux-gnu')).join(':')
const RULES = '/run/udev/rules.d'
const SEATS = '/run/systemd/seats'
/** What systemd's own 73-seat-late.rules does with the tag. */
const SEAT_LATE = 'TAG=="uaccess", ENV{MAJOR}!="", RUN{builtin}+="uaccess"\n'

function udev(program: string, ...args: string[]): void {
  const env = { ...process.env, LD_LIBRARY_PATH: LIBRARIES }
  const { status, stderr } = spawnSync(program, args, { env, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${stderr}`)
}

const udevadm = (): string =>
  ['bin', 'usr/bin'].map((folder) => join(USERLAND, folder, 'udevadm')).find((file) => existsSync(file)) ?? ''

/** Starts udev with `rulesFile`, with the user `uid` at the seat, and lets it look at what is plugged in. */
export function startUdev(rulesFile: string, uid: number): void {
  mkdirSync(RULES, { recursive: true })
  mkdirSync(SEATS, { recursive: true })
  cpSync(rulesFile, join(RULES, '70-chartseal.rules'))
  writeFileSync(join(RULES, '73-seat-late.rules'), SEAT_LATE)
  writeFileSync(join(SEATS, 'seat0'), `IS_SEAT0=1\nCAN_MULTI_SESSION=1\nCAN_TTY=1\nACTIVE=1\nACTIVE_UID=${uid}\n`)
  // One program under two names.
  symlinkSync(udevadm(), '/run/rig/systemd-udevd')
  udev('/run/rig/systemd-udevd', '--daemon')
  udev(udevadm(), 'trigger', '--action=add', '--subsystem-match=hidraw', '--settle')
}
