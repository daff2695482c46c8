export * from './channel-policy.js';
export * from './epoch.js';
export * from './history-store.js';
export * from './history.module.js';
export * from './replica-settings.js';
export * from './idempotency-store.js';
export * from './idempotency.module.js';
