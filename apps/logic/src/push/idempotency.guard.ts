import type { CanActivate, ExecutionContext } from '@nestjs/common';
import { CodedError } from '@app/protocol';
import type { FastifyRequest } from 'fastify';

/** A key that is not honoured yet is refused: a caller who trusts it would push twice. */
export class IdempotencyGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { headers } = context.switchToHttp().getRequest<FastifyRequest>();
    if (headers['idempotency-key'] === undefined) return true;
    throw new CodedError('unsupported_option', 'Idempotency-Key is not supported yet.');
  }
}
