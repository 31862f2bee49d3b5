import { createApp } from '../src/api/app.ts';
import { limitsFrom } from '../src/api/request/limits.ts';
import { readSettings } from '../src/settings.ts';
import { presignedUploads } from '../src/store/presigned-uploads.ts';
import { S3Store } from '../src/store/s3-store.ts';
import { StateMachineTrainingJobs } from '../src/training-jobs/state-machine-training-jobs.ts';
import { authoriseByGateway } from './authorise-by-gateway.ts';
import { buffered } from './gateway.ts';
import { logRequest } from './log.ts';
import { pages } from './pages.ts';

/** The function behind every route that generates nothing; no kernel is in its bundle. */
const settings = readSettings();
const store = S3Store.at(settings.store);

const app = createApp({
  store,
  limits: limitsFrom(settings),
  authorise: authoriseByGateway(settings.writerKeyIds),
  ...(settings.retraining !== undefined &&
    settings.corporaStore !== undefined && {
      trainings: new StateMachineTrainingJobs(store, settings.retraining, settings.corporaStore),
      corpora: presignedUploads(settings.corporaStore, settings.maximumCorpusBytes),
    }),
  origins: settings.origins,
  pages: pages(settings.uploadOrigin),
  live: false,
  log: logRequest,
});

export const handler = buffered((request, host) => app.fetch(request, host));
