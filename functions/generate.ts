import { readSettings } from '../src/settings.ts';
import { parseModelReference } from '../src/store/model-name.ts';
import { openModels } from '../src/store/open-models.ts';
import { S3Reader } from '../src/store/s3-reader.ts';
import { logLoadFailure, logModels } from './log.ts';
import { threadsOf } from './threads.ts';

/**
 * The function that generates and scores. What it does first, it begins before the rest of its code is even read:
 * the current model is on its way from S3 while the API is loaded, and packed before Lambda has started the
 * environment. A failure is reported by the request that needs the model, which tries again.
 *
 * A store that does not answer is waited for longer than the 10 s that Lambda gives a start: it is cut off then and
 * done again within the first request, which is slow and no more.
 */
const settings = readSettings();
const store = new S3Reader(settings.store);
const models = openModels(store, settings, threadsOf(settings.lambdaMemory), logModels);
const loading = models.acquire(parseModelReference(settings.model)).then(
  (held) => held.release(),
  (error: unknown) => logLoadFailure(error),
);

const { answerWith } = await import('./generate-app.ts');
await loading;

export const handler = answerWith(store, models, settings);
