/** Asks what this server has, and puts two clients and the form on the page. */
export const mainScript = String.raw`
import { Pane } from './pane.js';
import { PushForm } from './push.js';

const notice = document.getElementById('notice');

const settings = await asked().catch(() => undefined);
if (settings) begin(settings);
else say('The page could not ask its server for its settings. See whether logic still runs, then reload this page.');

async function asked() {
  const response = await fetch('/console/settings');
  if (!response.ok) throw new Error('status ' + response.status);
  return response.json();
}

function begin(settings) {
  if (settings.gateways.length === 0) say('No gateway is there yet, so nobody can connect. Start one, then reload this page.');
  document.getElementById('docs').hidden = !settings.docs;
  let push;
  const panes = [];
  const changed = () => push?.aim();
  const add = (title, defaults) => {
    const pane = new Pane(title, defaults, settings, changed);
    panes.push(pane);
    document.getElementById('clients').append(pane.root);
  };
  add('Client A', { user: 'ann', device: 'laptop', rooms: 'news', labels: 'platform:web', place: 0 });
  add('Client B', { user: 'bob', device: 'phone', rooms: 'news', labels: 'platform:ios', place: 1 });
  push = new PushForm(settings, () => firstOf(panes.map((pane) => pane.aims)));
}

/** The first client that has something to aim at, the connected ones before. */
function firstOf(aims) {
  const [a, b] = aims;
  return Object.fromEntries(Object.keys(a).map((name) => [name, a[name] || b[name]]));
}

function say(words) {
  notice.textContent = words;
  notice.hidden = false;
}
`;
