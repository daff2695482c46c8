export * from './bus.js';
export * from './bus.module.js';
