import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { ErrorCode } from '@app/protocol';
import { getMetadataStorage, validate } from 'class-validator';
import { BodyError, type FieldProblem } from './problem.js';

type Dto = new () => object;

/** Makes a query into its DTO and refuses what does not fit, naming each parameter. Each may be given once. */
export class QueryPipe implements PipeTransform {
  async transform(value: unknown, { type, metatype }: ArgumentMetadata): Promise<unknown> {
    return type !== 'query' || metatype === undefined ? value : readQuery(metatype as Dto, value as object);
  }
}

/** @throws BodyError */
export async function readQuery<T extends object>(type: new () => T, query: object): Promise<T> {
  const dto = new type() as Record<string, unknown>;
  const known = parametersOf(type);
  const wrong: (FieldProblem & { code: ErrorCode })[] = [];
  for (const [name, value] of Object.entries(query) as [string, unknown][]) {
    const pointer = `?${name.slice(0, 64)}`;
    const isNumber = known.get(name);
    if (isNumber === undefined) {
      wrong.push({ pointer, detail: 'this route knows no such parameter', code: 'unknown_field' });
    } else if (typeof value !== 'string') {
      wrong.push({ pointer, detail: 'must be given once', code: 'invalid_query' });
    } else dto[name] = isNumber && /^\d{1,9}$/.test(value) ? Number(value) : value;
  }
  for (const { property, constraints = {} } of await validate(dto)) {
    for (const [code, detail] of Object.entries(constraints)) {
      wrong.push({
        pointer: `?${property}`,
        detail,
        code: Object.hasOwn(ErrorCode, code) ? (code as ErrorCode) : 'invalid_query',
      });
    }
  }
  if (wrong.length === 0) return dto as T;
  const code = wrong.some((field) => field.code === 'invalid_query') ? 'invalid_query' : wrong[0]!.code;
  throw new BodyError(
    code,
    wrong.map(({ pointer, detail }) => ({ pointer, detail })),
  );
}

/** Name → whether it is a number. */
function parametersOf(type: Dto): Map<string, boolean> {
  const rules = getMetadataStorage().getTargetValidationMetadatas(type, '', false, false);
  return new Map(
    rules.map(({ propertyName }) => [
      propertyName,
      Reflect.getMetadata('design:type', type.prototype as object, propertyName) === Number,
    ]),
  );
}
