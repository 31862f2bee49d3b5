import { expect, test } from 'vitest';
import { CompletionRequest } from '../../../src/api/request/requests.ts';
import { completionBody } from '../../../src/web/completion-body.ts';
import { plainRequest } from '../../../src/web/generation.ts';
import { fineDials, mainDials } from '../../../src/web/sliders.ts';

const dials = [...mainDials, ...fineDials];

test.each(dials)('$name: its plain value is on it, and every end of it says something', (dial) => {
  const plain = plainRequest[dial.name];
  expect(plain).toBeGreaterThanOrEqual(dial.least);
  expect(plain).toBeLessThanOrEqual(dial.most);
  const sentences = [dial.least, plain, dial.most].map(dial.explain);
  for (const sentence of sentences) expect(sentence).toMatch(/^[A-Z].*\.$/);
  expect(new Set(sentences).size).toBeGreaterThan(1);
});

test.each(dials)('$name: the API takes both of its ends', (dial) => {
  for (const value of [dial.least, dial.most]) {
    const body = completionBody('m', { ...plainRequest, [dial.name]: value });
    expect(CompletionRequest.safeParse(body).error).toBeUndefined();
  }
});
