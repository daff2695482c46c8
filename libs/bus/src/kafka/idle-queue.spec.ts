import './idle-queue.js';
// @ts-expect-error kafkajs has no types for what is inside
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';

interface Queue {
  push(request: { entry: object; expectResponse: boolean; sendRequest: () => void }): void;
  fulfillRequest(answer: { correlationId: number; payload: Buffer; size: number }): void;
  maybeThrottle(ms: number): void;
}

const silent = { debug: () => {}, warn: () => {}, error: () => {} };

function opened(maxInFlightRequests: number | null = null) {
  const queue = new (RequestQueue as new (options: object) => Queue)({ maxInFlightRequests, logger: silent });
  const sent: number[] = [];
  const answered: number[] = [];
  return {
    queue,
    sent,
    answered,
    ask: (correlationId: number) =>
      queue.push({
        entry: { correlationId, resolve: () => answered.push(correlationId) },
        expectResponse: true,
        sendRequest: () => sent.push(correlationId),
      }),
    answer: (correlationId: number) => queue.fulfillRequest({ correlationId, payload: Buffer.alloc(0), size: 0 }),
  };
}

describe("kafkajs's queue of requests", () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('looks at nothing while nothing waits', () => {
    const { ask, answer, answered } = opened();
    ask(1);
    answer(1);
    expect(answered).toEqual([1]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('sends what waits for the answer of another', () => {
    const { ask, answer, sent } = opened(1);
    ask(1);
    ask(2);
    expect(sent).toEqual([1]);
    answer(1);
    expect(sent).toEqual([1, 2]);
  });

  it('sends what waits for Kafka to take more', () => {
    const { queue, ask, sent } = opened();
    queue.maybeThrottle(50);
    ask(1);
    expect(sent).toEqual([]);
    jest.advanceTimersByTime(100);
    expect(sent).toEqual([1]);
    expect(jest.getTimerCount()).toBe(0);
  });
});
