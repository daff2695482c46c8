/**
 * Writes docs/settings.md of what the apps' config files declare. `--check` fails when it is stale.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import './typescript.mjs';

process.chdir(join(import.meta.dirname, '..'));
const target = 'docs/settings.md';

// A default that is this machine's address must read the same on every machine.
os.networkInterfaces = () => ({ any: [{ address: 'the first address', internal: false, family: 'IPv4' }] });
syncBuiltinESMExports();

const { Env } = await import('../libs/runtime/src/env.ts');
const { gatewayConfig } = await import('../apps/gateway/src/gateway.config.ts');
const { logicConfig } = await import('../apps/logic/src/logic.config.ts');
const { jobConfig } = await import('../apps/job/src/job.config.ts');
const apps = { gateway: gatewayConfig, logic: logicConfig, job: jobConfig };

/** Name → what is known of the setting, in the order in which the apps ask. */
const settings = new Map();
for (const [app, config] of Object.entries(apps)) {
  for (const deployment of ['distributed', 'standalone']) {
    for (const { name, default: value, meaning } of declared(config, deployment)) {
      if (!settings.has(name)) settings.set(name, { apps: new Set(), meanings: new Set(), defaults: {} });
      const setting = settings.get(name);
      setting.apps.add(app);
      setting.meanings.add(meaning);
      setting.defaults[deployment] = value;
    }
  }
}

/** What a config function asks for. A default that two calls answer differently is a random one. */
function declared(config, deployment) {
  const [once, again] = [new Env({}), new Env({})];
  config(once, deployment);
  config(again, deployment);
  return once.declared.map((setting, i) =>
    setting.default === again.declared[i].default ? setting : { ...setting, default: 'random' },
  );
}

const cell = (text) => text.replaceAll('|', '\\|');
const code = (value) =>
  value === undefined || value === '' ? '–' : /[ ]|^random$/.test(value) ? value : `\`${value}\``;
const row = ([name, { apps: of, meanings, defaults }]) => {
  const { distributed, standalone } = defaults;
  const value =
    standalone === undefined || standalone === distributed
      ? code(distributed)
      : `${code(distributed)}; standalone: ${code(standalone)}`;
  const where = of.size === Object.keys(apps).length ? 'all' : [...of].join(', ');
  return `| \`${name}\` | ${where} | ${cell(value)} | ${cell([...meanings].join('; '))} |`;
};

// The table is not aligned, so that a new setting changes its own row only.
const page = `# Settings

Environment variables, read once at boot by each app's \`*.config.ts\`; all that is wrong is reported at once. Durations
are milliseconds (\`10s\`, \`5m\`, \`24h\` work too), sizes are bytes (\`64KiB\`, \`4MiB\` work too); an empty value counts as not
set. \`standalone\` runs the three apps in one process and takes the settings of all of them.

Made by \`npm run settings\` of the config files: change those instead.

<!-- prettier-ignore -->
| setting | app | default | meaning |
| --- | --- | --- | --- |
${[...settings].map(row).join('\n')}
`;

const formatted = await format(page, { ...(await resolveConfig(target)), parser: 'markdown' });
if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== formatted) {
    console.error(`${target} is stale: run npm run settings`);
    process.exit(1);
  }
} else {
  writeFileSync(target, formatted);
}
