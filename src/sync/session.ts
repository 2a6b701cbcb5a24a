/**
 * One peer: greeting, requests in both directions, and the limits it is held to.
 *
 * @remarks
 * Answers are made one after another and only while the wire takes more, so a peer that does not read costs nothing but
 * its queue. What a message means is for others; here it is only whether it may come. Proven by
 * `tests/sync/session.test.ts` and, with peers that keep to nothing, by `tests/sync/hostile-session.test.ts`.
 *
 * @packageDocumentation
 */
import { assert } from '../shared/errors.ts'
import { Allowance, costOf } from './allowance.ts'
import { decodeMessage, encodeMessage } from './codec.ts'
import { SyncError, type SyncErrorCode } from './errors.ts'
import {
  ANSWER_TIMEOUT_MS,
  HELLO_TIMEOUT_MS,
  MAX_BAD_ANSWERS,
  MAX_QUEUED,
  MAX_WANT_BYTES,
  MAX_WANTS,
} from './limits.ts'
import type { HaveLog, Hello, Message, MessageKind, MessageOf, RefusalCode } from './messages.ts'
import type { PeerIdentity, Wire } from './ports.ts'

/** Messages that ask for something and are answered in turn. */
const REQUESTS = [
  'want-entries',
  'want-cosignature',
  'want-payloads',
  'want-monitor',
  'want-consistency',
  'join-request',
] as const satisfies readonly MessageKind[]
/** Messages that answer a request. */
const ANSWERS = [
  'entries',
  'cosigned',
  'payloads',
  'monitored',
  'consistency',
  'join-answer',
  'error',
] as const satisfies readonly MessageKind[]
/** All that somebody without a place in the roster may say. */
const FOR_GUESTS: readonly MessageKind[] = ['hello', 'join-request', 'bye']
/** What a node that sees hashes alone may say. It writes no log, and whoever asks for entries is none. */
const FOR_WITNESSES: readonly MessageKind[] = [
  'hello',
  'have',
  'heads',
  'announce',
  'cosigned',
  'evidence',
  'monitored',
  'governance',
  'want-consistency',
  'error',
  'clone',
  'bye',
]
/** Most frames of answers that are made before others get their turn: two packages of entries. */
const FRAMES_PER_TURN = 4

/** Bytes of entries that are asked for before anything is known of the link, and at least. */
const FIRST_WANT_BYTES = 256 * 1024
const LEAST_WANT_BYTES = 32 * 1024

/** A request of the peer. */
export type Request = MessageOf<(typeof REQUESTS)[number]>
/** An answer of the peer to a request of ours. */
export type Answer = MessageOf<(typeof ANSWERS)[number]>
/** Anything else that may come after the greeting. */
export type Telling = Exclude<Message, Request | Answer | Hello | { readonly kind: 'bye' }>

/** Why no answer came. */
export type AskFailure = RefusalCode | 'TIMED_OUT' | 'GONE'

/** What is done with the answer to a request of ours. */
export interface Asking {
  /** Counts as one of the {@link MAX_WANTS} that bound what is on its way. */
  readonly isWant: boolean
  readonly expects: Answer['kind']
  /** Returns true when the answer is complete. May throw {@link SyncError} `BAD_ANSWER`. */
  readonly part: (answer: Answer) => boolean
  /** Called at most once, and never after the answer was complete. */
  readonly failed: (why: AskFailure) => void
  /** Milliseconds until the whole answer must be there. Each part must also come within {@link ANSWER_TIMEOUT_MS}. */
  readonly wholeMs?: number
}

interface OpenAsk extends Asking {
  readonly wholeDeadlineMs: number
  /** When the next part must be there. */
  deadlineMs: number
  /** Nobody waits for the answer any more, but it may still come. */
  isAbandoned: boolean
}

/** A request without its number. */
type Numberless<Kind extends Request> = Kind extends Request ? Omit<Kind, 'req'> : never

/** What the node does when a peer says something that it may. */
export interface SessionHandler {
  /** Both hellos were exchanged. May throw {@link SyncError} to refuse the peer. */
  greeted(session: Session, hello: Hello): void
  told(session: Session, message: Telling): void
  /** Answers a request: the messages to send, made one by one as the wire takes them. */
  answer(session: Session, request: Request): Iterator<Message>
  /** Called once, when the session is over. `why` is null when the other side ended it or the link broke. */
  closed(session: Session, why: SyncErrorCode | null): void
}

/** A conversation with one peer, over one stream. */
export class Session {
  readonly who: PeerIdentity
  /** What the peer is known to have of each log. Kept by the gossip; only of logs that a roster lists. */
  readonly known = new Map<string, Omit<HaveLog, 'origin'>>()
  readonly #wire: Wire
  readonly #handler: SessionHandler
  readonly #allowance: Allowance
  readonly #asks = new Map<number, OpenAsk>()
  readonly #queue: Request[] = []
  /** Our own messages that wait for the wire. Few: whoever has much to say asks {@link canWrite} first. */
  readonly #outbox: Message[] = []
  readonly #startedMs: number
  /** Until when the peer is not asked about a log. */
  readonly #distrust = new Map<string, number>()
  #current: Iterator<Message> | null = null
  #hello: Hello | null = null
  #isWritable = true
  #isClosed = false
  #isIntroduced = false
  #nextReq = 1
  #badAnswers = 0
  #wantBytes = FIRST_WANT_BYTES
  #heardMs: number

  constructor(who: PeerIdentity, wire: Wire, handler: SessionHandler, nowMs: number) {
    this.who = who
    this.#wire = wire
    this.#handler = handler
    this.#allowance = new Allowance(nowMs)
    this.#startedMs = nowMs
    this.#heardMs = nowMs
  }

  /** The peer's hello; null before it came. */
  get hello(): Hello | null {
    return this.#hello
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** True when the peer said how far it has logs: before, it is not asked to cosign. */
  get isIntroduced(): boolean {
    return this.#isIntroduced
  }

  /** The peer said so. */
  introduced(): void {
    this.#isIntroduced = true
  }

  /** True when the greeting is done and the wire takes more: the time to say what nobody asked for. */
  canWrite(): boolean {
    return this.#isWritable && this.#hello !== null && !this.#isClosed && this.#outbox.length === 0
  }

  /** True when the peer may be asked for data. */
  get hasCredit(): boolean {
    return this.canWrite() && this.openWants < MAX_WANTS
  }

  /** Wants that were asked and not answered in full, those included that nobody waits for any more. */
  get openWants(): number {
    return [...this.#asks.values()].filter((ask) => ask.isWant).length
  }

  /** Bytes that one request for entries asks of this peer: fewer, the slower it is. */
  get wantBytes(): number {
    return this.#wantBytes
  }

  /** An answer came in time. */
  faster(): void {
    this.#wantBytes = Math.min(MAX_WANT_BYTES, this.#wantBytes * 2)
  }

  /** An answer did not. */
  slower(): void {
    this.#wantBytes = Math.max(LEAST_WANT_BYTES, this.#wantBytes / 2)
  }

  /** When the peer was heard last, by the clock that is handed in. */
  get heardMs(): number {
    return this.#heardMs
  }

  /** Says something, now or as soon as the wire takes it. */
  send(message: Message): void {
    if (this.#isClosed) return
    this.#outbox.push(message)
    this.#flush()
  }

  /**
   * Asks for something.
   *
   * @param request - Without its number.
   * @param asking - What becomes of the answer.
   * @param nowMs - By the clock of all sessions.
   */
  ask(request: Numberless<Request>, asking: Asking, nowMs: number): void {
    assert(!this.#isClosed && (!asking.isWant || this.hasCredit), 'asked within the credits')
    const req = this.#nextReq++
    const wholeDeadlineMs = nowMs + (asking.wholeMs ?? ANSWER_TIMEOUT_MS)
    const deadlineMs = asking.isWant ? nowMs + ANSWER_TIMEOUT_MS : wholeDeadlineMs
    this.#asks.set(req, { ...asking, wholeDeadlineMs, deadlineMs, isAbandoned: false })
    this.send({ ...request, req })
  }

  /** Takes one message of the peer. Never throws for anything that the peer can cause: it hangs up. */
  receive(bytes: Uint8Array, nowMs: number): void {
    if (this.#isClosed) return
    this.#heardMs = nowMs
    this.#guarded(() => {
      const message = decodeMessage(bytes)
      this.#dispatch(message, bytes.length, nowMs)
    })
    this.pump()
  }

  /** The wire takes more again. */
  drained(): void {
    if (this.#isClosed) return
    this.#isWritable = true
    this.pump()
  }

  /** Lets time pass: asks that took too long fail, and a peer that says nothing is hung up on. */
  tick(nowMs: number): void {
    if (this.#isClosed) return
    if (this.#hello === null && nowMs - this.#startedMs > HELLO_TIMEOUT_MS) {
      this.close('NO_HELLO')
      return
    }
    for (const ask of this.#asks.values()) {
      if (ask.isAbandoned || Math.min(ask.deadlineMs, ask.wholeDeadlineMs) > nowMs) continue
      ask.isAbandoned = true
      ask.failed('TIMED_OUT')
    }
    this.pump()
  }

  /** Remembers a bad answer about a log: others are asked first, and after many of them the peer is hung up on. */
  blame(origin: string, untilMs: number): void {
    this.#distrust.set(origin, untilMs)
    this.#badAnswers += 1
    if (this.#badAnswers >= MAX_BAD_ANSWERS) this.close('BAD_ANSWER')
  }

  /** Does not ask the peer about a log for a while; it may have had a reason. */
  avoid(origin: string, untilMs: number): void {
    this.#distrust.set(origin, untilMs)
  }

  /** True when the peer may be asked about a log. */
  isTrustedWith(origin: string, nowMs: number): boolean {
    return (this.#distrust.get(origin) ?? -Infinity) <= nowMs
  }

  /** Ends the session. `why` is null when nobody did anything wrong. */
  close(why: SyncErrorCode | null): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#queue.length = this.#outbox.length = 0
    this.#current = null
    this.#wire.close()
    this.#end(why)
  }

  /** The link is gone. */
  lost(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#queue.length = this.#outbox.length = 0
    this.#current = null
    this.#end(null)
  }

  /** Sends what waits, and answers requests while the wire takes it. */
  pump(): void {
    this.#flush()
    for (let frames = 0; frames < FRAMES_PER_TURN && this.mayAnswer(); frames++) this.#answerOnce()
  }

  /** True when the peer waits for an answer and the wire takes it: {@link pump} goes on with it. */
  mayAnswer(): boolean {
    return this.#isWritable && !this.#isClosed && (this.#current !== null || this.#queue.length > 0)
  }

  #answerOnce(): void {
    this.#guarded(() => {
      if (this.#current === null) {
        const request = this.#queue.shift()
        assert(request !== undefined, 'there is a request')
        this.#current = this.#handler.answer(this, request)
      }
      const step = this.#current.next()
      if (step.done === true) this.#current = null
      else this.send(step.value)
    })
  }

  #flush(): void {
    while (this.#isWritable && !this.#isClosed) {
      const message = this.#outbox.shift()
      if (message === undefined) return
      this.#isWritable = this.#wire.send(encodeMessage(message))
    }
  }

  #dispatch(message: Message, length: number, nowMs: number): void {
    if (!mayComeFrom(this.who, message.kind)) throw outOfTurn(message)
    if (message.kind === 'hello') {
      if (this.#hello !== null) throw outOfTurn(message)
      this.#hello = message
      this.#handler.greeted(this, message)
      return
    }
    if (this.#hello === null && message.kind !== 'bye') throw outOfTurn(message)
    if (isAnswer(message)) this.#take(message, length, nowMs)
    else {
      this.#charge(message, length, nowMs)
      if (message.kind === 'bye') this.close(null)
      else if (isRequest(message)) this.#enqueue(message)
      else this.#handler.told(this, message)
    }
  }

  #charge(message: Message, length: number, nowMs: number): void {
    if (!this.#allowance.take(costOf(message, length), nowMs)) throw new SyncError('FLOOD', message.kind)
  }

  #enqueue(request: Request): void {
    if (this.#queue.length >= MAX_QUEUED) throw new SyncError('TOO_MANY_REQUESTS', request.kind)
    this.#queue.push(request)
  }

  #take(answer: Answer, length: number, nowMs: number): void {
    const ask = this.#asks.get(answer.req)
    if (ask === undefined || (answer.kind !== 'error' && answer.kind !== ask.expects)) throw outOfTurn(answer)
    // An answer that comes too late is listened to no more than anything else that nobody waits for.
    if (ask.isAbandoned) this.#charge(answer, length, nowMs)
    ask.deadlineMs = nowMs + ANSWER_TIMEOUT_MS
    if (answer.kind === 'error') {
      this.#asks.delete(answer.req)
      if (!ask.isAbandoned) ask.failed(answer.code)
      return
    }
    if (ask.isAbandoned ? isLastPart(answer) : ask.part(answer)) this.#asks.delete(answer.req)
  }

  /** Ends the session when what runs finds that the peer does not keep to the protocol. */
  #guarded(run: () => void): void {
    try {
      run()
    } catch (error) {
      if (!(error instanceof SyncError)) throw error
      this.close(error.code)
    }
  }

  #end(why: SyncErrorCode | null): void {
    const asks = [...this.#asks.values()]
    this.#asks.clear()
    for (const ask of asks) if (!ask.isAbandoned) ask.failed('GONE')
    this.#handler.closed(this, why)
  }
}

function mayComeFrom({ kind }: PeerIdentity, message: MessageKind): boolean {
  if (kind === 'node') return true
  return (kind === 'guest' ? FOR_GUESTS : FOR_WITNESSES).includes(message)
}

function isRequest(message: Message): message is Request {
  return (REQUESTS as readonly MessageKind[]).includes(message.kind)
}

function isAnswer(message: Message): message is Answer {
  return (ANSWERS as readonly MessageKind[]).includes(message.kind)
}

/** True when nothing more of the answer can come. */
function isLastPart(answer: Answer): boolean {
  return answer.kind === 'entries' || answer.kind === 'payloads' ? answer.last : true
}

function outOfTurn(message: Message): SyncError {
  return new SyncError('OUT_OF_TURN', message.kind)
}
