import { createRequire } from 'node:module';
import { join } from 'node:path';
import ts from 'typescript';
import { consoleFiles } from './console.files.js';
import { pageHtml } from './page.html.js';

const folder = join(process.cwd(), 'console-in-memory');
const scripts = new Map(
  [...consoleFiles].filter(([name]) => name.endsWith('.js')).map(([name, { body }]) => [join(folder, name), body]),
);

/** What TypeScript finds wrong in the browser's modules, which nobody compiles. */
function problems(): string[] {
  const options: ts.CompilerOptions = {
    allowJs: true,
    checkJs: true,
    noEmit: true,
    skipLibCheck: true,
    strict: false,
    noUnusedLocals: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ES2022,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    types: [],
  };
  const host = ts.createCompilerHost(options);
  host.fileExists = (path) => scripts.has(path) || ts.sys.fileExists(path);
  host.directoryExists = (path) => path === folder || ts.sys.directoryExists(path);
  host.readFile = (path) => scripts.get(path) ?? ts.sys.readFile(path);
  host.getSourceFile = (path, version) => {
    const text = host.readFile(path);
    return text === undefined ? undefined : ts.createSourceFile(path, text, version);
  };
  host.getDefaultLibLocation = () => join(createRequire(join(process.cwd(), 'x')).resolve('typescript'), '..');
  const program = ts.createProgram([...scripts.keys()], options, host);
  const found = ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const line = file && start !== undefined ? ts.getLineAndCharacterOfPosition(file, start).line + 1 : 0;
    return `${file?.fileName.slice(folder.length + 1)}:${line} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
  // Which elements there are is in the page, of which the DOM's types know nothing.
  return found.filter((problem) => !/Property '\w+' does not exist on type '(HTML\w+|Node)'/.test(problem));
}

describe('the files of the page', () => {
  it('are sound JavaScript, names and imports included', () => {
    expect(problems()).toEqual([]);
  }, 60_000); // a compiler's start on a busy machine

  it('never make markup of text', () => {
    for (const body of scripts.values()) {
      expect(body).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function/);
    }
  });

  it('are all there is: the page asks for nothing else, and nothing of another host', () => {
    const asked = [...pageHtml.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, url]) => url!);
    expect(asked.length).toBeGreaterThan(3);
    for (const url of asked) {
      expect(url === '/docs' || consoleFiles.has(url.replace('/console/', ''))).toBe(true);
    }
    expect(pageHtml).not.toMatch(/<style|<script>|\son\w+=|\sstyle=/);
  });
});
