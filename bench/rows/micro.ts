/**
 * The hot functions, one by one, in this process: nanoseconds a call, and how many times as much as `JSON.parse` of a push's
 * frame takes beside it, which is the figure to compare between machines.
 */
import { pingText } from '@app/protocol';
import { bodyCodec, Refusal } from '@app/protocol/wires';
import { createMemoryHistory, parsePolicies } from '@app/history';
import { deliver } from '@app/rpc';
import { Metrics, silentLog } from '@app/runtime';
import { LaneGuard } from '../../apps/gateway/src/fanout/lane-guard.js';
import { Dispatcher } from '../../apps/gateway/src/inbound/dispatcher.js';
import { FrameCounts } from '../../apps/gateway/src/inbound/frame-counts.js';
import { ChannelTable } from '../../apps/gateway/src/room/channel-table.js';
import { CurrentEpoch } from '../../apps/gateway/src/room/current-epoch.js';
import { Message } from '../../apps/gateway/src/room/message.js';
import { textFrame } from '../../apps/gateway/src/session/frame.js';
import { Outboxes } from '../../apps/gateway/src/session/outboxes.js';
import { SessionTable } from '../../apps/gateway/src/session/session-table.js';
import { Session } from '../../apps/gateway/src/session/session.js';
import { rounded, type Bench } from '../support/bench.js';
import { delivery, text } from '../support/message.js';
import { inTurns, range, spread } from '../support/rounds.js';

/** Does it so many times; answers something of the work, so that no optimiser leaves it out. */
type Work = (times: number) => number | Promise<number>;

const connection = {
  isOpen: true,
  remoteAddress: '',
  writableLength: 0,
  write: () => {},
  close: () => {},
  terminate: () => {},
};
const frameText = JSON.stringify({
  type: 1000,
  data: text(1, 0),
  id: '01KAJ2V0Q3M5Y8T6N4R7W9X1ZB',
  channel: 'room:bench-0',
  offset: 7,
});

function repeat(once: () => number): Work {
  return (times) => {
    let sum = 0;
    for (let i = 0; i < times; i += 1) sum += once();
    return sum;
  };
}

function outboxFlush(): Work {
  const outboxes = new Outboxes(1_048_576, new Metrics());
  const sessions = Array.from({ length: 1_000 }, (_, i) => live(i));
  const frame = textFrame(frameText);
  return (times) => {
    for (let done = 0; done < times; done += sessions.length) {
      outboxes.meant(sessions.length);
      for (const session of sessions) outboxes.push(session, frame, 1);
      outboxes.flush();
    }
    return sessions[0]!.pendingBytes;
  };
}

function live(serial: number): Session {
  const session = new Session(serial, connection);
  session.state = 'live';
  return session;
}

function laneGuard(): Work {
  const sessions = new SessionTable();
  const epoch = new CurrentEpoch(sessions, new ChannelTable(), silentLog);
  epoch.adopt('e');
  const history = createMemoryHistory(parsePolicies(''));
  const guard = new LaneGuard(history, epoch, () => 'node', new Metrics());
  const { steps, body } = delivery(1, 0, 1, 0);
  let offset = 0;
  return async (times) => {
    for (let done = 0; done < times; done += 100) {
      const deliveries = Array.from({ length: 100 }, () => ({
        offset: ++offset,
        steps,
        body,
        app: 'default',
        rate: 0,
      }));
      const batch = { epoch: 'e', incarnation: 'node', shard: 0, ownerEpoch: 1, deliveries };
      const { refused } = await guard.admit(batch);
      if (refused !== Refusal.none) throw new Error('the lane refused');
    }
    return offset;
  };
}

function dispatcher(): Work {
  const never = () => {
    throw new Error('only PINGs come here');
  };
  const handlers = { join: never, leave: never, label: never, refresh: never, application: never };
  const outboxes = new Outboxes(1_048_576, new Metrics());
  const counts = new FrameCounts(new Metrics());
  const unused = {} as never;
  const inbound = new Dispatcher(handlers, outboxes, unused, unused, counts, silentLog);
  const session = live(0);
  const ping = Buffer.from(pingText);
  return (times) => {
    for (let i = 0; i < times; i += 1) {
      inbound.text(session, ping);
      if ((i & 15) === 0) outboxes.flush();
    }
    return counts.ping;
  };
}

function works(): Record<string, Work> {
  const sessions = new SessionTable();
  const { body } = delivery(1, 0, 1, 0);
  const encodedBatch = deliver.request.encode({
    epoch: 'e',
    incarnation: 'node',
    shard: 0,
    ownerEpoch: 1,
    deliveries: Array.from({ length: 100 }, (_, i) => delivery(i + 1, 0, i + 1, i)),
  });
  return {
    'JSON.parse': repeat(() => (JSON.parse(frameText) as { offset: number }).offset),
    frame: repeat(() => textFrame(frameText).length),
    'encode once': repeat(() => Message.read(7, body, sessions)!.frame('room:bench-0').length),
    'outbox flush': outboxFlush(),
    'lane guard': laneGuard(),
    'decode body': repeat(() => bodyCodec.decode(body).type),
    'decode delivery': (times) => {
      let sum = 0;
      for (let done = 0; done < times; done += 100) sum += deliver.request.decode(encodedBatch).deliveries.length;
      return sum;
    },
    'dispatch PING': dispatcher(),
  };
}

export const micro: Bench = {
  what: 'hot functions one by one, beside JSON.parse of a frame',
  async run({ quick, rounds }) {
    const times = quick ? 20_000 : 100_000;
    const named = Object.entries(works());
    const measured = await inTurns(named, 5 * rounds, async ([, work]) => {
      const began = process.cpuUsage();
      await work(times);
      const { user, system } = process.cpuUsage(began);
      return ((user + system) * 1_000) / times;
    });
    // The fastest of many short rounds: whatever else the machine does only adds to a function.
    const fastest = measured.map((nanoseconds) => spread(nanoseconds).low);
    named.forEach(([name], i) => console.log(`  ${name.padEnd(16)} ${range(spread(measured[i]!), 0)} ns`));
    return Object.fromEntries(
      named
        .slice(1)
        .map(([name], i) => [
          `micro_${name.toLowerCase().replace(/\W/g, '_')}`,
          rounded(fastest[0]! / fastest[i + 1]!),
        ]),
    );
  },
};
