/** What a screen reader says. */
export const announcerScript = String.raw`
/** Arrivals are gathered this long, so that a flood of them is one sentence now and then. */
const gatherMs = 3000;
const region = document.getElementById('announcer');
let gathered = new Map();
let timer;

export function announce(words) {
  region.textContent = words;
}

export function arrived(client, what, channel) {
  const before = gathered.get(client)?.count ?? 0;
  gathered.set(client, { count: before + 1, what, channel });
  timer ??= setTimeout(() => {
    announce([...gathered].map(sentence).join(' '));
    gathered = new Map();
    timer = undefined;
  }, gatherMs);
}

function sentence([client, { count, what, channel }]) {
  const last = what + (channel ? ' in ' + channel : ', for this user');
  return client + ': ' + (count === 1 ? 'one message, ' : count + ' messages, the last ') + last + '.';
}
`;
