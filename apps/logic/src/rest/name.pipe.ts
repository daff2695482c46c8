import type { PipeTransform } from '@nestjs/common';
import { CodedError, badName, normalName } from '@app/protocol';

/** A name in a path, in normal form. */
export class NamePipe implements PipeTransform<string, string> {
  constructor(private readonly whose: string) {}

  transform(value: string): string {
    const name = normalName(value);
    if (name === undefined) throw new CodedError('bad_name', `The ${this.whose}'s name is none: ${badName}.`);
    return name;
  }
}
