import { Controller, Get, Header, Headers, Param, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { ConsoleService, type ConsoleSettings } from './console.service.js';
import { pageHtml } from './page.html.js';

/** The page on which people see a push arrive: `/`, and what it is made of under `/console/`. */
@ApiExcludeController()
@Controller()
export class ConsoleController {
  constructor(private readonly console: ConsoleService) {}

  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Cache-Control', 'no-store') // its policy names the gateways of this moment
  @Header('X-Content-Type-Options', 'nosniff')
  @Header('X-Frame-Options', 'DENY')
  @Header('Referrer-Policy', 'no-referrer')
  @Header('Cross-Origin-Resource-Policy', 'same-origin')
  async page(@Res({ passthrough: true }) reply: FastifyReply): Promise<string> {
    reply.header('Content-Security-Policy', await this.console.policy());
    return pageHtml;
  }

  @Get('console/settings')
  @Header('Cache-Control', 'no-store')
  @Header('X-Content-Type-Options', 'nosniff')
  @Header('Cross-Origin-Resource-Policy', 'same-origin')
  settings(): Promise<ConsoleSettings> {
    return this.console.settings();
  }

  @Get('console/:file')
  @Header('Cache-Control', 'no-cache') // kept, and asked for again by its ETag
  @Header('X-Content-Type-Options', 'nosniff')
  @Header('Cross-Origin-Resource-Policy', 'same-origin')
  file(
    @Param('file') name: string,
    @Headers('if-none-match') known: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): string {
    const { type, body, etag } = this.console.file(name);
    reply.type(type).header('ETag', etag);
    if (!holds(known, etag)) return body;
    reply.status(304);
    return '';
  }
}

/** Whether If-None-Match names it; compared weakly (RFC 9110 §13.1.2), because a proxy may have compressed the body. */
const holds = (known: string | undefined, etag: string): boolean =>
  known?.split(',').some((item) => item.trim().replace(/^W\//, '') === etag) ?? false;
