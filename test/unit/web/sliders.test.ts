import { expect, test } from 'vitest';
import { CompletionRequestSchema } from '../../../src/api/request/requests.ts';
import { completionBody } from '../../../src/web/completion-body.ts';
import { defaultSettings } from '../../../src/web/generation.ts';
import { advancedSliders, mainSliders } from '../../../src/web/sliders.ts';

const dials = [...mainSliders, ...advancedSliders];

test.each(dials)('$name: its plain value is on it, and every end of it says something', (dial) => {
  const plain = defaultSettings[dial.name];
  expect(plain).toBeGreaterThanOrEqual(dial.least);
  expect(plain).toBeLessThanOrEqual(dial.most);
  const sentences = [dial.least, plain, dial.most].map(dial.explain);
  for (const sentence of sentences) expect(sentence).toMatch(/^[A-Z].*\.$/);
  expect(new Set(sentences).size).toBeGreaterThan(1);
});

test.each(dials)('$name: the API takes both of its ends', (dial) => {
  for (const value of [dial.least, dial.most]) {
    const body = completionBody('m', { ...defaultSettings, [dial.name]: value });
    expect(CompletionRequestSchema.safeParse(body).error).toBeUndefined();
  }
});
