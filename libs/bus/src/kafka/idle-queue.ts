// @ts-expect-error kafkajs has no types for what is inside
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js';

/** The requests of one connection of kafkajs. */
interface Queue {
  /** Those that are not sent yet. */
  readonly pending: readonly unknown[];
  scheduleCheckPendingRequests: (this: Queue) => void;
}

const queue = (RequestQueue as { prototype: Queue }).prototype;
const { scheduleCheckPendingRequests } = queue;

/** From the first answer on kafkajs looks a thousand times a second whether a request waits, also where none does. */
queue.scheduleCheckPendingRequests = function () {
  if (this.pending.length > 0) scheduleCheckPendingRequests.call(this);
};
