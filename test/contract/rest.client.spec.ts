import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import * as ts from 'typescript';
import { startCluster, type Cluster } from '../support/cluster.js';

/** What a team writes that pushes from TypeScript. */
const program = `
import createClient from 'openapi-fetch';
import type { components, paths } from './skylark.js';

export async function run(baseUrl: string): Promise<{ id: string; acceptedAt: string; refused: components['schemas']['ErrorCode'] }> {
  const skylark = createClient<paths>({ baseUrl });
  const { data, error } = await skylark.POST('/v1/push/rooms', {
    body: { rooms: ['live:1000'], type: 3, data: { score: [2, 1], by: null }, exclude: { users: ['u7'] } },
  });
  if (error) throw new Error(error.detail);
  if (!('id' in data)) throw new Error('this was no dry run');
  const joined = await skylark.POST('/v1/rooms/{room}/join', { params: { path: { room: 'live:1000' } }, body: { users: ['nobody'] } });
  const outcome: 'joined' | undefined = joined.data?.members[0]?.result === 'joined' ? 'joined' : undefined;
  if (outcome === undefined) throw new Error(JSON.stringify(joined));
  const { error: refusal } = await skylark.POST('/v1/push/users', { body: { users: ['a b'], text: 'x' } });
  return { id: data.id, acceptedAt: data.acceptedAt, refused: refusal!.code };
}
`;

const calls = (call: string): string => `
import createClient from 'openapi-fetch';
import type { components, paths } from './skylark.js';
export type Body = components['schemas']['PushToAllBody'];
const skylark = createClient<paths>({ baseUrl: '' });
export const never = async () => { ${call} };
`;

/** Mistakes that the generated types must find. */
const mistakes: Record<string, string> = {
  // The body stands by itself, because openapi-fetch infers it and so allows strangers.
  'a field that is not there': calls(
    `const body: Body = { text: 'x', colour: 'red' }; await skylark.POST('/v1/push/all', { body });`,
  ),
  'a field that is missing': calls(`await skylark.POST('/v1/push/rooms', { body: { text: 'x' } });`),
  'a type that is a string': calls(`await skylark.POST('/v1/push/all', { body: { text: 'x', type: '3' } });`),
  'rooms that are a string': calls(
    `await skylark.POST('/v1/push/rooms', { body: { text: 'x', rooms: 'live:1000' } });`,
  ),
  'a route that is not there': calls(`await skylark.POST('/v1/push/nobody', { body: { text: 'x' } });`),
  'a method that is not there': calls(`await skylark.PUT('/v1/push/all', { body: { text: 'x' } });`),
  'a path without its room': calls(`await skylark.POST('/v1/rooms/{room}/join', { body: { users: ['u1'] } });`),
  'an answer read wrongly': calls(
    `const { data } = await skylark.POST('/v1/push/all', { body: { text: 'x' } }); if (data && 'id' in data) data.id.toFixed();`,
  ),
};

describe('a TypeScript client made of /docs-json', () => {
  let cluster: Cluster;
  let files: Map<string, string>;
  let compiled: ts.Program;
  const at = (name: string) => resolve('test/contract', name); // in memory only; here `openapi-fetch` is found
  const nameOf = (mistake: string) => at(`client-with-${mistake.replaceAll(' ', '-')}.ts`);

  beforeAll(async () => {
    cluster = await startCluster();
    const folder = await mkdtemp(join(tmpdir(), 'skylark-client-'));
    const made = join(folder, 'skylark.ts');
    try {
      const generator = ['node_modules/openapi-typescript/bin/cli.js', `${cluster.restUrls[0]}/docs-json`, '-o', made];
      await promisify(execFile)(process.execPath, generator);
      files = new Map([
        [at('skylark.ts'), await readFile(made, 'utf8')],
        [at('client.ts'), program],
        ...Object.entries(mistakes).map(([mistake, text]) => [nameOf(mistake), text] as const),
      ]);
    } finally {
      await rm(folder, { recursive: true });
    }
    compiled = compile(files);
  });
  afterAll(() => cluster?.[Symbol.asyncDispose]());

  it('compiles, strictly', () => {
    expect([...errorsIn(compiled, at('skylark.ts')), ...errorsIn(compiled, at('client.ts'))]).toEqual([]);
  });

  it('pushes', async () => {
    const client = await cluster.connect('u1', { rooms: ['live:1000'] });
    const { outputText } = ts.transpileModule(program, { compilerOptions: { module: ts.ModuleKind.CommonJS } });
    const module = { exports: {} as { run: (url: string) => Promise<Record<string, string>> } };
    // oxlint-disable-next-line typescript/no-implied-eval -- what was just compiled is what must run
    const evaluate = new Function('module', 'exports', 'require', outputText) as (...given: unknown[]) => void;
    evaluate(module, module.exports, createRequire(at('client.ts')));
    const { id, refused } = await module.exports.run(cluster.restUrls[0]!);
    expect(await client.next((packet) => packet.id === id)).toMatchObject({
      type: 3,
      data: { score: [2, 1], by: null },
    });
    expect(refused).toBe('bad_name');
  });

  it.each(Object.keys(mistakes))('does not compile with %s', (mistake) => {
    expect(errorsIn(compiled, nameOf(mistake))).toHaveLength(1);
  });
});

function compile(files: ReadonlyMap<string, string>): ts.Program {
  const options: ts.CompilerOptions = {
    strict: true,
    noUncheckedIndexedAccess: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    types: [],
    skipLibCheck: true,
  };
  const disk = ts.createCompilerHost(options);
  const host: ts.CompilerHost = {
    ...disk,
    fileExists: (name) => files.has(name) || disk.fileExists(name),
    readFile: (name) => files.get(name) ?? disk.readFile(name),
    getSourceFile: (name, language, ...rest) => {
      const text = files.get(name);
      return text === undefined
        ? disk.getSourceFile(name, language, ...rest)
        : ts.createSourceFile(name, text, language);
    },
  };
  return ts.createProgram([...files.keys()], options, host);
}

function errorsIn(program_: ts.Program, name: string): string[] {
  const file = program_.getSourceFile(name);
  if (file === undefined) return [`${name} was not compiled`];
  const found = [...program_.getSyntacticDiagnostics(file), ...program_.getSemanticDiagnostics(file)];
  return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}
