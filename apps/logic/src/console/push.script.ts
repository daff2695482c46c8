/** The form that pushes: what it stands for as a request, as a command, and what was answered. */
export const pushScript = String.raw`
import { announce } from './announcer.js';
import { element, tieLabels } from './element.js';
import { listOf } from './names.js';

const targets = {
  all: { label: 'Everybody' },
  rooms: { label: 'Rooms', hint: 'comma list', body: (names) => ({ rooms: listOf(names) }) },
  users: { label: 'Users', hint: 'comma list', body: (names) => ({ users: listOf(names) }) },
  devices: { label: 'Devices', hint: 'user and device, comma list: ann phone, bob tv', body: (names) => ({ targets: listOf(names).map(deviceOf) }) },
  connections: { label: 'Connections', hint: 'comma list, as the welcome told them', body: (names) => ({ connections: listOf(names) }) },
  labels: { label: 'Labels', hint: 'an expression: platform=ios & !beta', body: (names) => ({ match: names.trim() }) },
};

function deviceOf(pair) {
  const [user, device] = pair.split(/\s+/);
  return device === undefined ? { user } : { user, device };
}

export class PushForm {
  /** aimsOf answers, by target, who could be meant now. */
  constructor(settings, aimsOf) {
    this.aimsOf = aimsOf;
    this.form = document.forms.namedItem('push');
    this.fields = this.form.elements;
    tieLabels(this.form, 'push-');
    document.getElementById('key-field').hidden = !settings.needsKey;
    this.needsKey = settings.needsKey;
    for (const name of settings.targets.filter((known) => Object.hasOwn(targets, known))) {
      this.fields.target.append(element('option', { value: name }, targets[name].label));
    }
    if (settings.targets.includes('rooms')) this.fields.target.value = 'rooms';
    this.form.addEventListener('input', (event) => this.edited(event.target));
    this.form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.push();
    });
    document.getElementById('copy').addEventListener('click', () => void this.copy());
    this.aim();
  }

  /** Until somebody writes there, the field names who is here. */
  aim() {
    if (!this.isWritten) this.fields.names.value = this.aimsOf()[this.fields.target.value] ?? '';
    this.show();
  }

  edited(field) {
    if (field === this.fields.names) this.isWritten = field.value !== '';
    if (field === this.fields.target) this.isWritten = false;
    this.fail('');
    if (field === this.fields.target) this.aim();
    else this.show();
  }

  show() {
    const { label, hint, body } = targets[this.fields.target.value];
    document.getElementById('names-field').hidden = body === undefined;
    document.getElementById('names-label').textContent = label;
    document.getElementById('push-names-hint').textContent = hint ?? '';
    const { path, body: asked } = this.request();
    document.getElementById('curl').textContent = curlOf(path, asked, this.needsKey);
  }

  /** What the fields stand for. What is not JSON or no number goes as it was written, for REST to say what is wrong. */
  request() {
    const { target, names, message, as, type, ttlMs } = this.fields;
    const content = as.value === 'text' ? { text: message.value } : { data: jsonOr(message.value) };
    const typed = type.value.trim() === '' ? {} : { type: jsonOr(type.value) };
    const lives = ttlMs.value.trim() === '' ? {} : { ttlMs: jsonOr(ttlMs.value) };
    const to = targets[target.value].body?.(names.value) ?? {};
    return { path: '/v1/push/' + target.value, body: JSON.stringify({ ...to, ...typed, ...content, ...lives }) };
  }

  problem() {
    const { target, names, message, as } = this.fields;
    const { label, body } = targets[target.value];
    if (body !== undefined && names.value.trim() === '') return [names, 'Say who gets it: ' + label + ' is empty.'];
    if (as.value === 'data' && !isJson(message.value)) {
      return [message, 'The message is not JSON. Put quotes around it, or send it as Text.'];
    }
    return undefined;
  }

  async push() {
    const [field, words] = this.problem() ?? [];
    if (field) return this.fail(words, field);
    const { path, body } = this.request();
    const key = this.fields.key.value.trim();
    const headers = { 'Content-Type': 'application/json', ...(key && { Authorization: 'Bearer ' + key }) };
    const startedAt = performance.now();
    try {
      const response = await fetch(path, { method: 'POST', headers, body });
      const text = await response.text();
      this.answered(response, text, Math.round(performance.now() - startedAt));
    } catch {
      this.fail('There was no answer. Is logic still running, and is the API key plain ASCII? Nothing is known of the push.');
    }
  }

  answered(response, text, ms) {
    const answer = document.getElementById('answer');
    const status = response.status + ' ' + response.statusText;
    answer.className = response.ok ? '' : 'refused';
    answer.textContent = status + ' · ' + ms + ' ms\n' + (isJson(text) ? JSON.stringify(JSON.parse(text), null, 2) : text);
    if (response.ok) return announce('Pushed: ' + status);
    const advice = { 401: 'Write a key with the scope push into API key.', 503: 'Wait a moment and push again.' }[response.status];
    const detail = isJson(text) ? (JSON.parse(text).detail ?? status) : status;
    this.fail('Not pushed. ' + (advice ?? detail), response.status === 401 ? this.fields.key : undefined);
  }

  fail(words, field) {
    for (const each of this.form.elements) each.removeAttribute('aria-invalid');
    document.getElementById('push-error').textContent = words;
    field?.setAttribute('aria-invalid', 'true');
    field?.focus();
  }

  async copy() {
    const curl = document.getElementById('curl');
    try {
      await navigator.clipboard.writeText(curl.textContent);
      this.copied('Copied');
    } catch {
      // Browsers give pages the clipboard on loopback and over https only.
      getSelection().selectAllChildren(curl);
      this.copied('Selected: copy it');
    }
  }

  copied(words) {
    const button = document.getElementById('copy');
    button.textContent = words;
    announce(words);
    setTimeout(() => (button.textContent = 'Copy'), 2000);
  }
}

/** The key is not in it: a command is shown, copied and kept in histories. */
function curlOf(path, body, needsKey) {
  const lines = ['curl -sS ' + location.origin + path, "-H 'Content-Type: application/json'"];
  if (needsKey) lines.push('-H "Authorization: Bearer $API_KEY"');
  lines.push('-d ' + quoted(body));
  return lines.join(' \\\n  ');
}

/** One word of a POSIX shell, whatever is in it. */
const quoted = (text) => "'" + text.replaceAll("'", "'\\''") + "'";

function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const jsonOr = (text) => (isJson(text) ? JSON.parse(text) : text);
`;
