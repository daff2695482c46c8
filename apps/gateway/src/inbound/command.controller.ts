import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { answer, changeRooms, kick } from '@app/rpc';
import { Commands } from './commands.js';

/** What logic has this gateway do. */
@Controller()
export class CommandController {
  constructor(private readonly commands: Commands) {}

  @MessagePattern(changeRooms.pattern)
  changeRooms(@Payload() bytes: Buffer): Promise<Buffer> {
    return answer(changeRooms, bytes, (change) => this.commands.changeRooms(change));
  }

  @MessagePattern(kick.pattern)
  kick(@Payload() bytes: Buffer): Promise<Buffer> {
    return answer(kick, bytes, (request) => this.commands.kick(request));
  }
}
