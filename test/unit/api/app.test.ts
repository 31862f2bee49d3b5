import { afterAll, describe } from 'vitest';
import { createHost } from '../../../src/server/host.ts';
import { apiCases } from '../../api.cases.ts';
import { callsOf, furnished } from './host-under-test.ts';

describe('the bare app', async () => {
  const place = await furnished();
  afterAll(() => place[Symbol.asyncDispose]());
  apiCases(async () => {
    return { store: place.store, fetch: callsOf(await createHost(place.settings)) };
  });
});
