export * from './channel-policy.js';
export * from './history-store.js';
export * from './history.module.js';
