import { isFolioError } from '../src/errors.ts';
import { openStore } from '../src/store/open-store.ts';

/** Adds to a counter by compare-and-swap, in a process of its own: `node test/increment.ts LOCATION KEY TIMES`. */
const [, , location = '', key = '', times = ''] = process.argv;
const store = await openStore(location);
for (let left = Number(times); left > 0; ) {
  const now = await store.read(key);
  const next = String(Number(now === undefined ? 0 : new TextDecoder().decode(now.bytes)) + 1);
  try {
    await store.replace(key, new TextEncoder().encode(next), now?.etag ?? null);
    left--;
  } catch (error) {
    if (!isFolioError(error) || error.code !== 'conflict') throw error;
  }
}
