import { Controller } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { answer, deliver } from '@app/rpc';
import { Intake } from './intake.js';

/** What job asks of a gateway. */
@Controller()
export class DeliveryController {
  constructor(private readonly intake: Intake) {}

  @MessagePattern(deliver.pattern)
  deliver(@Payload() bytes: Uint8Array): Promise<Buffer> {
    return answer(deliver, bytes, (batch) => this.intake.take(batch));
  }
}
