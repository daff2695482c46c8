/** How many replicas of the store must have what was appended before it is committed. */
export interface ReplicaSettings {
  /** So many, or as many as there are; 0 = none is waited for. */
  replicas: number;
  /** How long they are waited for, in milliseconds. */
  waitMs: number;
  /** Whether a commit waits as long as it takes, also for replicas that are not there. */
  isStrict: boolean;
}
