import { Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { prefixes } from '../src/store/keys.ts';
import { presetNames } from '../training/presets/presets.ts';
import { executionLog } from './execution-log.ts';
import { gridDefinition } from './grid-definition.ts';
import { NodeFunction } from './node-function.ts';
import { grantRunTrainer, type TrainerResources } from './retraining.ts';
import type { StackSettings } from './settings.ts';

export interface TrainingGridProps extends TrainerResources {
  readonly settings: StackSettings;
  readonly bundle: string;
  readonly corpora: s3.IBucket;
  readonly models: s3.IBucket;
}

/** One corpus, many settings: trainings side by side, the best of them published. */
export class TrainingGrid extends Construct {
  readonly machine: sfn.StateMachine;

  constructor(scope: Construct, id: string, props: TrainingGridProps) {
    super(scope, id);
    const { settings, bundle, corpora, models } = props;
    const publish = new NodeFunction(this, 'PublishBest', {
      settings,
      description: 'Publishes the best version that a grid of trainings has made',
      code: bundle,
      memory: 512,
      timeout: Duration.minutes(2),
      environment: { FOLIO_STORE: `s3://${models.bucketName}` },
    });
    publish
      .grantObjects(['s3:GetObject'], models, [`${prefixes.grids}*`, `${prefixes.models}*`])
      .grantObjects(['s3:PutObject'], models, [`${prefixes.models}*`])
      .grantList(models, [prefixes.grids, prefixes.models]);

    const role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('states.amazonaws.com') });
    this.machine = new sfn.StateMachine(this, 'Machine', {
      role,
      definitionBody: sfn.DefinitionBody.fromString(
        Stack.of(this).toJsonString(
          gridDefinition({
            ...props.trainerFacts,
            corpora: corpora.bucketName,
            models: models.bucketName,
            publishBest: publish.function.functionArn,
            preset: settings.preset,
            presets: presetNames,
            trainingsAtOnce: settings['trainings-at-once'],
          }),
        ),
      ),
      tracingEnabled: settings.tracing,
      logs: executionLog(this, settings, 'grid'),
    });
    publish.grantInvokeTo(role);
    grantRunTrainer(role, props);
  }
}
