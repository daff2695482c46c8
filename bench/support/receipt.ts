/** Bytes of a message from job to a gateway. */
export const messageBytes = 194;

/** What a receiver has taken. */
export class Receipt {
  last = 0;

  /** @throws at a message that is missing, comes twice or is damaged. */
  take(offset: number, bytes: number, isWhole: boolean): void {
    if (offset !== this.last + 1) throw new Error(`after ${this.last} came ${offset}`);
    if (bytes !== messageBytes || !isWhole) throw new Error(`message ${offset} is damaged`);
    this.last = offset;
  }
}
