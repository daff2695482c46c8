import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { ApiExcludeController } from '@nestjs/swagger';
import { answer, tellPresence } from '@app/rpc';
import { PresenceService } from './presence.service.js';

/** What gateways tell of who is in rooms. */
@ApiExcludeController()
@Controller()
export class PresenceController {
  constructor(private readonly presence: PresenceService) {}

  @MessagePattern(tellPresence.pattern)
  tell(@Payload() bytes: Buffer): Promise<Buffer> {
    return answer(tellPresence, bytes, (reports) => this.presence.tell(reports));
  }
}
