import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { ApiExcludeController } from '@nestjs/swagger';
import { admit, answer, mayJoin, refresh, replaced } from '@app/rpc';
import { RoomJudge } from './room-judge.js';
import { SessionService } from './session.service.js';

/** What gateways ask. */
@ApiExcludeController()
@Controller()
export class SessionController {
  constructor(
    private readonly sessions: SessionService,
    private readonly rooms: RoomJudge,
  ) {}

  @MessagePattern(admit.pattern)
  admit(@Payload() bytes: Buffer): Promise<Buffer> {
    return answer(admit, bytes, (requests) => this.sessions.admit(requests));
  }

  @MessagePattern(refresh.pattern)
  refresh(@Payload() bytes: Buffer): Promise<Buffer> {
    return answer(refresh, bytes, (request) => this.sessions.refresh(request));
  }

  @MessagePattern(mayJoin.pattern)
  mayJoin(@Payload() bytes: Buffer): Promise<Buffer> {
    return answer(mayJoin, bytes, (question) => this.rooms.mayJoin(question));
  }

  @MessagePattern(replaced.pattern)
  replaced(@Payload() bytes: Buffer): Promise<Buffer> {
    return answer(replaced, bytes, async ({ connections }) => ({ open: await this.sessions.replaced(connections) }));
  }
}
