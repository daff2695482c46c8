import { getMetadataStorage, ValidationTypes } from 'class-validator';

type Rule = ReturnType<ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']>[number];

/** Whether a value of a DTO's field is right; false also where that is not sure. */
type Check = (value: unknown, dto: object) => boolean;

interface Field {
  name: string;
  /** The checks count where all of these hold. */
  conditions: Check[];
  checks: Check[];
}

/**
 * Whether class-validator has nothing against a DTO, by its own rules, which it would look up and sort anew each time. False
 * also where that is not sure: what is wrong says `validate`, and whether anything is.
 */
export function fits(dto: object): boolean {
  const fields = fieldsOf(Object.getPrototypeOf(dto) as object);
  return fields.length > 0 && fields.every((field) => isRight(field, dto));
}

function isRight({ name, conditions, checks }: Field, dto: object): boolean {
  const value = (dto as Record<string, unknown>)[name];
  return !conditions.every((holds) => holds(value, dto)) || checks.every((check) => check(value, dto));
}

const known = new WeakMap<object, Field[]>();

function fieldsOf(prototype: object): Field[] {
  let fields = known.get(prototype);
  if (fields === undefined) {
    const rules = getMetadataStorage().getTargetValidationMetadatas(prototype.constructor, '', false, false);
    fields = [...new Set(rules.map(({ propertyName }) => propertyName))].map((name) => {
      const own = rules.filter(({ propertyName }) => propertyName === name);
      const [conditions, checks] = [own.filter(isCondition), own.filter((rule) => !isCondition(rule))];
      return { name, conditions: conditions.map(conditionOf), checks: checks.map(checkOf) };
    });
    known.set(prototype, fields);
  }
  return fields;
}

const isCondition = ({ type }: Rule): boolean => type === ValidationTypes.CONDITIONAL_VALIDATION;

function conditionOf({ constraints }: Rule): Check {
  const [holds] = constraints as [(dto: object, value: unknown) => boolean];
  return (value, dto) => holds(dto, value);
}

function checkOf({ type, constraintCls, constraints, propertyName: property, each, validateIf }: Rule): Check {
  if (type === ValidationTypes.NESTED_VALIDATION) return isWhole;
  if (type !== ValidationTypes.CUSTOM_VALIDATION || each || validateIf) return () => false;
  const validators = getMetadataStorage()
    .getTargetValidatorConstraints(constraintCls)
    .map(({ instance }) => instance);
  return (value, object) => {
    const args = { targetName: object.constructor.name, property, object, value, constraints };
    return validators.every((validator) => validator.validate(value, args) === true);
  };
}

/** What `ValidateNested` asks of a field: nothing, a DTO or a list of them. */
const isWhole: Check = (value) =>
  value === undefined || (Array.isArray(value) ? value : [value]).every((item) => isObject(item) && fits(item));

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;
