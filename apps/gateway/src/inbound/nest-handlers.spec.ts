import {
  BadRequestException,
  Catch,
  Injectable,
  Logger,
  ParseIntPipe,
  UseFilters,
  UseGuards,
  ValidationPipe,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type Type,
} from '@nestjs/common';
import { DiscoveryModule, DiscoveryService, ExternalContextCreator, MetadataScanner } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import {
  BaseWsExceptionFilter,
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
} from '@nestjs/websockets';
import { CodedError, type ClientPacket } from '@app/protocol';
import { Metrics, silentLog } from '@app/runtime';
import { IsInt, IsString } from 'class-validator';
import { of } from 'rxjs';
import { FakeConnection } from '../session/connection.contract.js';
import { Outboxes } from '../session/outboxes.js';
import { SessionTable } from '../session/session-table.js';
import { ConnectedClient } from './connected-client.js';
import { NestHandlers } from './nest-handlers.js';

@Injectable()
class NotBen implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.switchToWs().getClient<ConnectedClient>().user !== 'ben';
  }
}

class TeapotError extends Error {}

@Catch(TeapotError)
class Teapots implements ExceptionFilter {
  catch() {
    return { brewed: 'tea' };
  }
}

class Order {
  @IsString()
  symbol!: string;

  @IsInt()
  amount!: number;
}

@Catch()
class NestsOwn extends BaseWsExceptionFilter {}

@WebSocketGateway(4444, { path: '/quotes', namespace: 'n' })
class QuotesGateway {
  readonly clients = new Set<ConnectedClient>();

  @SubscribeMessage(200)
  @UseGuards(NotBen)
  quote(@MessageBody(ParseIntPipe) symbol: number, @ConnectedSocket() client: ConnectedClient) {
    this.clients.add(client);
    return { symbol, user: client.user };
  }

  @SubscribeMessage('201')
  asGenerated(client: ConnectedClient, payload: unknown): unknown {
    return [client.connectionId, payload];
  }

  @SubscribeMessage(202)
  answersWithAPacket() {
    return { event: 999, data: 'nine' };
  }

  @SubscribeMessage(203)
  streams() {
    return of(1, 2, 3);
  }

  @SubscribeMessage(204)
  throws(@MessageBody('how') how: string) {
    if (how === 'ws') throw new WsException('no such symbol');
    if (how === 'coded') throw new WsException({ code: 'not_found', message: 'gone' });
    if (how === 'http') throw new BadRequestException(['a must be an int', 'b must be there']);
    throw new Error('the database is down');
  }

  @SubscribeMessage(205)
  @UseFilters(Teapots)
  filtered() {
    throw new TeapotError();
  }

  @SubscribeMessage(206)
  @UseFilters(NestsOwn)
  filteredByNest() {
    throw new WsException('still told');
  }

  @SubscribeMessage(208)
  order(@MessageBody(new ValidationPipe({ whitelist: true })) order: Order) {
    return { isOrder: order instanceof Order, order };
  }

  @SubscribeMessage('message')
  never() {}
}

async function setup(gateway: Type = QuotesGateway) {
  const module = await Test.createTestingModule({
    imports: [DiscoveryModule],
    providers: [gateway, NotBen],
  }).compile();
  const outboxes = new Outboxes(100_000, new Metrics());
  const sessions = new SessionTable();
  sessions.identify('g', 1);
  const nest = {
    discovery: module.get(DiscoveryService),
    scanner: module.get(MetadataScanner),
    contexts: module.get(ExternalContextCreator),
  };
  const handlers = new NestHandlers(nest, sessions, outboxes, silentLog);
  const arrive = (user?: string) => {
    const connection = new FakeConnection();
    const session = sessions.add(connection);
    session.state = 'live';
    session.user = user;
    /** What the handler answers; rejects as it throws. */
    const ask = async (type: number, data?: unknown) => {
      const packet: ClientPacket = { type, data, ref: 'r' };
      const answers: unknown[] = [];
      await handlers.of(type)!(session, packet, (answer) => answers.push(answer));
      expect(answers).toHaveLength(1);
      await outboxes.afterFlush();
      return answers[0];
    };
    return { session, connection, ask };
  };
  return { module, handlers, arrive };
}

beforeAll(() => Logger.overrideLogger(false));

describe('handlers of the application', () => {
  it('get what they ask for, through pipes and guards', async () => {
    const { handlers, arrive, module } = await setup();
    handlers.onApplicationBootstrap();
    const [ann, ben] = [arrive('ann'), arrive('ben')];
    expect(await ann.ask(200, '42')).toEqual({ symbol: 42, user: 'ann' });
    await ann.ask(200, '43');
    expect(module.get(QuotesGateway).clients.size).toBe(1); // the same object every time
    await expect(ann.ask(200, 'x')).rejects.toMatchObject({ code: 'invalid_body' });
    await expect(ben.ask(200, '42')).rejects.toMatchObject({ code: 'forbidden' });
    expect(await ann.ask(201, 'raw')).toEqual([expect.stringMatching(/^g~1~/), 'raw']);
    expect(await ann.ask(203)).toBe(3);
  });

  it('get DTOs that were validated, as Nest does it everywhere', async () => {
    const { handlers, arrive } = await setup();
    handlers.onApplicationBootstrap();
    const { ask } = arrive();
    const order = { symbol: 'SKY', amount: 3 };
    expect(await ask(208, { ...order, more: 1 })).toEqual({ isOrder: false, order });
    await expect(ask(208, { symbol: 'SKY', amount: 'three' })).rejects.toMatchObject({
      code: 'invalid_body',
      message: expect.stringContaining('amount must be an integer') as string,
    });
  });

  it('answer with a packet of another type when they say so', async () => {
    const { handlers, arrive } = await setup();
    handlers.onApplicationBootstrap();
    const ann = arrive('ann');
    expect(await ann.ask(202)).toBeUndefined();
    expect(ann.connection.packets).toEqual([{ type: 999, data: 'nine' }]);
  });

  it('fail with what is meant for the client, and with nothing else', async () => {
    const { handlers, arrive } = await setup();
    handlers.onApplicationBootstrap();
    const { ask } = arrive();
    await expect(ask(204, { how: 'ws' })).rejects.toEqual(new CodedError('invalid_body', 'no such symbol'));
    await expect(ask(204, { how: 'coded' })).rejects.toMatchObject({ code: 'not_found', message: 'gone' });
    await expect(ask(204, { how: 'http' })).rejects.toMatchObject({ message: 'a must be an int; b must be there' });
    await expect(ask(204, {})).rejects.not.toBeInstanceOf(CodedError);
    expect(await ask(205)).toEqual({ brewed: 'tea' });
    await expect(ask(206)).rejects.toMatchObject({ message: 'still told' });
  });

  it('are found by the int they subscribe to only', async () => {
    const { handlers } = await setup();
    handlers.onApplicationBootstrap();
    expect([199, 200, 201, 207].map((type) => handlers.of(type) !== undefined)).toEqual([false, true, true, false]);
  });

  it('may not claim what belongs to the protocol, nor one type twice', async () => {
    @WebSocketGateway()
    class Greedy {
      @SubscribeMessage(101)
      join() {}
    }
    @WebSocketGateway()
    class Twice {
      @SubscribeMessage(200)
      one() {}

      @SubscribeMessage(200)
      two() {}
    }
    const [greedy, twice] = [await setup(Greedy), await setup(Twice)];
    expect(() => greedy.handlers.onApplicationBootstrap()).toThrow('Greedy.join subscribes to 101');
    expect(() => twice.handlers.onApplicationBootstrap()).toThrow('Twice.two and Twice.one both subscribe to 200');
  });
});

describe('the client as handlers see it', () => {
  it('takes packets of the application only', async () => {
    const { handlers, arrive, module } = await setup();
    handlers.onApplicationBootstrap();
    const ann = arrive('ann');
    await ann.ask(200, '1');
    const [client] = module.get(QuotesGateway).clients;
    expect(client!.isOpen).toBe(true);
    expect(client!.send(300, { a: 1 })).toBe('queued');
    expect(() => client!.send(100, {})).toThrow('100 is no packet type of the application');
    expect(() => client!.send(0.5, {})).toThrow('0.5 is no packet type');
    client!.close('enough');
    expect(ann.connection.packets).toEqual([{ type: 300, data: { a: 1 } }]);
    expect(ann.connection.ended).toEqual({ code: 4403, reason: 'enough' });
    expect(client!.isOpen).toBe(false);
    expect(client!.send(300, 1)).toBe('closed');
  });
});
