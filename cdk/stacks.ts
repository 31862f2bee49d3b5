import { type App, aws_iam as iam, type StackProps, Tags } from 'aws-cdk-lib';
import type { Bundles } from '../functions/bundle.ts';
import { ApiStack } from './api-stack.ts';
import { DataStack } from './data-stack.ts';
import { readSettings } from './settings.ts';
import { TrainingStack } from './training-stack.ts';

/**
 * The deployment as a list: buckets; what trains; what answers. Neither account nor region is named. A stage of its
 * own stands beside others in one account and region: only the names of its stacks differ.
 */
export function addStacks(app: App, bundles: Bundles) {
  const settings = readSettings(app.node);
  const suffix = settings.stage === undefined ? '' : `-${settings.stage}`;
  const names = {
    data: `FolioData${suffix}`,
    training: `FolioTraining${suffix}`,
    api: `FolioApi${suffix}`,
  };
  const props = (stackName: string, description: string): StackProps => ({
    stackName,
    description,
    terminationProtection: settings['termination-protection'],
  });
  const data = new DataStack(app, 'FolioData', {
    ...props(names.data, 'Folio: corpora and models'),
    settings,
  });
  const training = new TrainingStack(app, 'FolioTraining', {
    ...props(names.training, 'Folio: an uploaded corpus becomes a model'),
    settings,
    bundles,
    data,
  });
  const api = new ApiStack(app, 'FolioApi', {
    ...props(names.api, 'Folio: the endpoint'),
    settings,
    bundles,
    data,
    training,
  });
  const boundary = settings['permissions-boundary'];
  if (boundary !== undefined) {
    iam.PermissionsBoundary.of(app).apply(
      iam.ManagedPolicy.fromManagedPolicyArn(data, 'PermissionsBoundary', boundary),
    );
  }
  for (const [key, value] of [['app', 'folio'] as const, ...(settings.tags ?? [])])
    Tags.of(app).add(key, value);
  return { settings, names, data, training, api };
}
