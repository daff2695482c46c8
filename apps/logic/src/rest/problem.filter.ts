import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { CodedError } from '@app/protocol';
import type { Log } from '@app/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { LogicMetrics } from '../logic.metrics.js';
import { problem, problemOf, type Problem } from './problem.js';
import type { RouteTable } from './route-table.js';

/** Every refusal and every surprise of REST leaves here, as a problem (RFC 9457). */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    private readonly routes: RouteTable,
    private readonly metrics: LogicMetrics,
    private readonly log: Log,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    // What `/health/ready` found is for people and balancers; it is the same on every app.
    if (isHealthReport(error)) return void reply.status(error.getStatus()).send(error.getResponse());
    // Also what Fastify finds wrong with a request that no route takes, such as a QUERY without a body.
    const nobodyTookIt = request.is404 && !(error instanceof CodedError);
    const found = nobodyTookIt ? this.unmatched(request, reply) : (problemOf(error) ?? this.surprise(error, request));
    this.metrics.refusals.inc({ code: found.code });
    if (found.status === 503) reply.header('Retry-After', retryAfterSeconds);
    if (found.status === 429) reply.header('Retry-After', 1); // every limit here is for a second
    if (found.code === 'unauthenticated') reply.header('WWW-Authenticate', 'Bearer');
    void reply.status(found.status).type('application/problem+json; charset=utf-8').send(JSON.stringify(found));
  }

  private unmatched(request: FastifyRequest, reply: FastifyReply): Problem {
    const path = request.url.split('?', 1)[0]!;
    const methods = this.routes.methodsOf(path);
    // A route of ours may match and still have nothing: a file under /docs.
    if (methods.length === 0 || methods.includes(request.method))
      return problem('not_found', `There is no ${path}; all routes are listed at /docs.`);
    reply.header('Allow', methods.join(', '));
    return problem('method_not_allowed', `${path} takes ${methods.join(', ')}, not ${request.method}.`);
  }

  private surprise(error: unknown, request: FastifyRequest): Problem {
    this.log.error({ err: error, method: request.method, route: request.routeOptions.url }, 'request failed');
    return problem('internal', 'The request could not be served; the log of this process says why.');
  }
}

const retryAfterSeconds = 2;

const isHealthReport = (error: unknown): error is HttpException =>
  error instanceof HttpException && error.getStatus() === 503 && 'details' in Object(error.getResponse());
