import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { isModelName, modelNameOf } from '../../../src/store/model-name.ts';

test.each([
  ['texts/my-novel.txt', 'my-novel'],
  ['My_Novel.v2.txt', 'My_Novel.v2'],
  ['The Lazy Dog, 1280.txt', 'the-lazy-dog-1280'],
  ['C:\\texts\\Été à Nîmes.md', 'ete-a-nimes'],
  ['https://example.org/a/essays%20of.txt?raw=1#top', 'essays-20of'],
  ['s3://bucket/corpora/letters/', 'letters'],
  ['-', undefined],
  ['字.txt', undefined],
  ['.txt', 'txt'],
  [`${'long '.repeat(30)}.txt`, `${'long-'.repeat(12)}long`],
])('the corpus %j makes the model %j', (place, name) => {
  expect(modelNameOf(place)).toBe(name);
  if (name !== undefined) expect(isModelName(name)).toBe(true);
});

test('the page takes the same names, and the state machine too', () => {
  const page = /id="train-name" required pattern="([^"]+)"/.exec(
    readFileSync('src/web/index.html', 'utf8'),
  )?.[1];
  const machine = /const namePattern = '([^']+)'/.exec(
    readFileSync('cdk/model-name-expression.ts', 'utf8'),
  )?.[1];
  for (const name of ['a', 'My_Novel.v2-b', '0', 'x'.repeat(64), '', '-a', '.a', 'a b', 'é', 'a/b']) {
    expect(new RegExp(`^(?:${page})$`, 'v').test(name)).toBe(isModelName(name));
    expect(new RegExp(`^${machine}$`).test(name)).toBe(isModelName(name));
  }
});
