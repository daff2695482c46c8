import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { answer, changeLabels, changeRooms, countApp, countMembers, kick, listMembers } from '@app/rpc';
import { Commands } from './commands.js';
import { Enquiries } from './enquiries.js';

/** What logic has this gateway do, and asks it. */
@Controller()
export class CommandController {
  constructor(
    private readonly commands: Commands,
    private readonly enquiries: Enquiries,
  ) {}

  @MessagePattern(changeRooms.pattern)
  changeRooms(@Payload() bytes: Buffer): Promise<Buffer> {
    return answer(changeRooms, bytes, (change) => this.commands.changeRooms(change));
  }

  @MessagePattern(kick.pattern)
  kick(@Payload() bytes: Buffer): Promise<Buffer> {
    return answer(kick, bytes, (request) => this.commands.kick(request));
  }

  @MessagePattern(changeLabels.pattern)
  changeLabels(@Payload() bytes: Buffer): Promise<Buffer> {
    return answer(changeLabels, bytes, (change) => this.commands.changeLabels(change));
  }

  @MessagePattern(listMembers.pattern)
  listMembers(@Payload() bytes: Buffer): Promise<Buffer> {
    return answer(listMembers, bytes, (asked) => this.enquiries.members(asked));
  }

  @MessagePattern(countMembers.pattern)
  countMembers(@Payload() bytes: Buffer): Promise<Buffer> {
    return answer(countMembers, bytes, (asked) => this.enquiries.count(asked));
  }

  @MessagePattern(countApp.pattern)
  countApp(@Payload() bytes: Buffer): Promise<Buffer> {
    return answer(countApp, bytes, (asked) => this.enquiries.ofApp(asked));
  }
}
