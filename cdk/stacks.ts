import type { App } from 'aws-cdk-lib';
import type { Bundles } from '../functions/bundle.ts';
import { ApiStack } from './api-stack.ts';
import { DataStack } from './data-stack.ts';
import { readSettings } from './settings.ts';
import { TrainingStack } from './training-stack.ts';

/** The deployment as a list: buckets; what trains; what answers. Neither account nor region is named. */
export function addStacks(app: App, bundles: Bundles) {
  const settings = readSettings(app.node);
  const data = new DataStack(app, 'FolioData', { description: 'Folio: corpora and models' });
  const training = new TrainingStack(app, 'FolioTraining', {
    description: 'Folio: an uploaded corpus becomes a model',
    settings,
    bundles,
    data,
  });
  const api = new ApiStack(app, 'FolioApi', {
    description: 'Folio: the endpoint',
    settings,
    bundles,
    data,
    training,
  });
  return { settings, data, training, api };
}
