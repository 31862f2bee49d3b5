import { type App, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * Every finding of the audits that is meant as it is, and why. `test/cloud` holds that each of these still answers a
 * finding, and that nothing else is found.
 */
export interface Suppression {
  /** Path of the construct, whose children are meant too. */
  readonly at: string;
  readonly findings: readonly string[];
  readonly reason: string;
  /** There by some setting alone. */
  readonly optional?: true;
}

const wildcard = (resource: string) => `AwsSolutions-IAM5[Resource::${resource}]`;

const regional = 'arn:<AWS::Partition>';
const here = '<AWS::Region>:<AWS::AccountId>';

const executions = (machine: string) => wildcard(`${regional}:states:${here}:execution:${machine}:*`);

const objects = 'Objects under a prefix of one bucket: their names are not known before they are written.';
const tracing = 'X-Ray has no resources that a policy could name.';

/** Names of the stacks, which are in the names of what they export. */
export interface StackNames {
  readonly data: string;
  readonly training: string;
}

export function suppressions(names: StackNames): readonly Suppression[] {
  const bucketOutput = (output: string) => (keys: string) =>
    wildcard(`${names.data}:ExportsOutputFnGetAtt${output}/${keys}`);
  const corpora = bucketOutput('Corpora7C7C03FAArn42EEA9D8');
  const models = bucketOutput('ModelsC55D3500ArnC820EBA0');
  return [
    {
      at: 'FolioTraining/Trainer/TaskRole',
      findings: [
        corpora('corpora/*'),
        models('models/*'),
        models('models/*/current.json'),
        models('candidates/*'),
        models('checkpoints/*'),
        models('trainings/*'),
        models('grids/*'),
        models('grids/*/checkpoints/*'),
      ],
      reason: objects,
    },
    {
      at: 'FolioTraining/Trainer/ExecutionRole',
      findings: [wildcard('*')],
      reason: 'ecr:GetAuthorizationToken knows no resource; everything else of the role is named.',
    },
    {
      at: 'FolioTraining/Trainer',
      findings: ['AwsSolutions-ECS2'],
      reason: 'Names of a bucket and a log level: none of them is secret, and they are known at deployment.',
    },
    {
      at: 'FolioTraining/Retraining/Role',
      findings: [corpora('corpora/*'), models('trainings/*'), models('models/*/corpus-deleted.json')],
      reason: objects,
    },
    {
      at: 'FolioTraining/Retraining/Role',
      findings: [wildcard('*')],
      reason: `${tracing} Neither has the delivery of logs, which Step Functions sets up by itself.`,
    },
    ...['FolioTraining/Retraining/Role', 'FolioTraining/Grid/Role'].map((at) => ({
      at,
      findings: [wildcard(`${regional}:ecs:${here}:task/<ClusterEB0386A7>/*`)],
      reason: 'The tasks of one cluster; the id of a task is not known before it runs.',
    })),
    {
      at: 'FolioTraining/Grid',
      findings: [wildcard('*')],
      reason: `${tracing} Neither has the delivery of logs, which Step Functions sets up by itself.`,
    },
    {
      at: 'FolioTraining/Grid/PublishBest/Role',
      findings: [models('grids/*'), models('models/*')],
      reason: objects,
    },
    {
      at: 'FolioTraining/Grid',
      findings: ['Serverless-LambdaDLQ'],
      reason: 'Called by Step Functions, which waits for it and tries again.',
    },
    {
      at: 'FolioTraining/Retraining/Closing/Role',
      findings: [models('trainings/*')],
      reason: objects,
    },
    {
      at: 'FolioTraining/Retraining/Closing/Role',
      findings: [wildcard('*')],
      reason: `${tracing} Neither has the delivery of logs, which Step Functions sets up by itself.`,
    },
    {
      at: 'FolioApi/Bulk/Role',
      findings: [models('bulk/*'), models('models/*/current.json'), models('models/*/*/model.json')],
      reason: objects,
    },
    { at: 'FolioApi/Bulk/Item/Role', findings: [models('models/*'), models('bulk/*')], reason: objects },
    {
      at: 'FolioApi/Bulk/OwnExecutions',
      findings: [wildcard(`${regional}:states:${here}:execution:<BulkMachine7FFB04D5.Name>/Rows:*`)],
      reason: 'The executions of its own distributed map, which it stops and redrives.',
    },
    {
      at: 'FolioTraining/Retraining/OwnExecutions',
      findings: [executions('<RetrainingMachine7ADC3CEC.Name>')],
      reason: 'The executions of the machine itself: a later upload stops an earlier one.',
    },
    {
      at: 'FolioTraining/Retraining/DeadLetters',
      findings: ['AwsSolutions-SQS3', 'Serverless-SQSRedrivePolicy'],
      reason: 'It is a dead-letter queue. An alarm watches it.',
    },
    {
      at: 'FolioApi',
      findings: [wildcard('*')],
      reason: tracing,
    },
    {
      at: 'FolioApi',
      findings: ['Serverless-LambdaDLQ'],
      reason: 'Its functions are called synchronously: the caller receives the failure.',
    },
    {
      at: 'FolioApi/Generate/Role',
      findings: [models('models/*'), models('candidates/*/report.*')],
      reason: objects,
    },
    {
      at: 'FolioApi/Admin/Role',
      findings: [
        corpora('corpora/*'),
        models('models/*'),
        models('models/*/current.json'),
        models('candidates/*'),
        models('trainings/*'),
      ],
      reason: objects,
    },
    {
      at: 'FolioApi/Admin/Role',
      findings: [executions(`${names.training}:ExportsOutputFnGetAttRetrainingMachine7ADC3CECNameB334B24A`)],
      reason: 'The executions of one state machine: trainings are stopped by whoever may write.',
    },
    {
      at: 'FolioApi/Writer',
      findings: [
        'DELETE/v1/models/*',
        'DELETE/v1/trainings/*',
        'POST/v1/corpora/*',
        'POST/v1/models/*/activate',
      ].map((route) => wildcard(`${regional}:execute-api:${here}:<ApiF70053CD>/live/${route}`)),
      reason: 'Routes of one endpoint: names of models and trainings are not known before they are made.',
      optional: true,
    },
    {
      at: 'FolioApi/PrebuiltModel/InstallModel/Role',
      findings: [models('models/shakespeare/*')],
      reason: objects,
    },
    {
      at: 'FolioApi/Api',
      findings: ['AwsSolutions-APIG2'],
      reason:
        'The functions check every field and report all faults at once; a schema in the gateway would report one.',
    },
    {
      at: 'FolioApi/Api/CloudWatchRole',
      findings: [
        `AwsSolutions-IAM4[Policy::${regional}:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]`,
      ],
      reason: 'The role of the account for the logs of API Gateway, which is documented to need this policy.',
    },
    {
      at: 'FolioApi/Api',
      findings: ['AwsSolutions-APIG3'],
      reason: 'A web ACL costs 5 USD a month while idle. Throttling, quota and keys stand in its place.',
    },
    {
      at: 'FolioTraining/Notifications',
      findings: ['Serverless-SNSRedrivePolicy'],
      reason:
        'Of e-mail: SNS tries again by itself, and the outcome is in the record and the alarm in CloudWatch.',
    },
    {
      at: 'FolioApi/Bulk/Machine',
      findings: ['AwsSolutions-SF1'],
      reason:
        'Errors alone are logged: every batch is an execution, and its log would cost more than its work.',
    },
    {
      at: 'FolioApi/Api',
      findings: ['Serverless-APIGWXrayEnabled'],
      reason:
        'A trace of the gateway holds the query of GET /generate, and with it a prompt. Functions are traced.',
    },
    {
      at: 'FolioApi/Api',
      findings: ['AwsSolutions-COG4'],
      reason: 'Callers are programs with an API key or IAM rights, not people with passwords.',
    },
    {
      at: 'FolioApi/Api',
      findings: ['AwsSolutions-APIG4'],
      reason: 'Pages and the health check are open; every route that generates, reads or writes is guarded.',
    },
  ];
}

/** @throws Error for a path that is not in the tree */
export function suppressFindings(app: App, names: StackNames): void {
  for (const { at, findings, reason, optional } of suppressions(names)) {
    const ids = at.split('/');
    const construct = optional
      ? ids.reduce<IConstruct | undefined>((scope, id) => scope?.node.tryFindChild(id), app.node.root)
      : ids.reduce((scope, id) => scope.node.findChild(id), app.node.root);
    if (construct === undefined) continue;
    for (const id of findings) Validations.of(construct).acknowledge({ id, reason });
  }
}
