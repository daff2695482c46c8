import { CloseCode } from '@app/protocol';
import type { Admission as Answer, Admitted } from '@app/rpc';
import type { Clock, Log, Metrics } from '@app/runtime';
import type { Connection } from '../session/connection.js';
import { Door, type DoorRefusal, type Hello, type Ticket } from '../session/door.js';
import type { SessionTable } from '../session/session-table.js';
import type { Identity, Session } from '../session/session.js';
import type { LogicClient } from '../upstream/logic.client.js';
import type { NodeAgent } from '../upstream/node-agent.js';
import type { Arrivals } from './arrivals.js';

export interface AdmissionSettings {
  authMode: 'open' | 'jwt';
  maxConnections: number;
}

type RefreshRefusal = Awaited<ReturnType<Door['refresh']>>;

const retryAfterSeconds = 2;

/** Who may come in: asks logic, and hands those admitted to Arrivals. */
export class Admission extends Door {
  /** Of sessions that came in without a token, until they show one. */
  private readonly tickets = new WeakMap<Session, Ticket>();
  private readonly refused;
  private isDraining = false;

  constructor(
    private readonly sessions: SessionTable,
    private readonly logic: LogicClient,
    private readonly arrivals: Arrivals,
    private readonly agent: NodeAgent,
    private readonly settings: AdmissionSettings,
    private readonly clock: Clock,
    private readonly log: Log,
    metrics: Metrics,
  ) {
    super();
    this.refused = metrics.counter('skylark_gateway_refused_total', 'Newcomers refused before the upgrade, by code', [
      'code',
    ]);
  }

  /** Nobody comes in any more. */
  drain(): void {
    this.isDraining = true;
  }

  async knock(hello: Hello): Promise<Ticket | DoorRefusal> {
    const answer = this.closedFor() ?? (await this.decide(hello));
    if ('status' in answer) this.refused.inc({ code: answer.code });
    return answer;
  }

  enter(connection: Connection, ticket: Ticket): Session {
    const session = this.sessions.add(connection);
    const { hello } = ticket;
    session.seenAtMs = this.clock.now();
    session.types = hello.types;
    session.isMinimal = hello.isMinimal;
    if (ticket.identity === undefined) {
      session.state = 'waiting';
      this.tickets.set(session, ticket);
    } else void this.admit(session, ticket, ticket.identity);
    return session;
  }

  refresh(session: Session, token: string): Promise<RefreshRefusal> {
    return session.state === 'waiting' ? this.introduce(session, token) : this.renew(session, token);
  }

  private closedFor(): DoorRefusal | undefined {
    if (this.isDraining) return unavailable('draining', 'this node is going away');
    if (this.sessions.size >= this.settings.maxConnections) return unavailable('full', 'this node is full');
    const problem = this.agent.problem();
    return problem === undefined ? undefined : unavailable('unavailable', problem);
  }

  private async decide(hello: Hello): Promise<Ticket | DoorRefusal> {
    if (this.settings.authMode === 'jwt' && hello.token === undefined) {
      return { hello, identity: undefined, rooms: [], labels: null };
    }
    const answer = await this.ask(hello, hello.token);
    if (answer === undefined) return unavailable('unavailable', 'nobody can say now who may come in');
    if (answer.ok) return ticketOf(hello, answer);
    if (answer.code === 'bad_name') return { status: 400, code: answer.code, message: answer.message };
    return { status: answer.code === 'unauthenticated' ? 401 : 403, code: answer.code, message: answer.message };
  }

  /** Undefined when no logic answers. */
  private async ask(hello: Hello, token: string | undefined): Promise<Answer | undefined> {
    const { user, device, app, rooms, labels, remoteAddress } = hello;
    try {
      return await this.logic.admit({
        ...(token === undefined ? {} : { token }),
        ...(user === undefined ? {} : { user }),
        ...(device === undefined ? {} : { device }),
        ...(app === undefined ? {} : { app }),
        rooms,
        labels: labels ?? {},
        remoteAddress,
      });
    } catch (error) {
      this.log.warn({ err: error }, 'newcomer not admitted');
      return undefined;
    }
  }

  private admit(session: Session, ticket: Ticket, identity: Identity): Promise<void> {
    session.become(identity);
    session.labels = ticket.labels;
    return this.arrivals.arrive(session, ticket);
  }

  /** The first token of a session that came in without one. Answers after the welcome. */
  private async introduce(session: Session, token: string): Promise<RefreshRefusal> {
    const waiting = this.tickets.get(session);
    if (!waiting) return { code: 'unauthenticated', message: 'a token is being looked at already' };
    this.tickets.delete(session);
    const answer = await this.ask(waiting.hello, token);
    if (answer?.ok) {
      const ticket = ticketOf(waiting.hello, answer);
      if (session.state === 'waiting') await this.admit(session, ticket, ticket.identity);
      return undefined;
    }
    this.tickets.set(session, waiting);
    if (answer === undefined) {
      // Not the client's fault: it may come back, which 4401 would forbid.
      session.close(CloseCode.draining, 'not ready, come back');
      return { code: 'unauthenticated', message: 'nobody can look at the token now' };
    }
    return { code: answer.code === 'unauthenticated' ? 'unauthenticated' : 'forbidden', message: answer.message };
  }

  private async renew(session: Session, token: string): Promise<RefreshRefusal> {
    const { app, user } = session;
    let answer: Answer;
    try {
      answer = await this.logic.refresh({ token, app, ...(user === undefined ? {} : { user }) });
    } catch (error) {
      this.log.warn({ err: error }, 'token not renewed');
      return { code: 'unauthenticated', message: 'nobody can look at the token now' };
    }
    if (!answer.ok) {
      return { code: answer.code === 'unauthenticated' ? 'unauthenticated' : 'forbidden', message: answer.message };
    }
    if (answer.user !== user || answer.app !== app) return { code: 'forbidden', message: 'a token of somebody else' };
    session.expiresAtMs = answer.expiresAtMs;
    return undefined;
  }
}

function ticketOf(hello: Hello, admitted: Admitted): Ticket & { identity: Identity } {
  const { app, user, device, connSeq = 0, expiresAtMs, rooms, labels } = admitted;
  return {
    hello,
    identity: { app, user, device, connSeq, expiresAtMs },
    rooms,
    labels: Object.keys(labels).length === 0 ? null : labels,
  };
}

const unavailable = (code: string, message: string): DoorRefusal => ({ status: 503, code, message, retryAfterSeconds });
