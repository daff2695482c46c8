/** Who may import whom. Each rule says in its comment what it protects. */
const only = (name, from, to, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: from },
  to: { path: '^(apps|libs|test|bench)/', pathNot: [to, '^test/support/'] },
});
const specs = '\\.(spec|contract|e2e|bench)\\.ts$|^(test|bench)/|^libs/[^/]+/test/';

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'Data goes one way; so do imports.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      comment: 'A file nobody imports is dead, unless it boots, declares or tests.',
      from: { orphan: true, pathNot: ['main\\.ts$', '\\.d\\.ts$', specs] },
      to: {},
    },
    {
      name: 'no-dead-files',
      severity: 'error',
      comment: 'Every file is reached from some main.ts.',
      from: { path: '^apps/[^/]+/src/main\\.ts$' },
      to: { path: '^(apps|libs)/', pathNot: ['^libs/client/', '/main\\.ts$', specs], reachable: false },
    },
    {
      name: 'no-junk-drawers',
      severity: 'error',
      comment: 'Name a folder for what it does.',
      from: {},
      to: { path: '^(apps|libs)/.*/(utils?|helpers?|common|shared|misc|core)/' },
    },

    only('protocol-is-a-leaf', '^libs/protocol/', '^libs/protocol/', 'The wire format depends on nothing of ours.'),
    {
      name: 'protocol-is-pure',
      severity: 'error',
      comment: 'It runs in a browser too: no Node built-ins, no Nest.',
      from: { path: '^libs/(protocol|client)/src/', pathNot: specs },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'protocol-has-no-nest',
      severity: 'error',
      from: { path: '^libs/(protocol|client)/' },
      to: { path: 'node_modules/(@nestjs|rxjs)' },
    },
    only('client-knows-protocol-only', '^libs/client/', '^libs/(client|protocol)/', 'The SDK ships to strangers.'),
    only('runtime-is-a-leaf', '^libs/runtime/', '^libs/runtime/', 'What a process needs to run knows no feature.'),
    only(
      'wires-know-protocol-and-runtime',
      '^libs/(rpc|bus|registry|history)/',
      '^libs/(protocol|runtime)/|^libs/$1/',
      'rpc, bus, registry and history do not know one another.',
    ),
    { name: 'libs-never-know-apps', severity: 'error', from: { path: '^libs/' }, to: { path: '^apps/' } },
    {
      name: 'apps-never-know-apps',
      severity: 'error',
      comment: 'They talk over libs/rpc and libs/bus; standalone wires all three.',
      from: { path: '^apps/(?!standalone/)([^/]+)/' },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    {
      name: 'libs-by-their-front-door',
      severity: 'error',
      comment: 'Import @app/x, never @app/x/src/...',
      from: { path: '^(apps|libs)/([^/]+)/', pathNot: specs },
      to: {
        path: '^libs/([^/]+)/src/',
        pathNot: ['^libs/[^/]+/src/index\\.ts$', '^libs/protocol/src/wires/index\\.ts$', '^$1/$2/'],
      },
    },

    only(
      'session-is-the-ground-floor',
      '^apps/gateway/src/session/',
      '^apps/gateway/src/session/|^libs/',
      'A session knows no transport, room or RPC.',
    ),
    only('room-knows-session', '^apps/gateway/src/room/', '^apps/gateway/src/(room|session)/|^libs/', ''),
    only(
      'replay-knows-room-and-session',
      '^apps/gateway/src/replay/',
      '^apps/gateway/src/(replay|upstream|room|session)/|^libs/',
      '',
    ),
    only(
      'upstream-knows-room-and-session',
      '^apps/gateway/src/upstream/',
      '^apps/gateway/src/(upstream|room|session)/|^libs/',
      '',
    ),
    only(
      'transport-knows-session-only',
      '^apps/gateway/src/transport/',
      '^apps/gateway/src/(transport|session)/|^apps/gateway/src/gateway\\.config|^libs/',
      'Bytes do not know rooms.',
    ),
    only(
      'fanout-knows-no-inbound',
      '^apps/gateway/src/fanout/',
      '^apps/gateway/src/(fanout|replay|room|session)/|^libs/',
      'The way out does not know the way in.',
    ),
    only(
      'inbound-knows-no-transport',
      '^apps/gateway/src/inbound/',
      '^apps/gateway/src/(inbound|upstream|replay|room|session)/|^libs/',
      '',
    ),
    only(
      'job-goes-forward',
      '^apps/job/src/(route|batch)/',
      '^apps/job/src/(route|batch)/|^libs/',
      'route and batch do not know dispatch.',
    ),

    {
      name: 'backends-are-chosen-in-one-place',
      severity: 'error',
      from: {
        path: '^libs/',
        pathNot: ['\\.module\\.ts$', specs, '^libs/[^/]+/src/(memory|redis|redis-streams|kafka|embedded)/'],
      },
      to: { path: '^libs/[^/]+/src/(memory|redis|redis-streams|kafka|embedded)/' },
    },
    { name: 'ship-no-tests', severity: 'error', from: { pathNot: specs }, to: { path: specs } },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
  },
};
