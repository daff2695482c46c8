import { NotFoundException } from '@nestjs/common';
import { BusUnavailableError, ShardsChangedError } from '@app/bus';
import { CodedError } from '@app/protocol';
import { BodyError, problemOf } from './problem.js';

describe('problemOf', () => {
  it('has the members of RFC 9457, and a code', () => {
    expect(problemOf(new CodedError('bad_name', 'no name'))).toEqual({
      type: 'urn:skylark:problem:bad_name',
      title: 'Not a valid name',
      status: 422,
      detail: 'no name',
      code: 'bad_name',
    });
  });

  it('lists fields', () => {
    const errors = [{ pointer: '#/rooms', detail: 'must be a list' }];
    expect(problemOf(new BodyError('invalid_body', errors))).toMatchObject({
      status: 400,
      errors,
      detail: '#/rooms: must be a list',
    });
  });

  it.each([
    [new BusUnavailableError('kafka-7.internal:9092 is away'), 503, 'bus_unavailable'],
    [new ShardsChangedError('kafka-7.internal has 8 partitions'), 503, 'bus_unavailable'],
    [new NotFoundException(), 404, 'not_found'],
    [Object.assign(new Error('kafka-7'), { statusCode: 403 }), 403, 'forbidden'],
    [Object.assign(new Error('kafka-7'), { statusCode: 400 }), 400, 'malformed'],
  ])('knows %s', (error, status, code) => {
    const found = problemOf(error);
    expect(found).toMatchObject({ status, code });
    expect(found?.detail).not.toContain('kafka-7');
  });

  it('says nothing of surprises', () => {
    expect(problemOf(new Error('secret'))).toBeUndefined();
    expect(problemOf('secret')).toBeUndefined();
    expect(problemOf(Object.assign(new Error('secret'), { statusCode: 502 }))).toBeUndefined();
  });
});
