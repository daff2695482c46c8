import { CloseCode } from '@app/protocol';
import type { Admission as Answer, Admitted, Refused } from '@app/rpc';
import type { Log } from '@app/runtime';
import type { Connection } from '../session/connection.js';
import { Door, type DoorRefusal, type Hello, type Ticket } from '../session/door.js';
import type { SessionTable } from '../session/session-table.js';
import type { Identity, Session } from '../session/session.js';
import { tokenRevoked, type SessionTokens } from './session-tokens.js';
import type { LogicClient } from '../upstream/logic.client.js';
import type { NodeAgent } from '../upstream/node-agent.js';
import type { UserPlaces } from '../upstream/user-places.js';
import type { Arrivals } from './arrivals.js';

type RefreshRefusal = Awaited<ReturnType<Door['refresh']>>;

/** Who may come in: asks logic, and hands those admitted to Arrivals. */
export class Admission extends Door {
  /** Of sessions that came in without a token, until they show one. */
  private readonly tickets = new WeakMap<Session, Ticket>();

  constructor(
    private readonly sessions: SessionTable,
    private readonly logic: LogicClient,
    private readonly arrivals: Arrivals,
    private readonly agent: NodeAgent,
    private readonly places: UserPlaces,
    private readonly authMode: 'open' | 'jwt',
    private readonly tokens: SessionTokens,
    private readonly log: Log,
  ) {
    super();
  }

  async knock(hello: Hello): Promise<Ticket | DoorRefusal> {
    // Before the node stands in the registry its sessions would have no ids, and nobody could reach them.
    const problem = this.agent.problem();
    return problem === undefined ? this.decide(hello) : unavailable(problem);
  }

  enter(connection: Connection, ticket: Ticket): Session {
    const session = this.sessions.add(connection);
    session.types = ticket.hello.types;
    session.isMinimal = ticket.hello.isMinimal;
    if (ticket.identity) void this.admit(session, ticket, ticket.identity);
    else {
      session.state = 'waiting';
      this.tickets.set(session, ticket);
    }
    return session;
  }

  /** @throws LogicUnavailableError when nobody can look at the token now. */
  refresh(session: Session, token: string): Promise<RefreshRefusal> {
    return session.state === 'waiting' ? this.introduce(session, token) : this.renew(session, token);
  }

  private async decide(hello: Hello): Promise<Ticket | DoorRefusal> {
    if (this.authMode === 'jwt' && hello.token === undefined) {
      return { hello, identity: undefined, rooms: [], labels: null };
    }
    let answer: Answer;
    try {
      answer = await this.ask(hello, hello.token);
    } catch (error) {
      this.log.warn({ err: error }, 'newcomer not admitted');
      return unavailable('nobody can say now who may come in');
    }
    if (answer.ok) return this.ticketOf(hello, answer);
    const { code, message } = answer;
    if (code === 'auth_unavailable') return { ...unavailable(message), code };
    return { status: code === 'unauthenticated' ? 401 : code === 'bad_name' ? 400 : 403, code, message };
  }

  private ask(hello: Hello, token: string | undefined): Promise<Answer> {
    const { user, device, app, rooms, labels, remoteAddress } = hello;
    return this.logic.admit({
      ...(token === undefined ? {} : { token }),
      ...(user === undefined ? {} : { user }),
      ...(device === undefined ? {} : { device }),
      ...(app === undefined ? {} : { app }),
      rooms,
      labels: labels ?? {},
      remoteAddress,
    });
  }

  private async admit(session: Session, ticket: Ticket, identity: Identity): Promise<void> {
    session.become(identity);
    if (this.tokens.begin(session)) {
      session.close(CloseCode.unauthenticated, tokenRevoked);
      return Promise.resolve();
    }
    session.labels = ticket.labels;
    if (!this.places.isFree(session) && !(await this.places.take(session))) return;
    await this.arrivals.arrive(session, ticket);
  }

  /** The first token of a session that came in without one. Answers after the welcome. */
  private async introduce(session: Session, token: string): Promise<RefreshRefusal> {
    const waiting = this.tickets.get(session);
    if (!waiting) return { code: 'unauthenticated', message: 'a token is being looked at already' };
    this.tickets.delete(session);
    const answer = await this.ask(waiting.hello, token);
    if (session.state !== 'waiting') return undefined;
    if (!answer.ok) {
      this.tickets.set(session, waiting);
      return refusalOf(answer);
    }
    const ticket = this.ticketOf(waiting.hello, answer);
    await this.admit(session, ticket, ticket.identity);
    return undefined;
  }

  private async renew(session: Session, token: string): Promise<RefreshRefusal> {
    const { app, user, device } = session;
    const asked = { token, app, ...(user === undefined ? {} : { user }), ...(device === undefined ? {} : { device }) };
    const answer = await this.logic.refresh(asked);
    if (session.state === 'closed') return undefined;
    if (!answer.ok) return refusalOf(answer);
    if (answer.user !== user || answer.app !== app) return { code: 'forbidden', message: 'a token of somebody else' };
    return this.tokens.renew(session, answer) ? { code: 'unauthenticated', message: tokenRevoked } : undefined;
  }

  private ticketOf(hello: Hello, admitted: Admitted): Ticket & { identity: Identity } {
    const { rooms, refusedRooms, labels } = admitted;
    return {
      hello,
      identity: this.tokens.identityOf(admitted),
      rooms,
      ...(refusedRooms && { refusedRooms }),
      labels: Object.keys(labels).length === 0 ? null : labels,
    };
  }
}

const refusalOf = ({ code, message }: Refused): RefreshRefusal => ({
  code: code === 'unauthenticated' || code === 'auth_unavailable' ? code : 'forbidden',
  message,
});

/** Spread, so that those who were refused together do not come back together. */
const unavailable = (message: string): DoorRefusal => ({
  status: 503,
  code: 'unavailable',
  message,
  retryAfterSeconds: 1 + Math.floor(Math.random() * 5),
});
