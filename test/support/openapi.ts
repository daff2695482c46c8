import { Ajv, type ErrorObject } from 'ajv';
import formats from 'ajv-formats';

/** The parts of an OpenAPI 3.0 document that tests look at (https://spec.openapis.org/oas/v3.0.3). */
export interface OpenApi {
  paths: Record<string, Record<string, OperationObject>>;
  components: { schemas: Record<string, Schema> };
  tags: { name: string; description?: string }[];
}

export interface OperationObject {
  operationId: string;
  tags?: string[];
  summary?: string;
  description?: string;
  parameters?: Parameter[];
  requestBody?: { required?: boolean; content: Record<string, Media> };
  responses: Record<string, ResponseObject>;
  security?: Record<string, string[]>[];
  /** What a key needs to open it. */
  'x-scope'?: string;
}

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required?: boolean;
  description?: string;
  example?: unknown;
  schema: Schema;
}

interface Media {
  schema: Schema;
  examples?: Record<string, { value: unknown }>;
}

interface ResponseObject {
  description: string;
  headers?: Record<string, unknown>;
  content?: Record<string, Media>;
}

export interface Schema {
  $ref?: string;
  type?: string;
  properties?: Record<string, Schema>;
  nullable?: boolean;
  example?: unknown;
  default?: unknown;
  enum?: unknown[];
  [keyword: string]: unknown;
}

/** One route, and how to ask it. */
export class Operation {
  constructor(
    readonly path: string,
    readonly method: string,
    readonly object: OperationObject,
  ) {}

  get id(): string {
    return this.object.operationId;
  }

  get scope(): string | undefined {
    return this.object['x-scope'];
  }

  get parameters(): Parameter[] {
    return this.object.parameters ?? [];
  }

  get pathParameters(): Parameter[] {
    return this.parameters.filter((parameter) => parameter.in === 'path');
  }

  get queryParameters(): Parameter[] {
    return this.parameters.filter((parameter) => parameter.in === 'query');
  }

  /** Whether a URL's path is one of this route. */
  matches(url: string): boolean {
    const [asked, its] = [url.split('?')[0]!.split('/'), this.path.split('/')];
    return asked.length === its.length && its.every((part, i) => part === asked[i] || part.startsWith('{'));
  }

  get bodyMedia(): Media | undefined {
    return this.object.requestBody?.content['application/json'];
  }

  /** Bodies that the documentation shows; one `undefined` for a route without. */
  get bodies(): unknown[] {
    if (this.bodyMedia === undefined) return [undefined];
    return Object.values(this.bodyMedia.examples ?? {}).map(({ value }) => value);
  }

  /** The path with each parameter as its example says, or as `given` does (which is escaped), and the query that must be. */
  url(given: Record<string, string> = {}, query: Record<string, string> = {}): string {
    const path = this.path.replace(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(given[name] ?? exampleOf(this.pathParameters.find((parameter) => parameter.name === name))),
    );
    const required = this.queryParameters.filter((parameter) => parameter.required);
    const all = {
      ...Object.fromEntries(required.map((parameter) => [parameter.name, exampleOf(parameter)])),
      ...query,
    };
    const search = new URLSearchParams(all).toString();
    return search === '' ? path : `${path}?${search}`;
  }
}

export function exampleOf(parameter: Parameter | undefined): string {
  const example = parameter?.example ?? parameter?.schema.example ?? parameter?.schema.default;
  return example === undefined ? `no-example-for-${parameter?.name ?? '?'}` : `${example as string | number}`;
}

export const operationsOf = (spec: OpenApi): Operation[] =>
  Object.entries(spec.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, object]) => new Operation(path, method.toUpperCase(), object)),
  );

/** What an HTTP answer must be judged by. */
export interface Answered {
  status: number;
  contentType: string;
  text: string;
}

/** Judges answers and examples by the schemas of a document. */
export class Judge {
  private readonly ajv = new Ajv({ strict: false, allErrors: true, validateSchema: false });

  constructor(spec: OpenApi) {
    formats.default(this.ajv);
    this.ajv.addSchema(asJsonSchema(spec) as object, 'openapi.json');
  }

  /** What is wrong with an answer of this route; undefined when nothing is. */
  answer({ path, method, object }: Operation, { status, contentType, text }: Answered): string | undefined {
    const response = object.responses[status];
    if (response === undefined) return `status ${status} is not documented: ${text.slice(0, 200)}`;
    if (response.content === undefined) return text === '' ? undefined : `${status} has a body: ${text.slice(0, 200)}`;
    const type = contentType.split(';')[0]!.trim();
    const media = response.content[type];
    if (media === undefined) return `${status} is ${type}, not ${Object.keys(response.content).join(' or ')}`;
    const body = JSON.parse(text) as { code?: string; status?: number };
    const pointer = ['paths', path, method.toLowerCase(), 'responses', String(status), 'content', type, 'schema'];
    const wrong = this.value(pointer, body);
    if (wrong !== undefined) return `${status} is off its schema: ${wrong}: ${text.slice(0, 200)}`;
    if (type !== 'application/problem+json') return undefined;
    if (body.status !== status) return `a problem of status ${body.status} came with ${status}`;
    const codes = Object.values(media.examples ?? {}).map(({ value }) => (value as { code?: string }).code);
    return codes.includes(body.code) ? undefined : `code ${body.code} is not documented for ${status}`;
  }

  /** What is wrong with a value by the schema at this place of the document. */
  value(pointer: readonly string[], value: unknown): string | undefined {
    const escaped = pointer.map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')));
    const $ref = `openapi.json#/${escaped.join('/')}`;
    const validate = this.ajv.getSchema($ref) ?? this.ajv.compile({ $ref });
    return validate(value) ? undefined : said(validate.errors ?? []);
  }
}

const said = (errors: readonly ErrorObject[]): string =>
  errors.map(({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`).join('; ');

/**
 * OpenAPI 3.0's schemas as JSON Schema: `nullable` is one more alternative, and an object has the properties that are
 * named and no others, so that an answer with a field too many is found too.
 */
function asJsonSchema(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(asJsonSchema);
  if (typeof node !== 'object' || node === null) return node;
  const { nullable, ...rest } = Object.fromEntries(
    Object.entries(node).map(([key, value]) => [
      key,
      ['example', 'examples', 'default', 'enum'].includes(key) ? value : asJsonSchema(value),
    ]),
  ) as Schema;
  const isClosed = rest.type === 'object' && rest.properties && rest.additionalProperties === undefined;
  const schema = isClosed ? { ...rest, additionalProperties: false } : rest;
  return nullable === true ? { anyOf: [{ type: 'null' }, schema] } : schema;
}
