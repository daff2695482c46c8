import { until } from './until.js';
import { connect, type ConnectOptions, type WireClient } from './wire-client.js';

export interface ConnectTo extends ConnectOptions {
  /** Which gateway, by its place; the first by default. */
  gateway?: number;
  rooms?: string[];
}

export interface Answer<T = Record<string, unknown>> {
  status: number;
  headers: Headers;
  body: T;
}

/** What tests do with a cluster from outside, whether its apps are in this process or in their own. */
export abstract class Clients {
  private readonly clients: WireClient[] = [];

  abstract get restUrls(): string[];
  abstract get clientUrls(): string[];

  /** A client that has been welcomed, as `user`; anonymous without one. */
  async connect(
    user?: string,
    { gateway = 0, rooms = [], query = {}, ...options }: ConnectTo = {},
  ): Promise<WireClient> {
    const client = await connect(this.clientUrls[gateway]!, {
      ...options,
      query: { ...(user !== undefined && { user }), ...(rooms.length > 0 && { rooms: rooms.join(',') }), ...query },
    });
    this.clients.push(client);
    await client.next((packet) => packet.type === 100);
    return client;
  }

  /** POSTs JSON to logic, by default the first one. */
  async post<T = Record<string, unknown>>(
    path: string,
    body: unknown,
    { logic = 0, headers = {} } = {},
  ): Promise<Answer<T>> {
    const response = await fetch(this.restUrls[logic]! + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as T };
  }

  async get<T = Record<string, unknown>>(path: string, { logic = 0, headers = {} } = {}): Promise<Answer<T>> {
    const response = await fetch(this.restUrls[logic]! + path, { headers });
    return { status: response.status, headers: response.headers, body: (await response.json()) as T };
  }

  /** Pushes as a good producer does: a 503 is tried again. Answers the message id. */
  async push(
    target: 'all' | 'rooms' | 'users' | 'devices' | 'connections' | 'labels',
    message: Record<string, unknown>,
    logic = 0,
  ): Promise<string> {
    let id: string | undefined;
    let last: Answer | undefined;
    await until(async () => {
      last = await this.post(`/v1/push/${target}`, message, { logic });
      id = last.body.id as string | undefined;
      return last.status !== 503;
    }, `a push to ${target} that is not answered 503`);
    if (last?.status !== 202) throw new Error(`push to ${target}: ${last?.status} ${JSON.stringify(last?.body)}`);
    return id!;
  }

  /** Every logic answers ready. */
  async ready(): Promise<void> {
    for (const url of this.restUrls) {
      await until(
        async () => (await fetch(`${url}/health/ready`).catch(() => undefined))?.status === 200,
        `${url} to be ready`,
        60_000,
      );
    }
  }

  protected async dropAll(): Promise<void> {
    await Promise.all(this.clients.splice(0).map((client) => client.drop()));
  }
}

/** `[1, 2, …, n]`. */
export const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);
