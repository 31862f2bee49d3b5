import { expect, test } from 'vitest';
import { addressOf } from '../../../src/store/s3-reader.ts';

test.each([
  ['s3://models', 'eu-central-1', undefined, 'https://models.s3.eu-central-1.amazonaws.com/'],
  ['s3://models/a/b/', 'us-east-1', undefined, 'https://models.s3.us-east-1.amazonaws.com/a/b/'],
  ['s3://models', 'us-gov-west-1', undefined, 'https://models.s3.us-gov-west-1.amazonaws.com/'],
  ['s3://models', 'cn-north-1', undefined, 'https://models.s3.cn-north-1.amazonaws.com.cn/'],
  ['s3://models/a', 'x', 'http://127.0.0.1:9000/', 'http://127.0.0.1:9000/models/a/'],
  ['s3://mo.dels', 'eu-central-1', undefined, undefined],
  ['s3://models', 'us-iso-east-1', undefined, undefined],
  ['s3://models', 'eusc-de-east-1', undefined, undefined],
  ['s3://models', undefined, undefined, undefined],
])('%s in %s, endpoint %s, is asked at %s', (location, region, endpoint, address) => {
  expect(addressOf(location, region, endpoint)?.href).toBe(address);
});
