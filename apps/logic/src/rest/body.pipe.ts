import type { ArgumentMetadata, PipeTransform } from '@nestjs/common';
import { CodedError, ErrorCode } from '@app/protocol';
import { getMetadataStorage, validate, type ValidationError } from 'class-validator';
import { fits } from './fits.js';
import { BodyError, type FieldProblem } from './problem.js';
import { itemsOf } from './rules.js';

type Dto = new () => object;

/**
 * Makes a body into its DTO and refuses what does not fit, naming each field. Only fields that the DTO knows are taken
 * over; what is in them is left as it came, so that a payload stays opaque and no key of it can do harm.
 */
export class BodyPipe implements PipeTransform {
  async transform(value: unknown, { type, metatype }: ArgumentMetadata): Promise<unknown> {
    return type !== 'body' || metatype === undefined ? value : readBody(metatype as Dto, value);
  }
}

/** @throws CodedError when the value is not what `type` says. */
export async function readBody<T extends object>(type: new () => T, value: unknown): Promise<T> {
  if (!isRecord(value)) throw new CodedError('invalid_body', 'The body must be a JSON object.');
  const unknown: FieldProblem[] = [];
  const dto = fill(type, value, '#', unknown);
  const wrong = (await validated(dto)).flatMap((error) => flat(error, '#'));
  refuse([...unknown.map((field) => ({ ...field, code: 'unknown_field' as const })), ...wrong]);
  return dto as T;
}

/** Lists in lists are looked into by calls in calls: one that fills the stack is refused like any other that is not right. */
async function validated(dto: object): Promise<ValidationError[]> {
  try {
    return fits(dto) ? [] : await validate(dto);
  } catch (error) {
    if (error instanceof RangeError) throw new CodedError('invalid_body', 'The body is nested too deeply.');
    throw error;
  }
}

type CodedField = FieldProblem & { code: ErrorCode };

/** @throws BodyError with the fields behind the gravest code: a body that cannot be right comes before a value that may not be. */
function refuse(fields: readonly CodedField[]): void {
  if (fields.length === 0) return;
  const code = fields.some((field) => field.code === 'invalid_body') ? 'invalid_body' : fields[0]!.code;
  throw new BodyError(
    code,
    fields.map(({ pointer, detail }) => ({ pointer, detail })),
  );
}

function fill(type: Dto, value: Record<string, unknown>, path: string, unknown: FieldProblem[]): object {
  const dto = new type() as Record<string, unknown>;
  const fields = fieldsOf(type);
  for (const key of Object.keys(value)) {
    const field = fields.get(key);
    const inner = value[key];
    if (field === undefined)
      unknown.push({ pointer: `${path}/${escaped(key)}`, detail: 'this route knows no such field' });
    else dto[key] = filled(field, inner, `${path}/${key}`, unknown);
  }
  return dto;
}

function filled({ nested, items }: Field, value: unknown, path: string, unknown: FieldProblem[]): unknown {
  if (nested && isRecord(value)) return fill(nested, value, path, unknown);
  if (!items || !Array.isArray(value)) return value;
  // One more than may be there is enough to refuse them.
  return value
    .slice(0, items.max + 1)
    .map((item: unknown, i) => (isRecord(item) ? fill(items.type, item, `${path}/${i}`, unknown) : item));
}

interface Field {
  /** The class of a field that is an object with rules of its own. */
  nested: Dto | undefined;
  /** The class of the items of a list of such objects, and how many may be there. */
  items: { type: Dto; max: number } | undefined;
}

const known = new WeakMap<Dto, Map<string, Field>>();

/** What class-validator's decorators say of a DTO, its bases included. */
function fieldsOf(type: Dto): Map<string, Field> {
  let fields = known.get(type);
  if (fields === undefined) {
    fields = new Map();
    for (const rule of getMetadataStorage().getTargetValidationMetadatas(type, '', false, false)) {
      const nested = rule.type === 'nestedValidation' && !rule.each;
      const before = fields.get(rule.propertyName)?.nested;
      const itsType = nested
        ? (Reflect.getMetadata('design:type', type.prototype as object, rule.propertyName) as Dto)
        : before;
      fields.set(rule.propertyName, { nested: itsType, items: itemsOf(type.prototype as object, rule.propertyName) });
    }
    known.set(type, fields);
  }
  return fields;
}

function flat(error: ValidationError, path: string): CodedField[] {
  // What is no object of ours, where one should be, has no property to its error.
  const pointer = error.property === undefined ? path : `${path}/${escaped(error.property)}`;
  const own = Object.entries(error.constraints ?? {}).map(([rule, detail]) => ({
    pointer,
    detail,
    code: codeOf(rule),
  }));
  return [...own, ...(error.children ?? []).flatMap((child) => flat(child, pointer))];
}

/** Rules of ours are named after the code they refuse with; all others say that the body is not right. */
const codeOf = (rule: string): ErrorCode => (Object.hasOwn(ErrorCode, rule) ? (rule as ErrorCode) : 'invalid_body');

/** A JSON pointer's token (RFC 6901 §3), cut so that an answer never echoes a whole body. */
const escaped = (key: string): string => key.slice(0, 64).replaceAll('~', '~0').replaceAll('/', '~1');

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
