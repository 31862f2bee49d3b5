import { expect, test } from 'vitest';
import { addressOf } from '../../../src/store/s3-reader.ts';
import { elementsOf, textOf } from '../../../src/store/xml.ts';

test.each([
  ['models', 'eu-central-1', undefined, 'https://models.s3.eu-central-1.amazonaws.com/'],
  ['models', 'us-gov-west-1', undefined, 'https://models.s3.us-gov-west-1.amazonaws.com/'],
  ['models', 'cn-north-1', undefined, 'https://models.s3.cn-north-1.amazonaws.com.cn/'],
  ['models', 'us-iso-east-1', undefined, 'https://models.s3.us-iso-east-1.c2s.ic.gov/'],
  ['models', 'us-isob-east-1', undefined, 'https://models.s3.us-isob-east-1.sc2s.sgov.gov/'],
  ['models', 'eusc-de-east-1', undefined, 'https://models.s3.eusc-de-east-1.amazonaws.eu/'],
  ['mo.dels', 'eu-central-1', undefined, 'https://s3.eu-central-1.amazonaws.com/mo.dels/'],
  ['models', 'x', 'http://127.0.0.1:9000/', 'http://127.0.0.1:9000/models/'],
])('%s in %s, endpoint %s, is asked at %s', (bucket, region, endpoint, address) => {
  expect(addressOf(bucket, region, endpoint).href).toBe(address);
});

test('reads elements of XML, and characters that are written as names or numbers', () => {
  const xml = '<a><b>1</b>\n<c/><b>x &amp;lt; &#38; &#x1F600; &quot;&apos;&gt;</b><b></b></a>';
  expect(elementsOf(xml, 'b')).toHaveLength(3);
  expect(elementsOf(xml, 'd')).toEqual([]);
  expect(textOf(elementsOf(xml, 'a')[0]!, 'b')).toBe('1');
  expect(textOf('<k>x &amp;lt; &#38; &#x1F600; &quot;&apos;&gt; &nosuch;</k>', 'k')).toBe(
    'x &lt; & \u{1F600} "\'> &nosuch;',
  );
  expect(textOf(xml, 'd')).toBeUndefined();
});
