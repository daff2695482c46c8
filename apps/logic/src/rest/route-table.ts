import type { FastifyInstance } from 'fastify';

/** Which methods each path takes. Fastify answers 404 also where only the method is wrong; with this we can say 405. */
export class RouteTable {
  private readonly routes: { segments: string[]; methods: Set<string> }[] = [];

  /** Sees every route that is registered from now on. */
  watch(instance: FastifyInstance): void {
    instance.addHook('onRoute', ({ url, method }) => this.add(url, [method].flat()));
  }

  add(pattern: string, methods: readonly string[]): void {
    this.routes.push({ segments: pattern.split('/'), methods: new Set(methods) });
  }

  /** Methods of the routes that match, sorted; none when the path is unknown. */
  methodsOf(path: string): string[] {
    const segments = path.split('/');
    const matching = this.routes.filter((route) => matches(route.segments, segments));
    return [...new Set(matching.flatMap((route) => [...route.methods]))].sort();
  }
}

function matches(pattern: readonly string[], path: readonly string[]): boolean {
  if (pattern.at(-1) === '*')
    return path.length >= pattern.length && matches(pattern.slice(0, -1), path.slice(0, pattern.length - 1));
  return (
    pattern.length === path.length &&
    pattern.every((part, i) => part === path[i] || (part.startsWith(':') && path[i] !== ''))
  );
}
