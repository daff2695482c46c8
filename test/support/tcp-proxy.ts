import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';

interface Link {
  client: Socket;
  server: Socket;
  isDelayed: boolean;
}

/** Stands between a client and a server on loopback, and does to their bytes what networks do. */
export class TcpProxy {
  private readonly links = new Set<Link>();
  private swallowing: { request: (bytes: Buffer) => boolean; done: () => void } | undefined;
  private watching: { request: (bytes: Buffer) => boolean; done: () => void } | undefined;
  private refusing = false;
  private held = false;
  private delayMs = 0;

  private constructor(
    private readonly listener: Server,
    /** Where the bytes go: `host:port`. May be changed; new connections go there. */
    public target: string,
  ) {}

  /** Listens on loopback, on a free port unless one is given. */
  static async to(target: string, { host = '127.0.0.1', port = 0 } = {}): Promise<TcpProxy> {
    const listener = createServer();
    const proxy = new TcpProxy(listener, target);
    listener.on('connection', (client) => proxy.link(client));
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(port, host, resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.listener.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /**
   * Lets the next request pass and loses its answer, and the connection with it; resolves when that has happened.
   * @param request which bytes of a client are the request that is meant.
   */
  swallowAnswer(request: (bytes: Buffer) => boolean = () => true): Promise<void> {
    return new Promise((done) => {
      this.swallowing = { request, done };
    });
  }

  /** Resolves when such a request is about to be passed on: the server has not seen it yet. */
  nextRequest(request: (bytes: Buffer) => boolean): Promise<void> {
    return new Promise((done) => {
      this.watching = { request, done };
    });
  }

  /** Cuts every connection; new ones are accepted unless `refuse` says otherwise. */
  cut(): void {
    for (const { client, server } of this.links) {
      client.resetAndDestroy();
      server.destroy();
    }
  }

  /** Cuts every connection and every new one at once, until `accept`. */
  refuse(): void {
    this.refusing = true;
    this.cut();
  }

  accept(): void {
    this.refusing = false;
  }

  /** Keeps connections open and passes nothing on in either direction, until `release`. */
  hold(): void {
    this.held = true;
    for (const link of this.links) this.stall(link);
  }

  release(): void {
    this.held = false;
    for (const { client, server } of this.links) {
      client.resume();
      server.resume();
    }
  }

  /** From now on all bytes arrive so much later, in both directions; 0: at once. */
  delay(ms: number): void {
    this.delayMs = ms;
  }

  /** Ends every connection's way to the client; the way to the server stays open until the client notices. */
  halfClose(): void {
    for (const { client } of this.links) client.end();
  }

  async close(): Promise<void> {
    this.refuse();
    await new Promise((resolve) => this.listener.close(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  private link(client: Socket): void {
    if (this.refusing) {
      client.on('error', () => {});
      client.resetAndDestroy();
      return;
    }
    const colon = this.target.lastIndexOf(':');
    const server = connect(Number(this.target.slice(colon + 1)), this.target.slice(0, colon));
    const link: Link = { client, server, isDelayed: false };
    this.links.add(link);
    const end = () => {
      this.links.delete(link);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', end); // a reset is one of the things that networks do
      socket.on('close', end);
    }
    let delayed = Promise.resolve();
    const pass = (bytes: Buffer, to: Socket) => {
      const ms = this.delayMs;
      if (ms === 0 && !link.isDelayed) return void to.write(bytes);
      // Once delayed always in turn, so that bytes do not overtake one another.
      link.isDelayed = true;
      const due = new Promise<void>((resolve) => setTimeout(resolve, ms));
      delayed = delayed.then(() => due).then(() => void (to.destroyed || to.write(bytes)));
    };
    let swallowed: (() => void) | undefined;
    client.on('data', (bytes) => {
      if (this.watching?.request(bytes)) {
        this.watching.done();
        this.watching = undefined;
      }
      if (this.swallowing?.request(bytes)) {
        swallowed = this.swallowing.done;
        this.swallowing = undefined;
      }
      pass(bytes, server);
    });
    server.on('data', (bytes) => {
      if (!swallowed) return pass(bytes, client);
      end();
      swallowed();
    });
    if (this.held) this.stall(link);
  }

  private stall({ client, server }: Link): void {
    client.pause();
    server.pause();
  }
}
