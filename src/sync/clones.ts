/**
 * Two installations that write one log.
 *
 * @remarks
 * A disk that was copied while its node went on would make the log contradict itself. Every hello names the installation;
 * whoever meets two of them for one log tells both. Proven by `tests/sync/clones.test.ts`.
 *
 * @packageDocumentation
 */
import { equalBytes } from '../shared/bytes.ts'
import type { Hello } from './messages.ts'
import type { SelfIdentity } from './ports.ts'
import type { Session } from './session.ts'

/**
 * Tells the peers that are copies of each other.
 *
 * @param session - Just greeted.
 * @param hello - Its own.
 * @param others - All other peers.
 */
export function tellClones(session: Session, hello: Hello, others: Iterable<Session>): void {
  for (const other of others) {
    const theirs = other.hello
    if (other === session || theirs?.log !== hello.log || equalBytes(theirs.instance, hello.instance)) continue
    session.send({ kind: 'clone', instance: theirs.instance })
    other.send({ kind: 'clone', instance: hello.instance })
  }
}

/** True when a peer is a copy of this node. */
export function isCloneOf(self: SelfIdentity, hello: Hello): boolean {
  return hello.log === self.log && !equalBytes(hello.instance, self.instance)
}
