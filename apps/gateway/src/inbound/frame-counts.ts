import type { Metrics } from '@app/runtime';

/** Clients' frames by what they were. Plain numbers, read when somebody asks: a counter costs more than a PING. */
export class FrameCounts {
  ping = 0;
  protocol = 0;
  application = 0;
  malformed = 0;

  constructor(metrics: Metrics) {
    const frames = metrics.gauge('skylark_gateway_frames_in', 'Frames of clients since the start, by kind', ['kind']);
    Object.assign(frames, {
      collect: () => {
        for (const kind of ['ping', 'protocol', 'application', 'malformed'] as const) frames.set({ kind }, this[kind]);
      },
    });
  }
}
