import { Seeded } from '../fuzz/seeded.js';
import type { Drafts } from './drafts.js';
import { Pusher } from './pusher.js';
import type { Answer, Rest } from './rest.js';

const toRoom = { path: 'rooms', channels: ['room:a'], audience: {}, body: { rooms: ['a'] } };
const drafts = { next: () => toRoom } as unknown as Drafts;
const answer = (status: number, body: Record<string, unknown> = {}): Answer => ({
  status,
  body,
  code: 'c',
  retryAfterMs: 0,
});

function pusherTo(...answers: Answer[]) {
  const rest = { call: async () => (answers.length > 1 ? answers.shift()! : answers[0]!) } as unknown as Rest;
  return new Pusher(rest, drafts, ['u'], 10, 'seed', new Seeded('seed', 'alone'), () => 0);
}

describe('the producer', () => {
  it('sends again what was refused for now, until it is taken', async () => {
    const pusher = pusherTo(answer(503), answer(202, { id: 'M1' }));
    pusher.begin();
    await pusher.stop(20_000);
    expect(pusher.pushes.get(1)).toMatchObject({ id: 'M1', attempts: 2 });
    expect(pusher.refusals).toEqual([]);
  });

  it('tells what it must never get: a refusal for good, and one that it had to give up', async () => {
    const refused = pusherTo(answer(400));
    refused.begin();
    await refused.stop(20_000);
    expect(refused.refusals).toEqual(['push 1: 400 c']);
    const given = pusherTo(answer(503));
    given.begin();
    await given.stop(0);
    expect(given.pushes.get(1)?.acceptedAt).toBeUndefined();
    expect(given.refusals).toEqual(['push 1: given up after 1 attempts']);
  });
});
