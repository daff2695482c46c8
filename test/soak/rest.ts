import { Agent, request } from 'node:http';

export interface Answer {
  /** 0: there was none. */
  status: number;
  /** {} when it is not JSON. */
  body: Record<string, unknown>;
  /** Of a problem, or what became of the connection. */
  code: string | undefined;
  retryAfterMs: number;
}

const answerMs = 5_000;

/** Calls of the logics' REST, each answered, if only by what went wrong. */
export class Rest {
  /** Answers by status or error. */
  readonly answers = new Map<string, number>();
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 128 });

  constructor(private readonly logics: readonly string[]) {}

  end(): void {
    this.agent.destroy();
  }

  /** `turn` chooses the logic: another one for the next attempt. */
  async call(turn: number, method: string, path: string, body: unknown, key?: string): Promise<Answer> {
    const answer = await this.send(`${this.logics[turn % this.logics.length]!}${path}`, method, body, key);
    const said = answer.status === 0 ? (answer.code ?? 'no answer') : String(answer.status);
    this.answers.set(said, (this.answers.get(said) ?? 0) + 1);
    return answer;
  }

  private send(url: string, method: string, body: unknown, key: string | undefined): Promise<Answer> {
    const text = JSON.stringify(body);
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      ...(key !== undefined && { 'idempotency-key': key }),
    };
    return new Promise((resolve) => {
      const fail = (code: string) => resolve({ status: 0, body: {}, code, retryAfterMs: 0 });
      const call = request(url, { method, agent: this.agent, headers, timeout: answerMs }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', () => fail('answer cut'));
        response.on('end', () => {
          const answer = readJson(Buffer.concat(parts).toString());
          const retryAfterMs = Number(response.headers['retry-after'] ?? 0) * 1000;
          resolve({ status: response.statusCode ?? 0, body: answer, code: answer.code as string, retryAfterMs });
        });
      });
      call.on('timeout', () => call.destroy(Object.assign(new Error('no answer in time'), { code: 'timeout' })));
      call.on('error', (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
      call.end(text);
    });
  }
}

/** Whether it is worth asking again. */
export const isForNow = ({ status }: Pick<Answer, 'status'>): boolean =>
  status === 0 || status >= 500 || status === 429;

function readJson(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
