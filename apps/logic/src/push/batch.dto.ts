import { ApiExtraModels, ApiProperty, ApiPropertyOptional, getSchemaPath } from '@nestjs/swagger';
import { rule } from '../rest/rules.js';
import type { ProblemSchema } from '../openapi.js';
import { Accepted, Reach } from './push.dto.js';
import { pushRoutes } from './targets.js';

const pushesAtMost = 1_000;

const idempotencyKey = {
  type: 'string',
  minLength: 1,
  maxLength: 255,
  pattern: '^[ -~]+$',
  description: 'As the header `Idempotency-Key` of this target’s own route.',
};

/** Not looked into here: a bad push harms no other. */
function ArePushes(): PropertyDecorator {
  const isList = rule('invalid_body', (value) =>
    Array.isArray(value) && value.length > 0 ? undefined : 'must be a list of at least one push',
  );
  const isShort = rule('too_many_targets', (value) =>
    Array.isArray(value) && value.length > pushesAtMost ? `takes up to ${pushesAtMost} pushes` : undefined,
  );
  return (target, property) => {
    isList(target, property);
    isShort(target, property);
  };
}

@ApiExtraModels(...Object.values(pushRoutes).map(({ body }) => body))
export class PushBatchBody {
  @ApiProperty({
    type: 'array',
    minItems: 1,
    maxItems: pushesAtMost,
    description: 'Each `{"target":"users", …}` with the body of that target’s own route.',
    items: {
      oneOf: Object.entries(pushRoutes).map(([target, { body }]) => ({
        allOf: [
          {
            type: 'object',
            required: ['target'],
            properties: { target: { type: 'string', enum: [target] }, idempotencyKey },
          },
          { $ref: getSchemaPath(body) },
        ],
      })),
    },
  })
  @ArePushes()
  pushes!: unknown[];
}

/** What became of one push: what its own route would have answered. */
@ApiExtraModels(Accepted, Reach)
export class PushResult {
  @ApiProperty({ type: 'integer', example: 202, description: 'As its own route would have answered.' })
  status!: number;

  @ApiProperty({
    oneOf: [
      { $ref: getSchemaPath(Accepted) },
      { $ref: getSchemaPath(Reach) },
      { $ref: '#/components/schemas/Problem' },
    ],
  })
  body!: Accepted | Reach | ProblemSchema;

  @ApiPropertyOptional({
    enum: [true],
    description: '`true`: its key was used before, and this is the first answer; nothing was pushed now.',
  })
  replayed?: true;
}

/** 200: each push answered by itself. */
export class PushResults {
  @ApiProperty({ type: [PushResult], description: 'In the order of `pushes`.' })
  results!: PushResult[];
}
