/** The list of what arrived at one client. */
export const framesScript = String.raw`
import { element } from './element.js';

const kept = 200;
const shownCharacters = 8000;
const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** When a message was accepted, in milliseconds: the first ten characters of its id (a ULID). Undefined for any other id. */
export function acceptedAt(id) {
  if (typeof id !== 'string' || !/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(id)) return undefined;
  return [...id.slice(0, 10)].reduce((ms, digit) => ms * 32 + digits.indexOf(digit), 0);
}

/** Newest first, and the newest only: a flood neither grows the page nor stops it. */
export class FrameList {
  constructor(box) {
    this.box = box;
    this.list = box.querySelector('ol');
    this.waiting = [];
  }

  /** entry: {what, channel, offset, tookMs, isLate, data, isQuiet}; all but what may be missing. */
  add(entry) {
    this.waiting.push(entry);
    if (this.waiting.length > kept) this.waiting.shift();
    if (this.waiting.length === 1) requestAnimationFrame(() => this.show());
  }

  show() {
    this.box.hidden = false;
    const isReading = this.box.scrollTop > 0;
    const heightBefore = this.box.scrollHeight;
    for (const entry of this.waiting.splice(0)) this.list.prepend(item(entry));
    while (this.list.children.length > kept) this.list.lastElementChild.remove();
    // Who has scrolled down to read goes on reading the same frame.
    if (isReading) this.box.scrollTop += this.box.scrollHeight - heightBefore;
  }
}

function item({ what, channel, offset, tookMs, isLate, data, isQuiet }) {
  const line = element('div', { className: 'line' }, element('span', { className: 'what' }, what));
  if (channel) line.append(element('span', { className: 'channel' }, channel));
  if (offset !== undefined) line.append(element('span', { className: 'offset', title: 'Offset in its channel' }, '#' + offset));
  if (isLate) line.append(element('span', { className: 'late' }, 'missed, now recovered'));
  if (tookMs !== undefined) {
    const title = 'From accepted by REST to here, by the clocks of both';
    line.append(element('span', { className: 'took', title }, duration(tookMs)));
  }
  const entry = element('li', { className: isQuiet ? 'quiet' : 'push-frame' }, line);
  if (data !== undefined) entry.append(element('pre', {}, cut(pretty(data))));
  return entry;
}

const pretty = (data) => (typeof data === 'string' ? data : JSON.stringify(data, null, 2));

const cut = (text) =>
  text.length <= shownCharacters ? text : text.slice(0, shownCharacters) + '\n… ' + text.length + ' characters in all';

/** Below zero the clocks of server and browser differ by more than the way took. */
function duration(ms) {
  if (ms < 0) return 'clocks differ';
  if (ms < 1000) return Math.round(ms) + ' ms';
  return ms < 60000 ? (ms / 1000).toFixed(1) + ' s' : Math.round(ms / 60000) + ' min';
}
`;
