import { ArnFormat, Duration, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import * as sfn from 'aws-cdk-lib/aws-stepfunctions';
import { Construct } from 'constructs';
import { modelFile, pointerKey, prefixes, versionKey } from '../src/store/keys.ts';
import { bulkDefinition } from './bulk-definition.ts';
import { executionLog } from './execution-log.ts';
import { NodeFunction } from './node-function.ts';
import type { StackSettings } from './settings.ts';

export interface BulkMapProps {
  readonly settings: StackSettings;
  readonly bundle: string;
  readonly models: s3.IBucket;
}

/** Millions of rows, generated or scored by many functions at once: JSON lines in, JSON lines out, below `bulk/`. */
export class BulkMap extends Construct {
  readonly machine: sfn.StateMachine;
  /** Does one batch. */
  readonly item: NodeFunction;

  constructor(scope: Construct, id: string, { settings, bundle, models }: BulkMapProps) {
    super(scope, id);
    const stack = Stack.of(this);
    this.item = new NodeFunction(this, 'Item', {
      settings,
      description: 'Generates or scores the rows of one batch',
      code: bundle,
      memory: settings.memory,
      timeout: Duration.seconds(290), // as long as its state waits for it
      environment: { FOLIO_STORE: `s3://${models.bucketName}` },
    });
    this.item
      .grantObjects(['s3:GetObject'], models, [`${prefixes.models}*`])
      .grantObjects(['s3:PutObject'], models, [`${prefixes.bulk}*`])
      .grantList(models, [prefixes.models]);

    const role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('states.amazonaws.com') });
    this.machine = new sfn.StateMachine(this, 'Machine', {
      role,
      definitionBody: sfn.DefinitionBody.fromString(
        stack.toJsonString(
          bulkDefinition({ item: this.item.function.functionArn, models: models.bucketName }),
        ),
      ),
      tracingEnabled: settings.tracing,
      logs: executionLog(this, settings, 'bulk', sfn.LogLevel.ERROR),
    });
    this.item.grantInvokeTo(role);
    const statement = (actions: string[], resources: string[], conditions?: Record<string, unknown>) =>
      role.addToPolicy(new iam.PolicyStatement({ actions, resources, ...(conditions && { conditions }) }));
    statement(
      ['s3:GetObject'],
      [`${prefixes.bulk}*`, pointerKey('*'), versionKey('*', '*', modelFile)].map((keys) =>
        models.arnForObjects(keys),
      ),
    );
    statement(
      ['s3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
      [models.arnForObjects(`${prefixes.bulk}*`)],
    );
    statement(['s3:ListBucket'], [models.bucketArn], {
      StringLike: { 's3:prefix': [`${prefixes.bulk}*`, `${prefixes.models}*`] },
    });

    // A distributed map starts executions of its own machine, and redrives those that failed.
    const executions = stack.formatArn({
      service: 'states',
      resource: 'execution',
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
      resourceName: `${this.machine.stateMachineName}/Rows:*`,
    });
    new iam.Policy(this, 'OwnExecutions', {
      statements: [
        new iam.PolicyStatement({
          actions: ['states:StartExecution'],
          resources: [this.machine.stateMachineArn],
        }),
        new iam.PolicyStatement({
          actions: ['states:DescribeExecution', 'states:StopExecution', 'states:RedriveExecution'],
          resources: [executions],
        }),
      ],
    }).attachToRole(role);
  }
}
