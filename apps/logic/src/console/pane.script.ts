/** One of the two clients on the page: its form, its buttons, its frames. */
export const paneScript = String.raw`
import { announce, arrived } from './announcer.js';
import { Client } from './client.js';
import { element, tieLabels } from './element.js';
import { acceptedAt, FrameList } from './frames.js';
import { nameProblem, listOf } from './names.js';

const protocolNames = { 100: 'welcome', 108: 'joined', 109: 'left', 110: 'reply', 120: 'came', 121: 'went', 190: 'goodbye' };

export class Pane {
  /** changed is called when what a push could be aimed at has changed. */
  constructor(title, defaults, settings, changed) {
    this.title = title;
    this.settings = settings;
    this.changed = changed;
    this.root = document.querySelector('template').content.firstElementChild.cloneNode(true);
    this.frames = new FrameList(this.find('.frames'));
    this.client = new Client({
      state: (name, words) => this.stateChanged(name, words),
      frame: (frame, atMs) => this.received(frame, atMs),
      pong: (ms) => this.note('PONG after ' + ms.toFixed(1) + ' ms', true),
      rooms: () => this.showRooms(),
    });
    this.label();
    this.fill(defaults);
    this.listen();
  }

  /** What a push can be aimed at to reach this client, by target. */
  get aims() {
    const { user, device, rooms, labels } = this.read();
    const id = this.client.welcome;
    const label = labels.split(',')[0].split(':');
    return {
      rooms: id ? [...this.client.rooms][0] : rooms[0],
      users: id?.userId ?? user,
      devices: id?.userId && id.deviceId ? id.userId + ' ' + id.deviceId : user && device && user + ' ' + device,
      connections: id?.connectionId,
      labels: label[1] ? label[0] + '=' + label[1] : label[0],
    };
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  label() {
    const heading = this.find('h2');
    heading.textContent = this.title;
    const prefix = this.title.replaceAll(' ', '-').toLowerCase() + '-';
    heading.id = prefix + 'title';
    tieLabels(this.root, prefix);
    this.root.setAttribute('aria-labelledby', heading.id);
    this.find('.frames').setAttribute('aria-label', 'Frames of ' + this.title + ', newest first');
  }

  fill({ place, ...defaults }) {
    const form = this.find('.who');
    for (const [name, value] of Object.entries(defaults)) form.elements[name].value = value;
    const isJwt = this.settings.authMode === 'jwt';
    this.find('.token').hidden = !isJwt;
    form.elements.user.closest('.field').hidden = isJwt;
    this.find('.gateway').hidden = this.settings.gateways.length < 2;
    for (const { id, address } of this.settings.gateways) {
      form.elements.gateway.append(element('option', { value: address }, id + ' · ' + address));
    }
    const at = this.settings.gateways[place % this.settings.gateways.length];
    if (at) form.elements.gateway.value = at.address;
  }

  listen() {
    this.on('.who', 'submit', () => this.connect());
    this.on('.ping', 'click', () => this.client.ping());
    this.on('.drop', 'click', () => this.client.drop('Dropped. What is pushed now is missed, until this client comes back.'));
    this.on('.back', 'click', () => this.open(() => this.client.comeBack()));
    this.on('.over', 'click', () => this.over());
    this.on('.join', 'submit', () => this.join());
    this.show('idle');
  }

  on(selector, event, act) {
    this.find(selector).addEventListener(event, (happened) => {
      happened.preventDefault();
      this.fail('');
      act();
    });
  }

  read() {
    const { user, device, rooms, labels, token, gateway } = this.find('.who').elements;
    const isJwt = this.settings.authMode === 'jwt';
    return {
      address: gateway.value,
      user: isJwt ? '' : user.value.trim(),
      token: isJwt ? token.value.trim() : '',
      device: device.value.trim(),
      rooms: listOf(rooms.value),
      labels: listOf(labels.value).join(','),
    };
  }

  connect() {
    const who = this.read();
    const names = [...(who.user ? [who.user] : []), ...(who.device ? [who.device] : []), ...who.rooms];
    const problem = names.map(nameProblem).find((found) => found !== undefined);
    if (problem) return this.fail(problem);
    if (!who.address) return this.fail('No gateway is known yet. Start one, then reload this page.');
    if (this.settings.authMode === 'jwt' && !who.token) return this.fail('Paste a token: this server asks for one (AUTH_MODE=jwt).');
    this.open(() => this.client.connect(who));
  }

  open(act) {
    this.connectedAtMs = Date.now();
    try {
      act();
    } catch {
      // What the browser itself will not even try.
      this.stateChanged('refused', '');
    }
  }

  over() {
    this.client.drop('');
    this.show('idle');
    this.setState('idle', 'Not connected');
    this.find('.who .field:not([hidden]) input').focus();
    this.changed();
  }

  async join() {
    const field = this.find('.join').elements.room;
    const room = field.value.trim();
    const problem = nameProblem(room);
    if (problem) return this.fail(problem);
    await this.tried(this.client.join(room));
    field.value = '';
  }

  async tried(promise) {
    try {
      await promise;
    } catch (error) {
      this.fail(error.message);
    }
  }

  stateChanged(name, words) {
    if (name === 'refused') return this.refused();
    if (name === 'connected') this.find('.summary').replaceChildren(...summaryOf(this.client.welcome));
    if (name === 'closed' || (name === 'dropped' && words)) this.note(words, true);
    this.setState(name, name === 'closed' ? 'Closed' : name === 'dropped' ? 'Dropped' : words);
    if (name === 'closed') this.fail(words);
    if (words) announce(this.title + ': ' + words);
    this.show(name);
    this.changed();
  }

  /** A browser is not told why an upgrade was refused, so all that it can be is said. */
  refused() {
    const isBack = this.client.since !== '';
    this.setState('closed', 'Not connected');
    this.show(isBack ? 'dropped' : 'idle');
    const token = this.settings.authMode === 'jwt' ? ' Is the token right and still valid?' : '';
    this.fail(
      'The gateway at ' + this.client.who.address + ' did not let this client in. Is it running and reachable from here?' +
      token + ' Do its ALLOWED_ORIGINS name ' + location.origin + '?',
    );
  }

  setState(name, words) {
    const state = this.find('.state');
    state.dataset.state = name;
    state.textContent = words;
  }

  /** Only what can be done now is on the page; the focus goes on to what comes next. */
  show(name) {
    const isIn = name === 'connected';
    const isAway = name === 'dropped' || name === 'closed';
    const hadFocus = this.root.contains(document.activeElement) && document.activeElement !== document.body;
    this.find('.who').hidden = isIn || isAway;
    this.find('.session').hidden = !(isIn || isAway);
    this.find('.ping').hidden = !isIn;
    this.find('.drop').hidden = !isIn;
    this.find('.join').hidden = !isIn;
    this.find('.back').hidden = !isAway;
    this.find('.over').textContent = isAway ? 'Start over' : 'Disconnect';
    this.showRooms();
    if (hadFocus && isIn) this.find('.ping').focus();
    if (hadFocus && isAway) this.find('.back').focus();
  }

  showRooms() {
    const isIn = this.client.isOpen;
    const items = [...this.client.rooms].map((room) => {
      const leave = element('button', { type: 'button', ariaLabel: 'Leave ' + room, title: 'Leave ' + room }, '×');
      leave.addEventListener('click', () => {
        void this.tried(this.client.leave(room));
        this.find('.join').elements.room.focus();
      });
      return element('li', {}, element('span', {}, room), ...(isIn ? [leave] : []));
    });
    this.find('.rooms').replaceChildren(...items);
    this.changed();
  }

  received(frame, atMs) {
    const { type, data, id, channel, offset, error } = frame;
    const name = protocolNames[type];
    if (type === 100) return this.frames.add({ what: 'welcome', data: recoveredOf(data), isQuiet: true });
    if (name) return this.frames.add({ what: name, data: error ? error.message : data, isQuiet: true });
    const acceptedMs = acceptedAt(id);
    const tookMs = acceptedMs === undefined ? undefined : atMs - acceptedMs;
    const isLate = acceptedMs !== undefined && acceptedMs < this.connectedAtMs;
    const what = type === undefined ? 'not JSON' : 'type ' + type;
    this.frames.add({ what, channel: channel ?? 'user:' + (this.client.welcome?.userId ?? ''), offset, tookMs, isLate, data });
    arrived(this.title, what, channel);
  }

  note(words, isSaid) {
    this.frames.add({ what: words, isQuiet: true });
    if (isSaid) announce(this.title + ': ' + words);
  }

  fail(words) {
    this.find('.error').textContent = words;
  }
}

function summaryOf({ userId, deviceId, node, connectionId }) {
  const who = element('strong', {}, userId ?? 'anonymous');
  const rest = [deviceId && 'device ' + deviceId, 'gateway ' + node, 'connection ' + connectionId];
  return [who, ' · ' + rest.filter(Boolean).join(' · ')];
}

/** Of a welcome what one wants to see here: where each channel stands, and whether nothing is missing. */
function recoveredOf({ channels }) {
  const lines = Object.entries(channels).map(([name, { offset, recovered }]) => {
    if (recovered === false) return name + ': not recovered, what was missed is no longer held';
    if (offset < 0) return name + ': empty so far';
    return name + (recovered ? ': recovered since #' : ': live from #') + offset;
  });
  return lines.join('\n');
}
`;
