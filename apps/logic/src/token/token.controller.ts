import { Body, Controller, HttpCode, Post, UsePipes } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiExamples, ApiProblems, ApiV1 } from '../openapi.js';
import { BodyPipe } from '../rest/body.pipe.js';
import { Caller } from '../rest/caller.js';
import { Revoked, RevokeBody } from './token.dto.js';
import { TokenService } from './token.service.js';

@ApiTags('tokens')
@ApiV1()
@Controller('v1/tokens')
@UsePipes(BodyPipe)
export class TokenController {
  constructor(private readonly tokens: TokenService) {}

  @Post('revoke')
  @HttpCode(200)
  @ApiOperation({
    summary: 'Take tokens back',
    description:
      'One token by its `jti`, or all that a user has. Within a second no gateway believes them any more: their connections are closed with 4401, and they are refused at the door and as a new token (107). A new token of the same user is welcome, from the second after. A token that nobody ever showed is not an error; doing it again is safe.',
  })
  @ApiExamples(RevokeBody, {
    token: { jti: 'b4c1e1f0' },
    user: { user: 'u1' },
    brief: { jti: 'b4c1e1f0', ttlMs: 3_600_000 },
  })
  @ApiOkResponse({ type: Revoked, description: 'It is in the list that every process reads.' })
  @ApiProblems('invalid_body', 'unknown_field', 'bad_name', 'unsupported_option', 'unsupported_media_type', 'timeout')
  revokeTokens(@Body() body: RevokeBody, @Caller() caller: Caller): Promise<Revoked> {
    return this.tokens.revoke(caller.app, body);
  }
}
