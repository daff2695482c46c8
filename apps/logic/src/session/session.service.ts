import { CloseCode, CodedError, defaultApp, Limits, parseConnectionId } from '@app/protocol';
import type { DeviceDirectory, NodeSeen, RevokedTokens } from '@app/registry';
import { kick, type Admission, type AdmissionRequest, type RefreshRequest, type Refused } from '@app/rpc';
import type { LogicMetrics } from '../logic.metrics.js';
import type { Gateways } from '../node/gateways.js';
import type { Authenticator, Identity } from './authenticator.js';
import type { RoomJudge } from './room-judge.js';

/** Decides who may connect, and has those closed who were replaced. */
export class SessionService {
  constructor(
    private readonly authenticator: Authenticator,
    private readonly revoked: Pick<RevokedTokens, 'has' | 'isKnown'>,
    private readonly rooms: RoomJudge,
    private readonly devices: DeviceDirectory,
    private readonly gateways: Gateways,
    private readonly metrics: LogicMetrics,
  ) {}

  /** One answer for each, in order. Rejects when somebody cannot be judged now; asking again is right. */
  admit(requests: readonly AdmissionRequest[]): Promise<Admission[]> {
    return Promise.all(requests.map((request) => this.judged(() => this.admitOne(request))));
  }

  /** A new token on a live connection: the same user and app, or it is refused. */
  refresh(request: RefreshRequest): Promise<Admission> {
    return this.judged(async () => {
      const identity = await this.authenticator.identify({ token: request.token, user: request.user });
      if (request.user !== undefined && identity.user !== request.user) {
        throw new CodedError('unauthenticated', 'the token is of another user');
      }
      if (identity.app !== undefined && identity.app !== request.app) {
        throw new CodedError('unauthenticated', 'the token is of another app');
      }
      if (identity.device !== undefined && identity.device !== request.device) {
        throw new CodedError('unauthenticated', 'the token is of another device');
      }
      this.refuseRevoked(identity, request.app);
      return { ...admitted(identity, request.app, {}), rooms: [], ...this.rooms.toTell(identity) };
    });
  }

  /**
   * Has these connections closed at their gateways; who is gone already needs nothing. Answers those that may be open
   * still. A gateway that neither renews its lease nor answers is dead: if it lives after all, it claims its devices again
   * when it is back, and hears then that they are lost.
   * @throws CodedError timeout when the registry does not answer
   */
  async replaced(connections: readonly string[]): Promise<string[]> {
    const standing = await this.gateways.standing();
    const open = await Promise.all(
      standing.map(async (node) => {
        const here = connections.filter((connection) => isAt(node, connection));
        if (here.length === 0) return [];
        const close = { connections: here, why: 'replaced' as const, reason: CloseCode.replaced.reason };
        return this.gateways.ask(node, kick, close).then(
          () => [],
          () => (node.leased ? here : []),
        );
      }),
    );
    return open.flat();
  }

  private async admitOne(request: AdmissionRequest): Promise<Admission> {
    const identity = await this.authenticator.identify(request);
    const app = identity.app ?? request.app ?? defaultApp;
    this.refuseRevoked(identity, app);
    const device = identity.device ?? request.device;
    const who = {
      app,
      ...(identity.user !== undefined && { user: identity.user }),
      ...(device !== undefined && { device }),
    };
    const { rooms, refusedRooms } = await this.rooms.choose(who, request.rooms, identity.rooms);
    const admission = {
      ...admitted(identity, app, request.labels),
      rooms,
      ...(refusedRooms.length > 0 && { refusedRooms }),
      ...this.rooms.toTell(identity),
    };
    if (device === undefined) return admission;
    if (identity.user === undefined) return { ...admission, device };
    return { ...admission, device, connSeq: await this.devices.nextSeq(app, identity.user, device) };
  }

  private refuseRevoked({ user, token }: Identity, app: string): void {
    if (token === undefined) return;
    if (!this.revoked.isKnown) throw new CodedError('auth_unavailable', 'what was revoked is not known yet; try again');
    if (!this.revoked.has({ app, user, id: token.id, issuedAtMs: token.issuedAtMs })) return;
    throw new CodedError('unauthenticated', 'the token was revoked');
  }

  private async judged(judge: () => Promise<Admission>): Promise<Admission> {
    const admission = await judge().catch(refusalOf);
    this.metrics.admissions.inc({ outcome: admission.ok ? 'admitted' : admission.code });
    return admission;
  }
}

function isAt(node: NodeSeen, connection: string): boolean {
  const id = parseConnectionId(connection);
  return id?.node === node.id && id.incarnation === node.incarnation;
}

function admitted(
  identity: Identity,
  app: string,
  asked: Readonly<Record<string, string>>,
): Omit<Extract<Admission, { ok: true }>, 'rooms'> {
  const { user, expiresAtMs, token } = identity;
  const own = Object.entries(asked).filter(([key]) => !Object.hasOwn(identity.labels, key));
  const room = Limits.labelsPerConnection - Object.keys(identity.labels).length;
  const labels = { ...Object.fromEntries(own.slice(0, room)), ...identity.labels };
  return { ok: true, app, ...(user !== undefined && { user }), labels, expiresAtMs, ...(token && { token }) };
}

/** @throws the error when it is no refusal of the one who asked */
function refusalOf(error: unknown): Refused {
  if (!(error instanceof CodedError)) throw error;
  const { code, message } = error;
  if (!isRefusal(code)) throw error;
  return { ok: false, code, message };
}

const refusals: readonly string[] = [
  'unauthenticated',
  'forbidden',
  'room_forbidden',
  'bad_name',
  'auth_unavailable',
] satisfies Refused['code'][];
const isRefusal = (code: string): code is Refused['code'] => refusals.includes(code);
