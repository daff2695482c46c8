import { All, Controller, Header, HttpCode, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Caller } from '../rest/caller.js';
import { IdempotencyKey, replayedHeader } from '../push/idempotency-key.js';
import { ArticleService, type Fields, type Sentence } from './article.service.js';

const paths = { pushAll: 'push/all', pushRoom: 'push/room', roomJoin: 'room/join', roomLeave: 'room/leave' } as const;

/** The routes that take forms, as Fastify knows them. */
export const articleRoutes: ReadonlySet<string | undefined> = new Set(Object.values(paths).map((path) => `/${path}`));

/** Any method, form or query; 200 and one sentence. */
@ApiExcludeController()
@Controller()
export class ArticleController {
  constructor(private readonly article: ArticleService) {}

  @All(paths.pushAll)
  @HttpCode(200)
  @Header('Content-Type', 'text/plain; charset=utf-8')
  async pushAll(
    @Req() request: FastifyRequest,
    @Caller() caller: Caller,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    return said(await this.article.pushAll(fieldsOf(request), caller, key), reply);
  }

  @All(paths.pushRoom)
  @HttpCode(200)
  @Header('Content-Type', 'text/plain; charset=utf-8')
  async pushRoom(
    @Req() request: FastifyRequest,
    @Caller() caller: Caller,
    @IdempotencyKey() key: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<string> {
    return said(await this.article.pushRoom(fieldsOf(request), caller, key), reply);
  }

  @All(paths.roomJoin)
  @HttpCode(200)
  @Header('Content-Type', 'text/plain; charset=utf-8')
  roomJoin(@Req() request: FastifyRequest, @Caller() caller: Caller): Promise<string> {
    return this.article.join(fieldsOf(request), caller);
  }

  @All(paths.roomLeave)
  @HttpCode(200)
  @Header('Content-Type', 'text/plain; charset=utf-8')
  roomLeave(@Req() request: FastifyRequest, @Caller() caller: Caller): Promise<string> {
    return this.article.leave(fieldsOf(request), caller);
  }
}

function said({ text, isReplay }: Sentence, reply: FastifyReply): string {
  if (isReplay) reply.header(replayedHeader, 'true');
  return text;
}

/** The form's fields before the query's, the first of each name. */
function fieldsOf(request: FastifyRequest): Fields {
  const query = new URL(request.url, 'http://localhost').searchParams;
  const form = (request.body ?? {}) as Record<string, string>;
  const first = (name: string) => (Object.hasOwn(form, name) ? form[name] : (query.get(name) ?? undefined));
  return { val: first('val'), tag: first('tag'), id: first('id'), wsId: first('wsId') };
}
