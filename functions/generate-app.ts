import { createApp } from '../src/api/app.ts';
import { ContinuationSigner } from '../src/api/request/continuation.ts';
import { Admission, limitsFrom } from '../src/api/request/limits.ts';
import type { Settings } from '../src/settings.ts';
import type { ModelCache } from '../src/store/model-cache.ts';
import { parseModelReference } from '../src/store/model-name.ts';
import { readSigningSecret } from '../src/store/signing-secret.ts';
import type { Store } from '../src/store/store.ts';
import { authoriseByGateway } from './authorise-by-gateway.ts';
import { Deadline } from './deadline.ts';
import { buffered, streamed } from './gateway.ts';
import { logRequest } from './log.ts';

/**
 * Signs by the secret in the store, which is read when it is first needed: a start does not wait for it, and it stands in
 * no configuration that others may read. A failure is forgotten.
 */
const sharedSigner = (store: Store, given: string | undefined): (() => Promise<ContinuationSigner>) => {
  let signer: Promise<ContinuationSigner> | undefined;
  return () => {
    signer ??= (given === undefined ? readSigningSecret(store) : Promise.resolve(given)).then(
      (secret) => new ContinuationSigner(secret),
      (error: unknown) => {
        signer = undefined;
        throw error;
      },
    );
    return signer;
  };
};

/** Bytes of all models of one request: half of the function's memory at most, the rest is the program's and the texts'. */
const roomForModels = ({ modelCacheBytes, lambdaMemory }: Settings): number =>
  lambdaMemory === undefined ? modelCacheBytes : Math.min(modelCacheBytes, lambdaMemory * 2 ** 19);

/** The API with its generating routes, as a handler. */
export const answerWith = (store: Store, models: ModelCache, settings: Settings): unknown => {
  const deadline = new Deadline();
  const limits = deadline.bound(limitsFrom(settings));
  const app = createApp({
    store,
    limits,
    authorise: authoriseByGateway(settings.writerKeyIds),
    generator: {
      defaultModel: parseModelReference(settings.model),
      acquire: (reference, precision) => models.acquire(reference, precision),
      maximumModelBytes: roomForModels(settings),
      admission: new Admission(limits),
      signer: sharedSigner(store, settings.signingKey),
      ...(settings.lambdaMemory !== undefined && {
        pricing: {
          memoryMegabytes: settings.lambdaMemory,
          dollarsPerGigabyteSecond: settings.gigabyteSecondDollars,
          dollarsPerRequest: settings.requestDollars,
        },
      }),
    },
    requests: {
      strict: settings.strictRequests,
      unknown: settings.unknownCharacters,
      chatTemplate: settings.chatTemplate?.replaceAll('\\n', '\n'),
    },
    origins: settings.origins,
    log: logRequest,
  });
  return (settings.streaming ? streamed : buffered)((request, host, context) => {
    deadline.begin(context);
    return app.fetch(request, host);
  });
};
