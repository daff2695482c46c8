import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { answer, count, deliver } from '@app/rpc';
import { Intake } from './intake.js';
import { Reach } from './reach.js';

/** Deliveries, which job brings, and whom one would reach, which logic asks. */
@Controller()
export class DeliveryController {
  constructor(
    private readonly intake: Intake,
    private readonly reach: Reach,
  ) {}

  @MessagePattern(deliver.pattern)
  deliver(@Payload() bytes: Uint8Array): Promise<Buffer> {
    return answer(deliver, bytes, (batch) => this.intake.take(batch));
  }

  @MessagePattern(count.pattern)
  count(@Payload() bytes: Uint8Array): Promise<Buffer> {
    return answer(count, bytes, (question) => this.reach.count(question));
  }
}
