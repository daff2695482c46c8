export * from './bus.config.js';
export * from './bus.js';
export * from './bus.module.js';
export * from './dead-letter-log.js';
