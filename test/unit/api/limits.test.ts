import { expect, test } from 'vitest';
import { Admission, type Limits } from '../../../src/api/request/limits.ts';

const limits: Limits = {
  length: 1,
  prompt: 1,
  bodyBytes: 1,
  concurrent: 5,
  concurrentPerCaller: 3,
  seconds: 1,
};

test('admission: one caller gets its share, all callers together the whole, and finished requests free their places', () => {
  const admission = new Admission(limits);
  const leave = admission.enter('a', 2);
  expect(() => admission.enter('a', 2)).toThrow(
    expect.objectContaining({ code: 'too_many_requests', status: 429, details: { retryAfter: 1 } }),
  );
  admission.enter('b', 3);
  expect(() => admission.enter('c', 1)).toThrow(expect.objectContaining({ code: 'overloaded', status: 503 }));
  leave();
  leave();
  expect(admission.running).toBe(3);
  admission.enter('a', 2);
  expect(admission.running).toBe(5);
});

test('admission: a request larger than the limit is refused as invalid, not as too many', () => {
  expect(() => new Admission(limits).enter('a', 4)).toThrow(
    expect.objectContaining({ code: 'limit_exceeded', status: 422 }),
  );
});

test('admission: a server that shuts down admits no request', () => {
  const admission = new Admission(limits);
  admission.close();
  expect(() => admission.enter('a', 1)).toThrow(expect.objectContaining({ code: 'unavailable' }));
});
