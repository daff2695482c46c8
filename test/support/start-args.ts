import { readFileSync } from 'node:fs';

const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };

/** Node's arguments, as the script `start:<app>` has them, with the build in another folder if wanted. */
export function startArgs(app: string, dist = 'dist'): string[] {
  const [, ...args] = scripts[`start:${app}`]!.split(' ');
  return args.map((arg) => arg.replace(/^dist\//, `${dist}/`));
}
