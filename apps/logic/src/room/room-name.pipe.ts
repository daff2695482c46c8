import type { PipeTransform } from '@nestjs/common';
import { CodedError, badName, normalName } from '@app/protocol';

/** The room in a path, in normal form. */
export class RoomNamePipe implements PipeTransform<string, string> {
  transform(value: string): string {
    const room = normalName(value);
    if (room === undefined) throw new CodedError('bad_name', `The room's name is none: ${badName}.`);
    return room;
  }
}
