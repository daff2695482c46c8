export * from './answer.js';
export * from './contract.js';
export * from './rpc.client.js';
export * from './rpc.error.js';
export type { RpcTls } from './rpc.tls.js';
export { rpcPortOf, rpcServerOptions, type RpcServerSettings } from './rpc.options.js';
