import { ArnFormat, Duration, Stack } from 'aws-cdk-lib';
import type * as ecs from 'aws-cdk-lib/aws-ecs';
import * as events from 'aws-cdk-lib/aws-events';
import * as targets from 'aws-cdk-lib/aws-events-targets';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import type * as sns from 'aws-cdk-lib/aws-sns';
import * as sqs from 'aws-cdk-lib/aws-sqs';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { corpusDeletedKey, prefixes } from '../src/store/keys.ts';
import { presetNames } from '../training/presets/presets.ts';
import { closingDefinition } from './closing-definition.ts';
import { executionLog } from './execution-log.ts';
import { retrainingDefinition } from './retraining-definition.ts';
import type { TrainerFacts } from './run-trainer.ts';
import type { StackSettings } from './settings.ts';

/** What a state machine needs that runs the trainer. */
export interface TrainerResources {
  readonly cluster: ecs.ICluster;
  readonly trainer: ecs.FargateTaskDefinition;
  readonly trainerFacts: TrainerFacts;
}

export interface RetrainingProps extends TrainerResources {
  readonly settings: StackSettings;
  readonly corpora: s3.IBucket;
  readonly models: s3.IBucket;
  readonly notifications: sns.ITopic;
}

/** An object under `corpora/`, created or deleted -> a rule -> a state machine -> a task that trains. */
export class Retraining extends Construct {
  readonly machine: sfn.StateMachine;
  /** Closes records of trainings that were ended from outside. */
  readonly closing: sfn.StateMachine;
  /** Events that could not be delivered. */
  readonly deadLetters: sqs.Queue;
  /** Starts the machine for each upload. */
  readonly uploads: events.Rule;

  constructor(scope: Construct, id: string, props: RetrainingProps) {
    super(scope, id);
    const { settings, corpora, models, notifications } = props;
    const stack = Stack.of(this);

    const role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('states.amazonaws.com') });
    this.machine = new sfn.StateMachine(this, 'Machine', {
      role,
      definitionBody: sfn.DefinitionBody.fromString(
        stack.toJsonString(
          retrainingDefinition({
            ...props.trainerFacts,
            models: models.bucketName,
            topic: notifications.topicArn,
            region: stack.region,
            preset: settings.preset,
            presets: presetNames,
            from: settings.from,
            trainingsAtOnce: settings['trainings-at-once'],
          }),
        ),
      ),
      tracingEnabled: settings.tracing,
      logs: executionLog(this, settings, 'retraining'),
    });
    this.grant(role, props);

    this.deadLetters = new sqs.Queue(this, 'DeadLetters', {
      enforceSSL: true,
      encryption: sqs.QueueEncryption.SQS_MANAGED,
      retentionPeriod: Duration.days(14),
    });
    const target = new targets.SfnStateMachine(this.machine, {
      deadLetterQueue: this.deadLetters,
      retryAttempts: 8,
      maxEventAge: Duration.hours(6),
    });
    const object = {
      bucket: { name: [corpora.bucketName] },
      object: { key: [{ prefix: prefixes.corpora }] },
    };
    this.uploads = new events.Rule(this, 'Corpus', {
      description: 'A corpus was uploaded',
      eventPattern: { source: ['aws.s3'], detailType: ['Object Created'], detail: object },
      targets: [target],
    });
    // Not for old versions, which the lifecycle or somebody who purges them ends.
    new events.Rule(this, 'DeletedCorpus', {
      description: 'A corpus was deleted',
      eventPattern: {
        source: ['aws.s3'],
        detailType: ['Object Deleted'],
        detail: { ...object, 'deletion-type': ['Delete Marker Created'] },
      },
      targets: [target],
    });
    this.closing = this.closeRecords(props);
  }

  /** A machine that closes the records of trainings whose executions were ended from outside. */
  private closeRecords({ settings, models }: RetrainingProps): sfn.StateMachine {
    const scope = new Construct(this, 'Closing');
    const role = new iam.Role(scope, 'Role', {
      assumedBy: new iam.ServicePrincipal('states.amazonaws.com'),
    });
    const machine = new sfn.StateMachine(scope, 'Machine', {
      role,
      definitionBody: sfn.DefinitionBody.fromString(
        Stack.of(this).toJsonString(closingDefinition({ models: models.bucketName })),
      ),
      tracingEnabled: settings.tracing,
      logs: executionLog(scope, settings, 'closing'),
    });
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['s3:GetObject', 's3:PutObject'],
        resources: [models.arnForObjects(`${prefixes.trainings}*`)],
      }),
    );
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['s3:ListBucket'],
        resources: [models.bucketArn],
        conditions: { StringLike: { 's3:prefix': `${prefixes.trainings}*` } },
      }),
    );
    new events.Rule(scope, 'Ended', {
      description: 'An execution of Retraining did not come to its own end',
      eventPattern: {
        source: ['aws.states'],
        detailType: ['Step Functions Execution Status Change'],
        detail: {
          stateMachineArn: [this.machine.stateMachineArn],
          status: ['ABORTED', 'TIMED_OUT', 'FAILED'],
        },
      },
      targets: [
        new targets.SfnStateMachine(machine, {
          deadLetterQueue: this.deadLetters,
          retryAttempts: 8,
          maxEventAge: Duration.hours(6),
        }),
      ],
    });
    return machine;
  }

  /** Lets a function start, find and stop trainings. */
  grantControl(grantee: iam.IGrantable): void {
    this.machine.grantStartExecution(grantee);
    for (const statement of this.ownExecutions()) grantee.grantPrincipal.addToPrincipalPolicy(statement);
  }

  private ownExecutions(): iam.PolicyStatement[] {
    return [
      new iam.PolicyStatement({
        actions: ['states:ListExecutions'],
        resources: [this.machine.stateMachineArn],
      }),
      new iam.PolicyStatement({
        actions: ['states:DescribeExecution', 'states:StopExecution'],
        resources: [
          Stack.of(this).formatArn({
            service: 'states',
            resource: 'execution',
            arnFormat: ArnFormat.COLON_RESOURCE_NAME,
            resourceName: `${this.machine.stateMachineName}:*`,
          }),
        ],
      }),
    ];
  }

  private grant(role: iam.Role, props: RetrainingProps): void {
    const { corpora, models, notifications } = props;
    const statement = (actions: string[], resources: string[], conditions?: Record<string, unknown>) =>
      role.addToPolicy(new iam.PolicyStatement({ actions, resources, ...(conditions && { conditions }) }));

    statement(['s3:GetObject'], [corpora.arnForObjects(`${prefixes.corpora}*`)]);
    // Without it a missing object is answered by 403, as if it were forbidden.
    statement(['s3:ListBucket'], [corpora.bucketArn], {
      StringLike: { 's3:prefix': `${prefixes.corpora}*` },
    });
    statement(['s3:ListBucket'], [models.bucketArn], {
      StringLike: { 's3:prefix': `${prefixes.trainings}*` },
    });
    statement(['s3:GetObject', 's3:PutObject'], [models.arnForObjects(`${prefixes.trainings}*`)]);
    statement(['s3:PutObject', 's3:DeleteObject'], [models.arnForObjects(corpusDeletedKey('*'))]);
    statement(['sns:Publish'], [notifications.topicArn]);

    grantRunTrainer(role, props);

    // On itself, so in a policy that is made after it.
    new iam.Policy(this, 'OwnExecutions', { statements: this.ownExecutions() }).attachToRole(role);
  }
}

/** Running the task, waiting for its end and stopping it. */
export function grantRunTrainer(role: iam.Role, { cluster, trainer }: TrainerResources): void {
  const stack = Stack.of(role);
  const statement = (actions: string[], resources: string[], conditions?: Record<string, unknown>) =>
    role.addToPolicy(new iam.PolicyStatement({ actions, resources, ...(conditions && { conditions }) }));
  statement(['ecs:RunTask'], [trainer.taskDefinitionArn], {
    ArnEquals: { 'ecs:cluster': cluster.clusterArn },
  });
  statement(
    ['ecs:StopTask', 'ecs:DescribeTasks'],
    [stack.formatArn({ service: 'ecs', resource: 'task', resourceName: `${cluster.clusterName}/*` })],
  );
  // Tags of the definition go to the task, and whoever tags has to be allowed to.
  statement(
    ['ecs:TagResource'],
    [stack.formatArn({ service: 'ecs', resource: 'task', resourceName: `${cluster.clusterName}/*` })],
    { StringEquals: { 'ecs:CreateAction': 'RunTask' } },
  );
  statement(['iam:PassRole'], [trainer.taskRole.roleArn, trainer.obtainExecutionRole().roleArn], {
    StringEquals: { 'iam:PassedToService': 'ecs-tasks.amazonaws.com' },
  });
  // How Step Functions learns that a task has ended.
  statement(
    ['events:PutTargets', 'events:PutRule', 'events:DescribeRule'],
    [
      stack.formatArn({
        service: 'events',
        resource: 'rule',
        resourceName: 'StepFunctionsGetEventsForECSTaskRule',
      }),
    ],
  );
}
