import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as codedeploy from 'aws-cdk-lib/aws-codedeploy';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as logs from 'aws-cdk-lib/aws-logs';
import type * as s3 from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { StackSettings } from './settings.ts';

export interface NodeFunctionProps {
  readonly settings: StackSettings;
  readonly description: string;
  /** Folder of the bundle, or of more than that. */
  readonly code: string;
  readonly memory: number; // MB
  readonly timeout: Duration;
  readonly environment?: Readonly<Record<string, string>>;
  readonly reservedConcurrency?: number;
  /** Whether new code may be tried on a tenth of the requests first (`folio:canary`). */
  readonly gradual?: boolean;
}

/** A function on Lambda's current Node: its own role, its own log group of limited age, traced, logging JSON. */
export class NodeFunction extends Construct {
  readonly function: lambda.Function;
  readonly logGroup: logs.LogGroup;
  /** What callers invoke: the function itself, or the alias that moves to a new version step by step. */
  readonly entry: lambda.IFunction;

  constructor(scope: Construct, id: string, props: NodeFunctionProps) {
    super(scope, id);
    const { settings } = props;
    this.logGroup = new logs.LogGroup(this, 'Log', {
      retention: settings['log-days'],
      removalPolicy: RemovalPolicy.DESTROY,
    });
    // Not the managed policy, which may write to every log group.
    const role = new iam.Role(this, 'Role', { assumedBy: new iam.ServicePrincipal('lambda.amazonaws.com') });
    this.logGroup.grantWrite(role);
    this.function = new lambda.Function(this, 'Function', {
      description: props.description,
      runtime: lambda.Runtime.NODEJS_24_X,
      architecture:
        settings.architecture === 'arm64' ? lambda.Architecture.ARM_64 : lambda.Architecture.X86_64,
      code: lambda.Code.fromAsset(props.code),
      handler: 'index.handler',
      memorySize: props.memory,
      timeout: props.timeout,
      role,
      logGroup: this.logGroup,
      loggingFormat: lambda.LoggingFormat.JSON,
      // The platform's own lines of every start and end cost more than what is logged here.
      systemLogLevelV2: lambda.SystemLogLevel.WARN,
      applicationLogLevelV2: lambda.ApplicationLogLevel.INFO,
      tracing: settings.tracing ? lambda.Tracing.ACTIVE : lambda.Tracing.DISABLED,
      ...(props.environment && { environment: props.environment }),
      ...(props.reservedConcurrency && { reservedConcurrentExecutions: props.reservedConcurrency }),
    });
    this.entry =
      settings.canary && props.gradual
        ? new lambda.Alias(this, 'Live', { aliasName: 'live', version: this.function.currentVersion })
        : this.function;
  }

  /** New code serves a tenth of the requests for five minutes; any of these alarms takes it back. */
  deployGradually(alarms: cloudwatch.IAlarm[]): void {
    if (!(this.entry instanceof lambda.Alias)) return;
    const role = new iam.Role(this, 'DeploymentRole', {
      assumedBy: new iam.ServicePrincipal('codedeploy.amazonaws.com'),
    });
    new codedeploy.LambdaDeploymentGroup(this, 'Deployment', {
      alias: this.entry,
      role,
      alarms,
      deploymentConfig: codedeploy.LambdaDeploymentConfig.CANARY_10PERCENT_5MINUTES,
      autoRollback: { deploymentInAlarm: true, failedDeployment: true },
    });
  }

  /** Grants actions on the objects under these keys, and on nothing else of the bucket. */
  grantObjects(actions: readonly string[], bucket: s3.IBucket, keys: readonly string[]): this {
    this.function.addToRolePolicy(
      new iam.PolicyStatement({
        actions: [...actions],
        resources: keys.map((key) => bucket.arnForObjects(key)),
      }),
    );
    return this;
  }

  /** Of this function as it is; `grantInvoke` would add all its versions. */
  grantInvokeTo(role: iam.Role): this {
    role.addToPolicy(
      new iam.PolicyStatement({
        actions: ['lambda:InvokeFunction'],
        resources: [this.function.functionArn],
      }),
    );
    return this;
  }

  /** Grants listing below these prefixes; without it, S3 answers 403 for what is not there. */
  grantList(bucket: s3.IBucket, prefixes: readonly string[]): this {
    this.function.addToRolePolicy(
      new iam.PolicyStatement({
        actions: ['s3:ListBucket'],
        resources: [bucket.bucketArn],
        conditions: { StringLike: { 's3:prefix': prefixes.map((prefix) => `${prefix}*`) } },
      }),
    );
    return this;
  }
}
