import { UseGuards, applyDecorators, type INestApplication, type Type } from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBearerAuth,
  ApiBody,
  ApiExcludeController,
  ApiHeader,
  ApiProperty,
  ApiPropertyOptional,
  ApiResponse,
  ApiSchema,
  ApiSecurity,
  DocumentBuilder,
  SwaggerModule,
  getSchemaPath,
  type ApiResponseNoStatusOptions,
  type OpenAPIObject,
} from '@nestjs/swagger';
import { ErrorCode } from '@app/protocol';
import { HealthController } from '@app/runtime';
import { scopeOf } from './key/scope-table.js';
import { CallerGuard } from './rest/caller.js';
import { problem, type FieldProblem } from './rest/problem.js';

const aboutKeys = 'A key of API_KEYS or API_KEYS_FILE.';

const about = `Push messages to everybody, to rooms, to users and their devices, to single connections or by labels, and change
who is in a room.

A push is answered \`202\` when the bus holds it, which is before anybody has it. Nobody there is never an error: an
unknown user, an empty room or a connection that is gone get nothing, and the answer is the same.

Every refusal is a problem (RFC 9457) with a \`code\` of its own. All of \`/v1\` asks for an API key where the process
has \`API_KEYS\` or \`API_KEYS_FILE\`: 401 without one, 403 with one that has not the scope or the app. Each route says
the scope that it needs, also as \`x-scope\`.`;

/** Serves the documentation: `/docs` for people, `/docs-json` for generators. */
export function serveDocs(app: INestApplication): void {
  SwaggerModule.setup('docs', app, () => describeRoutes(app), {
    jsonDocumentUrl: 'docs-json',
    yamlDocumentUrl: 'docs-yaml',
    customSiteTitle: 'Skylark REST',
    swaggerOptions: { tryItOutEnabled: true, persistAuthorization: true, displayRequestDuration: true },
  });
}

function describeRoutes(app: INestApplication): OpenAPIObject {
  const description = new DocumentBuilder()
    .setTitle('Skylark')
    .setDescription(about)
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addServer('/', 'This process')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'API key', description: aboutKeys }, 'bearer')
    .addApiKey({ type: 'apiKey', in: 'header', name: 'X-API-Key', description: aboutKeys }, 'apiKey')
    .addTag('push', 'Send a message')
    .addTag('rooms', 'Which rooms there are and who is in them')
    .addTag('users', 'Who is online')
    .addTag('connections', 'Single connections')
    .addTag('channels', 'What was kept for who comes later')
    .addTag('dead letters', 'Records that could not be delivered')
    .addTag('tokens', 'Take back what clients show')
    .addTag('online', 'Who is here, and which gateways serve them')
    .build();
  ApiExcludeController()(HealthController); // said here, because gateway and job do without Swagger
  const document = SwaggerModule.createDocument(app, description, {
    // A name that reads well as a function of a generated client; methods are named so that they differ across controllers.
    operationIdFactory: (_controller, method) => method,
    extraModels: [ProblemSchema],
  });
  closeBodies(document);
  nameScopes(document);
  return document;
}

const methods = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** Says of each route which scope its key needs. OpenAPI 3.0 has scopes for OAuth only (§4.7.30). */
function nameScopes({ paths }: OpenAPIObject): void {
  for (const [path, item] of Object.entries(paths)) {
    for (const method of methods) {
      const operation = item[method];
      const scope = operation && scopeOf(method.toUpperCase(), path.replace(/\{(\w+)\}/g, ':$1'));
      if (scope === undefined) continue;
      operation!.description = `${operation!.description ?? ''}\n\nIts key needs the scope \`${scope}\`.`.trim();
      Object.assign(operation!, { 'x-scope': scope });
    }
  }
}

/**
 * What may stand in a request is said to the last field, as it is refused with `unknown_field`; answers may grow.
 * Defaults are said in words: generators of clients take a field with `default` for one that must be given.
 */
function closeBodies({ paths, components }: OpenAPIObject): void {
  const schemas = (components?.schemas ?? {}) as Record<string, SchemaObject>;
  const behind = (node: SchemaOrReference) => ('$ref' in node ? schemas[node.$ref.split('/').pop()!]! : node);
  const seen = new Set<object>();
  const close = (given: unknown): void => {
    if (typeof given !== 'object' || given === null || seen.has(given)) return;
    seen.add(given);
    const node: SchemaOrReference = given;
    if ('$ref' in node) return close(behind(node));
    if (node.allOf && node.allOf.length > 1) joinParts(node, node.allOf.map(behind));
    if (node.properties) node.additionalProperties ??= false;
    if (node.default !== undefined) {
      node.description = `${node.description ?? ''} Default: \`${JSON.stringify(node.default)}\`.`.trim();
      delete node.default;
    }
    Object.values(node).forEach(close);
  };
  for (const operation of Object.values(paths).flatMap((path) => [path.post, path.put, path.patch, path.delete])) {
    if (operation?.requestBody && 'content' in operation.requestBody)
      for (const { schema } of Object.values(operation.requestBody.content)) close(schema);
  }
}

type HeadersObject = NonNullable<ApiResponseNoStatusOptions['headers']>;
type SchemaOrReference = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];
type SchemaObject = Exclude<SchemaOrReference, { $ref: string }>;

/** Makes one object of all parts, because closed parts would refuse one another's fields. */
function joinParts(node: SchemaObject, parts: readonly SchemaObject[]): void {
  delete node.allOf;
  node.type = 'object';
  node.properties = Object.assign({}, ...parts.map(({ properties }) => properties)) as SchemaObject['properties'];
  node.required = parts.flatMap(({ required = [] }) => required);
}

/** What every route under `/v1` may take and answer. */
export const ApiV1 = (): ClassDecorator & MethodDecorator =>
  applyDecorators(
    UseGuards(CallerGuard),
    ApiBearerAuth('bearer'),
    ApiSecurity('apiKey'),
    ApiHeader({
      name: 'X-App-Id',
      required: false,
      description:
        'The app whose users, rooms and connections are meant; when missing that of the key, or `default`. A key of one app takes no other: 403.',
      schema: { type: 'string', pattern: '^[A-Za-z0-9_-]{1,64}$' },
    }),
  );

/** A body with examples that work as they stand: name → body. */
export const ApiExamples = (type: Type, examples: Record<string, object>): MethodDecorator =>
  ApiBody({ type, examples: Object.fromEntries(Object.entries(examples).map(([name, value]) => [name, { value }])) });

export const ApiAccepted = (type: Type, headers: HeadersObject): MethodDecorator =>
  ApiAcceptedResponse({ type, description: 'The bus holds the message.', headers });

/** The codes that a route may refuse with, gathered by status, each with an example; what every route may answer comes by itself. */
export function ApiProblems(...codes: ErrorCode[]): MethodDecorator {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of new Set([...codes, 'bad_name', 'unauthenticated', 'forbidden', 'internal'] as const)) {
    const { status } = ErrorCode[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return applyDecorators(...[...byStatus].map(([status, some]) => problemResponse(status, some)));
}

function problemResponse(status: number, codes: readonly ErrorCode[]): MethodDecorator {
  const examples = Object.fromEntries(
    codes.map((code) => [code, { summary: ErrorCode[code].title, value: example(code) }]),
  );
  return ApiResponse({
    status,
    description: codes.map((code) => `\`${code}\`: ${ErrorCode[code].title}`).join(' · '),
    content: { 'application/problem+json': { schema: { $ref: getSchemaPath(ProblemSchema) }, examples } },
    ...(status === 503 && {
      headers: {
        'Retry-After': { description: 'Seconds until it is worth another try.', schema: { type: 'integer' } },
      },
    }),
  });
}

const example = (code: ErrorCode): object => {
  const [detail, errors] = said[code] ?? ([`${ErrorCode[code].title}.`] as const);
  return problem(code, detail, errors);
};

const said: Partial<Record<ErrorCode, readonly [string, FieldProblem[]?]>> = {
  invalid_body: [
    '#/rooms: must be a list of at least one string',
    [{ pointer: '#/rooms', detail: 'must be a list of at least one string' }],
  ],
  unknown_field: [
    '#/colour: this route knows no such field',
    [{ pointer: '#/colour', detail: 'this route knows no such field' }],
  ],
  bad_match: [
    '#/match: must be an expression of labels like `platform=ios & !beta`',
    [{ pointer: '#/match', detail: 'must be an expression of labels like `platform=ios & !beta`' }],
  ],
  reserved_type: [
    '#/type: 1 belongs to the protocol, as do 1 and 100–199',
    [{ pointer: '#/type', detail: '1 belongs to the protocol, as do 1 and 100–199' }],
  ],
  invalid_query: [
    '?limit: must be a whole number from 1 to 1000',
    [{ pointer: '?limit', detail: 'must be a whole number from 1 to 1000' }],
  ],
  unsupported_option: ['#/ack: is not supported yet', [{ pointer: '#/ack', detail: 'is not supported yet' }]],
  forbidden: ['This needs a key with the scope "push"; this one has read.'],
  too_many_targets: ['10001 targets; 10000 is the most in one call.'],
  payload_too_large: ['The payload has 70000 bytes; 65536 is the most.'],
  idempotency_conflict: ['This key was used for another push; a new push needs a new key.'],
  idempotency_unavailable: [
    'Keys cannot be looked up now, and nothing was pushed; send it again after the time in Retry-After.',
  ],
  bus_unavailable: ['The bus did not take the message; send it again after the time in Retry-After.'],
};

@ApiSchema({ name: 'FieldProblem' })
class FieldProblemSchema {
  @ApiProperty({
    description: 'Which field: a JSON pointer (RFC 6901), or `?name` for a parameter of the query.',
    example: '#/rooms',
  })
  pointer!: string;

  @ApiProperty({ example: 'must be a list of at least one string' })
  detail!: string;
}

/** What {@link problem} makes, for generators. */
@ApiSchema({ name: 'Problem' })
export class ProblemSchema {
  @ApiProperty({ example: 'urn:skylark:problem:invalid_body' })
  type!: string;

  @ApiProperty()
  title!: string;

  @ApiProperty({ type: 'integer' })
  status!: number;

  @ApiProperty()
  detail!: string;

  @ApiProperty({ enum: Object.keys(ErrorCode), enumName: 'ErrorCode' })
  code!: ErrorCode;

  @ApiPropertyOptional({ type: [FieldProblemSchema] })
  errors?: FieldProblemSchema[];
}
