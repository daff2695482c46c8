import { badName, compileMatch, isPacketType, isReservedType, normalName } from '@app/protocol';
import { ValidateIf, ValidateNested, registerDecorator, type ValidationArguments } from 'class-validator';

/** The field may be left out; `null` is a value like any other. */
export const Optional = (): PropertyDecorator => ValidateIf((_dto, value) => value !== undefined);

/** A rule of ours: its name is the code that it refuses with. `judge` answers what is wrong. */
export function rule(
  code: string,
  judge: (value: unknown, args: ValidationArguments) => string | undefined,
): PropertyDecorator {
  return (target, property) => {
    registerDecorator({
      name: code,
      target: target.constructor,
      propertyName: String(property),
      validator: {
        validate: (value: unknown, args?: ValidationArguments) => judge(value, args!) === undefined,
        defaultMessage: (args?: ValidationArguments) => judge(args!.value, args!) ?? '',
      },
    });
  };
}

/** A list of at least one string. */
export const IsList = (given: 'always' | 'maybe' = 'always'): PropertyDecorator =>
  rule('invalid_body', (value) => {
    if (value === undefined && given === 'maybe') return undefined;
    if (!Array.isArray(value) || value.length === 0) return 'must be a list of at least one string';
    const odd = value.findIndex((item) => typeof item !== 'string');
    return odd < 0 ? undefined : `must hold strings only; item ${odd} is ${kindOf(value[odd])}`;
  });

/** Every string of the list may name a room, user or device. */
export const AreNames = (): PropertyDecorator =>
  rule('bad_name', (value) => {
    if (!Array.isArray(value)) return undefined;
    const odd = value.findIndex((item) => typeof item === 'string' && normalName(item) === undefined);
    return odd < 0 ? undefined : `item ${odd} is no name: ${badName}`;
  });

export const IsName = (): PropertyDecorator =>
  rule('bad_name', (value) => (typeof value !== 'string' || normalName(value) !== undefined ? undefined : badName));

/** At most `max` items. */
export const IsShort = (max: number): PropertyDecorator =>
  rule('too_many_targets', (value) =>
    Array.isArray(value) && value.length > max ? `takes up to ${max} items` : undefined,
  );

const itemType = Symbol('item type');

/** A list of at least one object, at most `max`, each with the rules of `type`. */
export function IsListOf(type: new () => object, max: number): PropertyDecorator {
  const isList = rule('invalid_body', (value) =>
    Array.isArray(value) && value.length > 0 ? undefined : 'must be a list of at least one object',
  );
  const haveRules = ValidateNested({ each: true, message: 'must hold objects only' });
  return (target, property) => {
    for (const decorate of [isList, IsShort(max), haveRules]) decorate(target, property);
    Reflect.defineMetadata(itemType, { type, max }, target, property);
  };
}

/** What {@link IsListOf} said of a field. */
export const itemsOf = (prototype: object, property: string) =>
  Reflect.getMetadata(itemType, prototype, property) as { type: new () => object; max: number } | undefined;

/** A label expression. */
export function IsMatch(): PropertyDecorator {
  const isText = rule('invalid_body', (value) => (typeof value === 'string' ? undefined : 'must be a string'));
  const isExpression = rule('bad_match', (value) =>
    typeof value !== 'string' || compileMatch(value)
      ? undefined
      : 'must be an expression of labels like `platform=ios & !beta`, up to 1,024 characters',
  );
  return (target, property) => {
    isText(target, property);
    isExpression(target, property);
  };
}

/** Exactly one of these fields is given. */
export const IsOneOf = (...fields: string[]): PropertyDecorator =>
  rule('invalid_body', (_value, { object }) => {
    const given = fields.filter((field) => (object as Record<string, unknown>)[field] !== undefined);
    return given.length === 1 ? undefined : `exactly one of ${fields.join(', ')} must be given`;
  });

/** A type that an application may push: a 32-bit int that the protocol does not use itself. */
export function IsPushType(): PropertyDecorator {
  const isInt = rule('invalid_body', (value) =>
    isPacketType(value) ? undefined : 'must be a whole number of 32 bits',
  );
  const isFree = rule('reserved_type', (value) =>
    isPacketType(value) && isReservedType(value) ? `${value} belongs to the protocol, as do 1 and 100–199` : undefined,
  );
  return (target, property) => {
    isInt(target, property);
    isFree(target, property);
  };
}

/** A field that the protocol names and this route cannot keep: said, never ignored. */
export const IsUnsupported = (why: string): PropertyDecorator =>
  rule('unsupported_option', (value) => (value === undefined ? undefined : why));

/** The one value that this route can keep. */
export const IsOnly = (only: unknown, why: string): PropertyDecorator =>
  rule('unsupported_option', (value) => (value === undefined || value === only ? undefined : why));

const kindOf = (value: unknown): string => (value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value);

/** Names in normal form, in the order given; for lists that {@link AreNames} has seen. */
export const namesOf = (names: readonly string[] = []): string[] => names.flatMap((name) => normalName(name) ?? []);
