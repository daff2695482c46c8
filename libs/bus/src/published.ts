import type { Metrics } from '@app/runtime';

/** The beginning of the ledger of records: what the bus has taken, and what it may have taken. */
export class Published {
  private readonly records;

  constructor(metrics: Metrics | undefined) {
    this.records = metrics?.counter(
      'skylark_bus_records_total',
      'Records given to the bus: held, not known whether held, and sent again without an answer to the first time',
      ['outcome'],
    );
  }

  /** Waits for the bus's answer and counts by it. @throws what the bus does. */
  async of(records: number, answer: Promise<void>): Promise<void> {
    try {
      await answer;
    } catch (error) {
      this.records?.inc({ outcome: 'unknown' }, records);
      throw error;
    }
    this.held(records);
  }

  held(records: number): void {
    this.records?.inc({ outcome: 'held' }, records);
  }

  resent(records: number): void {
    this.records?.inc({ outcome: 'resent' }, records);
  }
}
