import { RpcException } from '@nestjs/microservices';
import { CodedError, type ErrorCode } from '@app/protocol';
import type { Contract } from './contract.js';

/**
 * What a `@MessagePattern` handler returns: decodes the request, starts `handler` in the same tick (so that calls start in
 * the order in which they came), and encodes its answer. Bytes that do not decode are answered `malformed`, a CodedError
 * by its code; other errors are Nest's to log and reach the caller as `internal`.
 */
export async function answer<Request, Response>(
  contract: Contract<Request, Response>,
  bytes: Uint8Array,
  handler: (request: Request) => Response | Promise<Response>,
): Promise<Buffer> {
  let request: Request;
  try {
    request = contract.request.decode(bytes);
  } catch (error) {
    throw coded('malformed', `${contract.pattern}: ${error instanceof Error ? error.message : String(error)}`);
  }
  try {
    return contract.response.encode(await handler(request));
  } catch (error) {
    throw error instanceof CodedError ? coded(error.code, error.message) : error;
  }
}

const coded = (code: ErrorCode, message: string) => new RpcException({ code, message });
