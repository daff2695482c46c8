/** One client's connection, as docs/protocol.md has it; it knows nothing of the page. */
export const clientScript = String.raw`
import { mayReconnect, reasonOf } from './close-codes.js';

const pingText = '{"type":1,"data":"PING"}';

/**
 * Told to whoever made it: state(name, words), frame(frame, receivedAtMs), pong(ms), rooms().
 * It keeps where it is in each channel, so that it can come back without a hole.
 */
export class Client {
  constructor(told) {
    this.told = told;
    this.positions = new Map();
    this.rooms = new Set();
    this.forget();
  }

  /** who: {address, user, device, rooms: [], labels, token}. Begins anew: nothing of the last time is asked for. */
  connect(who) {
    this.who = who;
    this.positions.clear();
    this.rooms = new Set(who.rooms);
    this.open();
  }

  /** As the same client, with everything since what was seen. */
  comeBack() {
    this.open();
  }

  get isOpen() {
    return this.welcome !== undefined;
  }

  /** Where this client is: what it asks for when it comes back. */
  get since() {
    const known = [...this.positions].filter((entry) => entry[1].offset !== undefined);
    return known.map(([channel, at]) => channel + '@' + at.epoch + ':' + at.offset).join(',');
  }

  /** Hears nothing more from now on, as when the network is gone. */
  drop(words) {
    this.forget();
    this.told.state('dropped', words);
  }

  ping() {
    this.sendPing(true);
  }

  async join(room) {
    const at = await this.request(101, { room });
    this.rooms.add(room);
    this.positions.set('room:' + room, { epoch: at.epoch, offset: at.offset });
    this.told.rooms();
  }

  async leave(room) {
    await this.request(102, { room });
    this.left(room);
  }

  open() {
    this.forget();
    this.told.state('connecting', 'Connecting …');
    const { address, token } = this.who;
    const url = new URL(address);
    const asked = { ...this.who, rooms: [...this.rooms].join(','), since: this.since };
    for (const name of ['user', 'device', 'rooms', 'labels', 'since']) {
      if (asked[name]) url.searchParams.set(name, asked[name]);
    }
    const socket = new WebSocket(url, token ? ['skylark', 'bearer.' + token] : ['skylark']);
    this.socket = socket;
    socket.onmessage = (event) => {
      if (this.socket === socket) this.receive(event.data);
    };
    socket.onclose = (event) => {
      if (this.socket === socket) this.closed(event);
    };
  }

  forget() {
    clearInterval(this.heartbeat);
    for (const { reject } of this.requests?.values() ?? []) reject(new Error('The connection is gone. Come back first.'));
    this.socket?.close();
    this.socket = undefined;
    this.welcome = undefined;
    this.requests = new Map();
    this.pings = [];
  }

  closed({ code, reason }) {
    const wasIn = this.isOpen;
    this.forget();
    if (!wasIn) return this.told.state('refused', '');
    const advice = mayReconnect(code) ? 'Come back when you like.' : 'Coming back needs a change first.';
    const why = code === 1006 ? 'The connection was lost. ' : 'Closed by the server: ' + (reasonOf(code) ?? reason) + ' (' + code + '). ';
    this.told.state('closed', why + advice);
  }

  receive(text) {
    const receivedAtMs = Date.now();
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      frame = { type: undefined, data: String(text) };
    }
    if (frame.type === 1) return this.pong();
    if (frame.type === 100) this.welcomed(frame.data);
    else if (frame.type === 108) this.joined(frame.data);
    else if (frame.type === 109) this.left(frame.data.room);
    else if (frame.type === 110) this.replied(frame);
    else this.moveOn(frame);
    this.told.frame(frame, receivedAtMs);
  }

  welcomed(welcome) {
    this.welcome = welcome;
    this.rooms = new Set(welcome.rooms);
    this.positions = new Map(Object.entries(welcome.channels).map(([name, at]) => [name, { epoch: at.epoch, offset: at.offset }]));
    this.heartbeat = setInterval(() => this.sendPing(false), welcome.heartbeatMs);
    this.told.state('connected', 'Connected');
    this.told.rooms();
  }

  /** By REST. */
  joined({ room, epoch, offset }) {
    this.rooms.add(room);
    this.positions.set('room:' + room, { epoch, offset });
    this.told.rooms();
  }

  left(room) {
    this.rooms.delete(room);
    this.positions.delete('room:' + room);
    this.told.rooms();
  }

  moveOn(frame) {
    const at = this.positions.get(frame.channel ?? 'user');
    if (at && Number.isInteger(frame.offset)) at.offset = Math.max(at.offset ?? -1, frame.offset);
  }

  request(type, data) {
    if (!this.isOpen) return Promise.reject(new Error('Connect first.'));
    const ref = 'r' + (this.refs = (this.refs ?? 0) + 1);
    this.socket.send(JSON.stringify({ type, data, ref }));
    return new Promise((resolve, reject) => this.requests.set(ref, { resolve, reject }));
  }

  replied({ ref, data, error }) {
    const request = this.requests.get(ref);
    this.requests.delete(ref);
    if (error) request?.reject(new Error(error.message));
    else request?.resolve(data ?? {});
  }

  sendPing(isAsked) {
    this.pings.push({ isAsked, sentAt: performance.now() });
    this.socket?.send(pingText);
  }

  /** Answers come in order; those of the heartbeat are not told. */
  pong() {
    const ping = this.pings.shift();
    if (ping?.isAsked) this.told.pong(performance.now() - ping.sentAt);
  }
}
`;
