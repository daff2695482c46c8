import { createHash } from 'node:crypto';
import { Bus, BusUnavailableError, createDeadLetterLog } from '@app/bus';
import { createMemoryHistory, createMemoryIdempotency, parsePolicies } from '@app/history';
import { createMemoryRegistry } from '@app/registry';
import { Metrics, readConfig, silentLog } from '@app/runtime';
import { logicConfig } from '../../apps/logic/src/logic.config.js';
import { startLogic, type LogicParts, type RunningLogic } from '../../apps/logic/src/start.js';
import { startCluster, type Cluster } from '../support/cluster.js';
import { Judge, operationsOf, exampleOf, type Answered, type OpenApi, type Operation } from '../support/openapi.js';

const key = 'a-key-of-this-test';
const maxBodyBytes = 256 * 1024;

/** Documented statuses that cannot be had by asking, and why. Examples of theirs are judged all the same. */
const notByAsking: Record<string, string> = {
  500: 'only a bug of ours is answered 500',
};

interface Request {
  method: string;
  url: string;
  body?: string;
  headers?: Record<string, string>;
}

const hashOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;
const tokens = { AUTH_MODE: 'jwt', JWT_SECRET: 'a secret of this test that has 32 bytes' };
const json = { 'content-type': 'application/json' };
const keys: Record<string, string>[] = [{ 'x-api-key': key }, { authorization: `Bearer ${key}` }];
const noKeys: Record<string, string>[] = [
  {},
  { 'x-api-key': 'not a key' },
  { authorization: `Bearer ${key}x` },
  { authorization: `Basic ${key}` },
];

describe('the OpenAPI document', () => {
  let cluster: Cluster;
  let spec: OpenApi;
  let operations: Operation[];
  let judge: Judge;
  /** Asks for a key. */
  let locked: RunningLogic;
  /** Knows tokens, which can be revoked there only. */
  let jwt: RunningLogic;
  /** Its key is of one app. */
  let bound: RunningLogic;
  /** None of its bus, registry, history and keys answers. */
  let broken: RunningLogic;

  beforeAll(async () => {
    cluster = await startCluster({ env: { MAX_BODY_BYTES: String(maxBodyBytes) } });
    await cluster.connect('u1', { rooms: ['live:1000'], query: { device: 'phone' } });
    spec = (await cluster.get<OpenApi>('/docs-json')).body;
    operations = operationsOf(spec);
    judge = new Judge(spec);
    locked = await logicWith({ API_KEYS: `other,${key}` }, { registry: createMemoryRegistry() });
    jwt = await logicWith({ ...tokens, MAX_BODY_BYTES: String(maxBodyBytes) }, { registry: createMemoryRegistry() });
    bound = await logicWith({ API_KEYS: `${hashOf(key)} app=shop` }, { registry: createMemoryRegistry() });
    broken = await logicWith(tokens, {
      registry: notAnswering(createMemoryRegistry()),
      history: notAnswering(createMemoryHistory(parsePolicies(''))),
      deadLetters: notAnswering(
        createDeadLetterLog({ backend: 'embedded', shards: 1, log: silentLog, metrics: new Metrics() }),
      ),
      idempotency: notAnswering(createMemoryIdempotency({ pendingMs: 1, ttlMs: 1, maxBytes: 1 })),
    });
  });
  afterAll(async () => {
    await Promise.all([locked?.close(), bound?.close(), jwt?.close(), broken?.close()]);
    await cluster?.[Symbol.asyncDispose]();
  });

  const portFor = ({ url }: Request): number => (url.startsWith('/v1/tokens/') ? jwt : cluster.logics[0]!).port;

  const ask = async (request: Request, port = portFor(request)): Promise<Answered & { headers: Headers }> => {
    const { url, method, body, headers = body === undefined ? {} : json } = request;
    const answer = await fetch(`http://127.0.0.1:${port}${url}`, { method, headers, body });
    const contentType = answer.headers.get('content-type') ?? '';
    return { status: answer.status, contentType, text: await answer.text(), headers: answer.headers };
  };

  const example = (operation: Operation, body = operation.bodies[0]): Request => ({
    method: operation.method,
    url: operation.url(),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });

  /** All that are shown, and each as a dry run, which routes without one refuse. */
  const shown = (operation: Operation): Request[] =>
    operation.bodies.flatMap((body) => [
      example(operation, body),
      ...(body === undefined ? [] : [example(operation, { ...(body as object), dryRun: true })]),
    ]);

  it('describes every route of /v1, and nothing else', () => {
    const paths = Object.keys(spec.paths);
    expect(paths.length).toBeGreaterThan(5);
    expect(paths.filter((path) => !path.startsWith('/v1/'))).toEqual([]);
  });

  it('says of each route what it is called, does and belongs to', () => {
    const tags = spec.tags.map(({ name }) => name);
    const wrong = operations.flatMap(({ id, object: { summary = '', description = '', tags: its = [] } }) => [
      ...(/^[a-z]+([A-Z][a-z]+)+$/.test(id) ? [] : [`${id}: no good name of a function`]),
      ...(/^[A-Z][^\n.]{4,78}[^\n.]$/.test(summary) ? [] : [`${id}: summary "${summary}"`]),
      ...(/[^]{40,}\.$/.test(description) ? [] : [`${id}: description "${description}"`]),
      ...(its.length === 1 && tags.includes(its[0]!) ? [] : [`${id}: tags ${its.join()}`]),
    ]);
    expect(wrong).toEqual([]);
    expect(repeated(operations.map(({ id }) => id))).toEqual([]);
    expect(spec.tags.filter(({ description = '' }) => description.length < 10)).toEqual([]);
    expect(tags.filter((tag) => !operations.some(({ object }) => object.tags?.includes(tag)))).toEqual([]);
  });

  it('explains each parameter, and shows one where there must be one', () => {
    const wrong = operations.flatMap(({ id, parameters }) =>
      parameters.flatMap((parameter) => {
        const hasExample = !exampleOf(parameter).startsWith('no-example');
        const about = `${id}: ${parameter.in} ${parameter.name}`;
        return [
          ...(parameter.in === 'path' || parameter.description ? [] : [`${about} has no description`]),
          ...(parameter.required && !hasExample ? [`${about} has no example`] : []),
        ];
      }),
    );
    expect(wrong).toEqual([]);
  });

  it('shows bodies that fit their own schema', () => {
    const wrong = operations.flatMap((operation) => {
      if (operation.bodyMedia === undefined) return [];
      if (operation.bodies.length === 0) return [`${operation.id} shows no body`];
      const pointer = ['paths', operation.path, operation.method.toLowerCase()];
      return operation.bodies.flatMap((body) => {
        const off = judge.value([...pointer, 'requestBody', 'content', 'application/json', 'schema'], body);
        return off === undefined ? [] : [`${operation.id}: ${JSON.stringify(body)}: ${off}`];
      });
    });
    expect(wrong).toEqual([]);
  });

  it('shows an answer of every refusal that it names', () => {
    const wrong = operations.flatMap(({ id, path, method, object }) =>
      Object.entries(object.responses).flatMap(([status, { content, description }]) => {
        if (Number(status) < 400) return description === '' ? [`${id} ${status}: no description`] : [];
        const type = 'application/problem+json';
        const examples = Object.values(content?.[type]?.examples ?? {}).map(({ value }) => value);
        if (examples.length === 0) return [`${id} ${status}: no example`];
        const pointer = ['paths', path, method.toLowerCase(), 'responses', status, 'content', type, 'schema'];
        return examples.flatMap((value) => {
          const off = judge.value(pointer, value);
          const its = (value as { status: number }).status;
          return off === undefined && its === Number(status) ? [] : [`${id} ${status}: ${its} ${off}`];
        });
      }),
    );
    expect(wrong).toEqual([]);
  });

  it('shows requests that work as they stand', async () => {
    const wrong: string[] = [];
    for (const operation of operations) {
      const optional = operation.queryParameters.filter((parameter) => !parameter.required);
      const urls = [
        operation.url(),
        ...optional
          .filter((parameter) => !exampleOf(parameter).startsWith('no-example'))
          .map((parameter) => operation.url({}, { [parameter.name]: exampleOf(parameter) })),
      ];
      for (const url of urls) {
        for (const body of operation.bodies) {
          const answer = await ask({ ...example(operation, body), url });
          const off = answer.status < 300 ? judge.answer(operation, answer) : answer.text;
          if (off !== undefined) wrong.push(`${operation.id} ${url} ${JSON.stringify(body)}: ${answer.status} ${off}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  /** Requests that may be answered with a status, by status. One of them must be. */
  const provocations: Record<string, (operation: Operation) => Promise<(Answered & { headers: Headers })[]>> = {
    200: (operation) => all(shown(operation)),
    202: (operation) => all(shown(operation)),
    400: (operation) =>
      all([
        ...(operation.bodyMedia
          ? ['{"text":', '', '[]', 'null'].map((body) => ({ ...example(operation), body, headers: json }))
          : []),
        ...operation.queryParameters.map(({ name }) => ({
          ...example(operation),
          url: operation.url({}, { [name]: '\u0000' }),
        })),
      ]),
    401: (operation) =>
      all(
        noKeys.map((headers) => ({ ...example(operation), headers: { ...json, ...headers } })),
        locked.port,
      ),
    403: (operation) =>
      all([{ ...example(operation), headers: { ...json, 'x-api-key': key, 'x-app-id': 'cinema' } }], bound.port),
    404: (operation) =>
      all([
        {
          ...example(operation),
          url: operation.url(Object.fromEntries(operation.pathParameters.map(({ name }) => [name, 'nobody']))),
        },
      ]),
    413: (operation) =>
      all([
        ...operation.bodies.map((body) => ({
          ...example(operation, { ...(body as object), text: 'x'.repeat(70_000) }),
        })),
        { ...example(operation), body: `{"text":"${'x'.repeat(maxBodyBytes)}"}` },
      ]),
    415: (operation) => all([{ ...example(operation), headers: { 'content-type': 'text/plain' } }]),
    422: (operation) =>
      all([
        ...operation.bodies.map((body) => ({
          ...example(operation, body === undefined ? undefined : { ...(body as object), colour: 'red' }),
        })),
        { ...example(operation), headers: { ...(operation.bodyMedia && json), 'x-app-id': 'a/b' } },
        ...keyed(operation, ['two words', '']),
        ...operation.bodies.flatMap((body) => keyed(operation, [operation.id], body)),
        ...operation.queryParameters.map(({ name }) => ({
          ...example(operation),
          url: operation.url({}, { [name]: 'no good, in no way' }),
        })),
      ]),
    503: (operation) => all([...shown(operation), ...keyed(operation, ['k'])], broken.port),
    504: (operation) => all(shown(operation), broken.port),
  };

  /** The request with each of these keys, where a key may be. */
  const keyed = (operation: Operation, values: string[], body = operation.bodies[0]): Request[] =>
    operation.parameters.some(({ name }) => name === 'Idempotency-Key')
      ? values.map((value) => ({ ...example(operation, body), headers: { ...json, 'idempotency-key': value } }))
      : [];

  const all = async (requests: Request[], port?: number) => {
    const answers = [];
    for (const request of requests) answers.push(await ask(request, port));
    return answers;
  };

  it('names no status that cannot be had', async () => {
    const wrong: string[] = [];
    for (const operation of operations) {
      for (const status of Object.keys(operation.object.responses)) {
        if (status in notByAsking) continue;
        const answers = (await provocations[status]?.(operation)) ?? [];
        const seen = answers.map((answer) => answer.status);
        if (!seen.includes(Number(status))) wrong.push(`${operation.id}: ${status} did not come, but ${seen.join()}`);
        for (const answer of answers) {
          const off = judge.answer(operation, answer);
          if (off !== undefined) wrong.push(`${operation.id}, provoking ${status}: ${off}`);
        }
      }
    }
    expect([...new Set(wrong)]).toEqual([]);
  });

  it('takes an Idempotency-Key wherever something is pushed, and says so of an answer that is not new', async () => {
    const pushes = operations.filter(({ path }) => path.startsWith('/v1/push/'));
    expect(pushes.map((operation) => keyed(operation, ['k']).length)).toEqual([1, 1, 1, 1, 1, 1, 1]);
    for (const operation of pushes.filter(({ id }) => id !== 'pushBatch')) {
      const [request] = keyed(
        operation,
        [`for ${operation.id}`].map((name) => `"${name}"`),
      );
      const [first, second] = [await ask(request!), await ask(request!)];
      const other = await ask({ ...request!, body: JSON.stringify({ ...(operation.bodies[0] as object), ttlMs: 7 }) });
      expect([first.status, first.headers.get('idempotent-replayed')]).toEqual([202, null]);
      expect([second.status, second.headers.get('idempotent-replayed')]).toEqual([202, 'true']);
      expect(second.text).toBe(first.text);
      expect(JSON.parse(other.text)).toMatchObject({ status: 422, code: 'idempotency_conflict' });
      expect(operation.object.responses['202']!.headers).toHaveProperty('Idempotent-Replayed');
    }
  });

  it('asks for a key wherever there are keys, before it looks at anything else', async () => {
    const wrong: string[] = [];
    for (const operation of operations) {
      const bad = { ...example(operation), ...(operation.bodyMedia && { body: '{"text":' }) };
      const without = await ask(bad, locked.port);
      const challenge = without.headers.get('www-authenticate');
      if (without.status !== 401 || challenge !== 'Bearer')
        wrong.push(`${operation.id}: ${without.status} ${challenge}`);
      for (const headers of keys) {
        const answer = await ask({ ...example(operation), headers: { ...json, ...headers } }, locked.port);
        const off = judge.answer(operation, answer);
        if (answer.status === 401 || off !== undefined)
          wrong.push(`${operation.id} with a key: ${answer.status} ${off}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('answers a method that a path does not take with those that it takes', async () => {
    const wrong: string[] = [];
    for (const path of Object.keys(spec.paths)) {
      const operation = operations.find((one) => one.path === path)!;
      // `/v1/users/online` is also a user called so.
      const taken = [...new Set(operations.filter((one) => one.matches(operation.url())).map(({ method }) => method))];
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'QUERY'].filter(
        (one) => !taken.includes(one),
      )) {
        const { status, headers, text } = await ask({ method, url: operation.url() });
        const allow = headers
          .get('allow')
          ?.split(', ')
          .filter((one) => one !== 'HEAD');
        const isRight = status === 405 && taken.toSorted().join() === allow?.join();
        if (!isRight) wrong.push(`${method} ${path}: ${status} ${allow?.join()} ${text}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('is kept whatever is put into a field', async () => {
    const wrong: string[] = [];
    for (const operation of operations.filter(({ bodyMedia }) => bodyMedia)) {
      for (const body of operation.bodies as Record<string, unknown>[]) {
        for (const request of mangled(body)) {
          const answer = await ask({ ...example(operation), body: request });
          const off = answer.status >= 500 ? answer.text : judge.answer(operation, answer);
          if (off !== undefined) wrong.push(`${operation.id} ${request.slice(0, 200)}: ${off}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it('is kept whatever is put into a path or a query', async () => {
    const wrong: string[] = [];
    for (const operation of operations) {
      const urls = odd.flatMap((value) => [
        ...operation.pathParameters.map(({ name }) => operation.url({ [name]: value })),
        ...operation.queryParameters.map(({ name }) => operation.url({}, { [name]: value })),
        ...operation.queryParameters.map(({ name }) => `${operation.url({}, { [name]: value })}&${name}=again`),
      ]);
      for (const url of urls) {
        // `.` and `..` make another path, which is not of this route.
        if (new URL(url, 'http://localhost').pathname !== url.split('?')[0]) continue;
        const answer = await ask({ ...example(operation), url });
        const off = answer.status >= 500 ? answer.text : judge.answer(operation, answer);
        if (off !== undefined) wrong.push(`${operation.method} ${url.slice(0, 200)}: ${off}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});

const odd = [
  '\u0000', ' ', 'a b', '%', '%zz', '../..', '..', '.', '__proto__', 'constructor', 'null', 'undefined', 'true', '-1', '0', '1e400',
  '9007199254740993', '1.5', 'x'.repeat(1_000), '体育', '\u202e', '\ufeff', 'a,b', 'a&b=c', '{"a":1}', "'; DROP TABLE users; --", '<script>',
]; // prettier-ignore

const oddValues: unknown[] = [
  null, true, false, 0, -1, 1.5, 2 ** 31, 2 ** 53, 1e308, '', ' ', 'a b', '\u0000', '\ud800', '__proto__', 'x'.repeat(5_000),
  [], [[]], [null], [''], [1], ['a', 'a'], [{}], {}, { a: { b: [] } }, { length: 1 }, { toString: 1 }, { valueOf: 1 },
]; // prettier-ignore

/** Bodies that are almost this one: each field missing, twice, or something else; strangers among them; too deep. */
function* mangled(body: Record<string, unknown>): Generator<string> {
  const text = JSON.stringify(body);
  for (const [name, value] of Object.entries(body)) {
    const { [name]: _, ...rest } = body;
    yield JSON.stringify(rest);
    yield `${text.slice(0, -1)},${JSON.stringify(name)}:${JSON.stringify(value)}}`;
    for (const other of oddValues) yield JSON.stringify({ ...body, [name]: other });
    yield `${JSON.stringify(rest).slice(0, -1)}${Object.keys(rest).length > 0 ? ',' : ''}${JSON.stringify(name)}:${'['.repeat(5_000)}${']'.repeat(5_000)}}`;
    if (Array.isArray(value))
      yield JSON.stringify({ ...body, [name]: Array.from({ length: 10_001 }, () => value[0] as unknown) });
  }
  for (const stranger of ['__proto__', 'constructor', 'prototype', 'toString', '', '\u0000', 'a/b~c']) {
    yield `${text.slice(0, -1)},${JSON.stringify(stranger)}:{"polluted":true}}`;
  }
  yield `\ufeff${text}`;
  yield `${text}${text}`;
  yield text.replaceAll('"', "'");
  yield text.slice(0, -1);
}

const repeated = (names: readonly string[]): string[] => names.filter((name, i) => names.indexOf(name) !== i);

async function logicWith(env: Record<string, string>, parts: Partial<LogicParts>): Promise<RunningLogic> {
  const config = readConfig({ LOGIC_PORT: '0', LOG_LEVEL: 'silent', ...env }, (read) =>
    logicConfig(read, 'standalone'),
  );
  return startLogic({ config, bus: new RefusingBus(), metrics: new Metrics(), log: silentLog, ...parts });
}

class RefusingBus extends Bus {
  shards = 4;
  life = 'gone';
  durable = true;
  publish = () => Promise.reject(new BusUnavailableError('away'));
  open = async () => {};
  consume = async () => {};
  problem = async () => undefined;
  close = async () => {};
}

/** The same shape, with nobody behind it. */
function notAnswering<T extends object>(whole: T): T {
  return new Proxy(whole, {
    get: (target, name) => {
      const member = Reflect.get(target, name) as unknown;
      if (typeof member === 'object' && member !== null) return notAnswering(member);
      if (typeof member !== 'function' || name === 'close') return member;
      return () => Promise.reject(new Error('it is away'));
    },
  });
}
