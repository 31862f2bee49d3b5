import { expect, test } from 'vitest';
import { withRareFields } from '../../../src/api/request/rare-fields.ts';
import { CompletionRequestSchema } from '../../../src/api/request/requests.ts';
import { completionBody } from '../../../src/web/completion-body.ts';
import { defaultSettings } from '../../../src/web/generation.ts';
import { advancedSliders, mainSliders } from '../../../src/web/sliders.ts';

const sliders = [...mainSliders, ...advancedSliders];

test.each(sliders)('$name: the default is within the range, and the sentences differ', (slider) => {
  const initial = defaultSettings[slider.name];
  expect(initial).toBeGreaterThanOrEqual(slider.min);
  expect(initial).toBeLessThanOrEqual(slider.max);
  const sentences = [slider.min, initial, slider.max].map(slider.explain);
  for (const sentence of sentences) expect(sentence).toMatch(/^[A-Z].*\.$/);
  expect(new Set(sentences).size).toBeGreaterThan(1);
});

test.each(sliders)('$name: the API accepts both ends of the range', (slider) => {
  for (const value of [slider.min, slider.max]) {
    const body = completionBody('m', { ...defaultSettings, [slider.name]: value });
    expect(withRareFields(CompletionRequestSchema).safeParse(body).error).toBeUndefined();
  }
});
