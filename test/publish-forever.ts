import { publishVersion } from '../src/store/models.ts';
import { openStore } from '../src/store/open-store.ts';
import { tinyModel } from './tiny-model.ts';

/** Publishes version after version of one model until it is killed: `node test/publish-forever.ts LOCATION`. */
const store = await openStore(process.argv[2] ?? '');
for (let round = 0; ; round++) {
  const createdAt = new Date(Date.now() + round * 1000);
  await publishVersion(
    store,
    tinyModel({ name: 'killed', units: [64], seed: round + process.pid, createdAt }),
  );
  process.stdout.write('.');
}
