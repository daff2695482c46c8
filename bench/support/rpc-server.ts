/** A gateway's RPC door with nothing behind it but the check of what came. */
import { Refusal } from '@app/protocol/wires';
import { Receipt } from './receipt.js';
import { openRpcDoor } from './rpc-door.js';

const receipt = new Receipt();
const x = 'x'.charCodeAt(0);

const door = await openRpcDoor(({ deliveries }) => {
  for (const { offset, body } of deliveries) receipt.take(offset, body.length, body.at(-1) === x);
  return { taken: receipt.last, refused: Refusal.none, gone: [] };
});
process.send?.({ port: door.rpcPort });
