import { Controller, Get, Header, Module, type DynamicModule } from '@nestjs/common';
import { HealthCheck, HealthCheckService, HealthIndicatorService, TerminusModule } from '@nestjs/terminus';
import type { HealthCheckResult } from '@nestjs/terminus';
import { Metrics } from './metrics.js';
import { Readiness } from './readiness.js';

/** `/health/live`: the process runs. `/health/ready`: it can do its work now, else 503 with what is wrong. `/metrics`: Prometheus. */
@Controller()
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicator: HealthIndicatorService,
    private readonly readiness: Readiness,
    private readonly metrics: Metrics,
  ) {}

  @Get('health/live')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('health/ready')
  // Documented, it would load all of Swagger into gateway and job: 15 MB.
  @HealthCheck({ noCache: true, swaggerDocumentation: false })
  async ready(): Promise<HealthCheckResult> {
    const found = await this.readiness.look();
    return this.health.check(
      [...found].map(([name, problem]) => () => {
        const indicator = this.indicator.check(name);
        return problem === undefined ? indicator.up() : indicator.down(problem);
      }),
    );
  }

  @Get('metrics')
  @Header('Content-Type', 'text/plain; version=0.0.4; charset=utf-8')
  scrape(): Promise<string> {
    return this.metrics.registry.metrics();
  }
}

@Module({})
export class HealthModule {
  static forRoot(parts: { readiness: Readiness; metrics: Metrics }): DynamicModule {
    return {
      module: HealthModule,
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [HealthController],
      providers: [
        { provide: Readiness, useValue: parts.readiness },
        { provide: Metrics, useValue: parts.metrics },
      ],
    };
  }
}
