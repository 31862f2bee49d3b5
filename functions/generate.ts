import { randomBytes } from 'node:crypto';
import { createApp } from '../src/api/app.ts';
import { ContinuationSigner } from '../src/api/continuation.ts';
import { Admission, limitsFrom } from '../src/api/limits.ts';
import { readSettings } from '../src/settings.ts';
import { parseModelReference } from '../src/store/model-name.ts';
import { openModels } from '../src/store/open-models.ts';
import { S3Store } from '../src/store/s3-store.ts';
import { authoriseByGateway } from './authorise-by-gateway.ts';
import { Deadline } from './deadline.ts';
import { buffered, streamed } from './gateway.ts';
import { logRequest } from './log.ts';

/** The function that generates and scores; the kernel is in its bundle, and nothing that only managing needs. */
const settings = readSettings();
const store = S3Store.at(settings.store);
const models = openModels(store, settings);
const defaultModel = parseModelReference(settings.model);

// The current model is loaded while Lambda still starts the environment. Whatever hinders it is told to the request
// that needs the model, which tries again.
const loading = models.open(defaultModel).then(
  (held) => held.release(),
  () => {},
);

const deadline = new Deadline();
const limits = deadline.bound(limitsFrom(settings));
const app = createApp({
  store,
  limits,
  authorise: authoriseByGateway(settings.writerKeyId),
  generator: {
    defaultModel,
    open: (reference, precision) => models.open(reference, precision),
    admission: new Admission(limits),
    signer: new ContinuationSigner(settings.signingKey ?? randomBytes(32)),
    ...(settings.lambdaMemory !== undefined && {
      meter: {
        memoryMegabytes: settings.lambdaMemory,
        dollarsPerGigabyteSecond: settings.gigabyteSecondDollars,
        dollarsPerRequest: settings.requestDollars,
      },
    }),
  },
  origins: settings.origins,
  log: logRequest,
});

await loading;

export const handler = (settings.streaming ? streamed : buffered)((request, host, context) => {
  deadline.begin(context);
  return app.fetch(request, host);
});
