export * from './census.js';
export * from './device-directory.js';
export * from './membership-store.js';
export * from './node-directory.js';
export * from './presence-directory.js';
export * from './registry.module.js';
export * from './revocation-list.js';
export * from './revoked-tokens.js';
