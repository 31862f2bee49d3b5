import { afterAll, describe } from 'vitest';
import { createHost } from '../../../src/server/host.ts';
import { apiCases } from '../../api.cases.ts';
import { furnished } from './host-under-test.ts';

describe('the bare app', async () => {
  const place = await furnished();
  afterAll(() => place[Symbol.asyncDispose]());
  apiCases(async () => {
    const { app } = await createHost(place.settings);
    return {
      store: place.store,
      fetch: async (path, init) =>
        app.fetch(new Request(`http://localhost${path}`, init), { remoteAddress: '127.0.0.1' }),
    };
  });
});
