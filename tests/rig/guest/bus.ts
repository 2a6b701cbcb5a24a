import { fork, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { BusOrder, BusReply, SentReport } from './bus-protocol.ts'

/** The process with the virtual devices, from the side of whoever plugs them. */
export class Bus {
  private readonly child: ChildProcess
  private readonly replies = new Map<number, (reply: BusReply) => void>()
  private asked = 0

  private constructor(child: ChildProcess) {
    this.child = child
    child.on('message', (message) => {
      const reply = message as BusReply
      this.replies.get(reply.number)?.(reply)
      this.replies.delete(reply.number)
    })
  }

  /** Resolves when the process takes orders. */
  static async start(): Promise<Bus> {
    const bus = new Bus(fork(join(import.meta.dirname, 'bus-process.ts')))
    await new Promise<BusReply>((resolve) => bus.replies.set(0, resolve))
    return bus
  }

  /** Resolves when it is done; for `sent` to the reports. */
  async order(order: BusOrder): Promise<SentReport[]> {
    this.asked += 1
    const number = this.asked
    if (!this.child.connected) throw new Error('the process with the devices has ended')
    const replied = new Promise<BusReply>((resolve) => this.replies.set(number, resolve))
    this.child.send({ number, order })
    const { error, sent } = await replied
    if (error !== null) throw new Error(error)
    return sent
  }

  stop(): void {
    this.child.kill('SIGKILL')
  }
}
