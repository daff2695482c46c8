import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';

/** Stands between a client and a server on loopback, and does to their bytes what networks do. */
export class TcpProxy {
  private readonly links = new Set<{ client: Socket; server: Socket }>();
  private swallowing: { request: (bytes: Buffer) => boolean; done: () => void } | undefined;
  private watching: { request: (bytes: Buffer) => boolean; done: () => void } | undefined;
  private refusing = false;
  private held = false;

  private constructor(
    private readonly listener: Server,
    /** Where the bytes go: `host:port`. May be changed; new connections go there. */
    public target: string,
  ) {}

  /** Listens on a free port of loopback. */
  static async to(target: string): Promise<TcpProxy> {
    const listener = createServer();
    const proxy = new TcpProxy(listener, target);
    listener.on('connection', (client) => proxy.link(client));
    await new Promise<void>((resolve, reject) => {
      listener.once('error', reject);
      listener.listen(0, '127.0.0.1', resolve);
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
    const link = { client, server };
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
      server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (!swallowed) return client.write(bytes);
      end();
      swallowed();
    });
    if (this.held) this.stall(link);
  }

  private stall({ client, server }: { client: Socket; server: Socket }): void {
    client.pause();
    server.pause();
  }
}
