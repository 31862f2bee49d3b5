import { Annotations, CfnOutput, Duration, RemovalPolicy, Stack, type StackProps, Tags } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecr from 'aws-cdk-lib/aws-ecr';
import * as assets from 'aws-cdk-lib/aws-ecr-assets';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import type * as sns from 'aws-cdk-lib/aws-sns';
import * as subscriptions from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import { type Bundles, root } from '../functions/bundle.ts';
import { pointerKey, prefixes } from '../src/store/keys.ts';
import type { DataStack } from './data-stack.ts';
import { monthlyBudget, notificationsTopic } from './monitoring.ts';
import { Retraining, type TrainerResources } from './retraining.ts';
import type { StackSettings } from './settings.ts';
import { TrainingGrid } from './training-grid.ts';

export interface TrainingStackProps extends StackProps {
  readonly settings: StackSettings;
  readonly bundles: Bundles;
  readonly data: DataStack;
}

/** A trainer that starts when a corpus is uploaded: nothing in it costs anything while no corpus arrives. */
export class TrainingStack extends Stack {
  readonly notifications: sns.Topic;
  readonly retraining: Retraining;
  readonly grid: TrainingGrid;

  constructor(scope: Construct, id: string, props: TrainingStackProps) {
    super(scope, id, props);
    const { settings, bundles, data } = props;

    this.notifications = notificationsTopic(this, 'Notifications');
    monthlyBudget(this, 'Budget', settings.budget, this.notifications);
    if (settings['alarm-email'] !== undefined) {
      this.notifications.addSubscription(new subscriptions.EmailSubscription(settings['alarm-email']));
    } else {
      Annotations.of(this.notifications).addWarningV2(
        'folio:no-alarm-email',
        'Nobody receives alarms, the budget and the outcome of trainings: set -c folio:alarm-email=you@example.com.',
      );
    }

    const vpc = trainerNetwork(this, data, settings);
    const cluster = new ecs.Cluster(this, 'Cluster', {
      vpc,
      containerInsightsV2: ecs.ContainerInsights.ENABLED,
    });
    // After the cluster: the first one of an account makes ECS's own role, without which the providers are refused.
    new ecs.CfnClusterCapacityProviderAssociations(this, 'CapacityProviders', {
      cluster: cluster.clusterName,
      capacityProviders: ['FARGATE', 'FARGATE_SPOT'],
      defaultCapacityProviderStrategy: [],
    });

    const trainer = trainerTask(this, data, settings);
    const securityGroup = new ec2.SecurityGroup(this, 'TrainerGroup', {
      vpc,
      description: 'Trainer: outbound connections only',
      allowAllOutbound: false,
    });
    securityGroup.addEgressRule(ec2.Peer.anyIpv4(), ec2.Port.tcp(443), 'S3, ECR, CloudWatch: TLS alone');
    const resources: TrainerResources = {
      cluster,
      trainer: trainer.task,
      trainerFacts: {
        cluster: cluster.clusterArn,
        taskDefinition: trainer.task.taskDefinitionArn,
        container: trainer.container.containerName,
        subnets: vpc.publicSubnets.map((subnet) => subnet.subnetId),
        securityGroup: securityGroup.securityGroupId,
        trainingSeconds: settings['training-hours'] * 3600,
        spot: settings.spot,
      },
    };
    const buckets = { corpora: data.corpora, models: data.models };
    this.retraining = new Retraining(this, 'Retraining', {
      settings,
      ...buckets,
      ...resources,
      notifications: this.notifications,
    });
    this.grid = new TrainingGrid(this, 'Grid', {
      settings,
      bundle: bundles['publish-best'],
      ...buckets,
      ...resources,
    });
    new CfnOutput(this, 'CorporaBucket', { value: data.corpora.bucketName });
    new CfnOutput(this, 'RetrainingArn', { value: this.retraining.machine.stateMachineArn });
    new CfnOutput(this, 'GridArn', { value: this.grid.machine.stateMachineArn });
    new CfnOutput(this, 'UploadCorpus', {
      description: 'Trains a model of the name of the file',
      value: `aws s3 cp my-novel.txt s3://${data.corpora.bucketName}/corpora/my-novel.txt`,
    });
    new CfnOutput(this, 'FollowTrainings', {
      value: `aws stepfunctions list-executions --state-machine-arn ${this.retraining.machine.stateMachineArn} --max-items 5`,
    });
    new CfnOutput(this, 'TrainingGrid', {
      description: 'Trains with every setting of a grid and publishes the best',
      value: `aws stepfunctions start-execution --state-machine-arn ${this.grid.machine.stateMachineArn} --input '{"model":"my-novel","grid":[{"seed":1},{"seed":2}]}'`,
    });
    Tags.of(this).add('folio:part', 'training');
  }
}

/** Public subnets without a NAT gateway: S3 by a gateway endpoint, the image by the internet gateway. */
function trainerNetwork(scope: Construct, data: DataStack, settings: StackSettings): ec2.Vpc {
  const vpc = new ec2.Vpc(scope, 'Network', {
    ...(settings.zones === undefined ? { maxAzs: 2 } : { availabilityZones: settings.zones }),
    natGateways: 0,
    subnetConfiguration: [
      { name: 'public', subnetType: ec2.SubnetType.PUBLIC, cidrMask: 24, mapPublicIpOnLaunch: false },
    ],
    // Its rules could only be emptied by a function of the CDK that may change any group; nothing uses the group.
    restrictDefaultSecurityGroup: false,
  });
  const { partition, region } = Stack.of(scope);
  const endpoint = vpc.addGatewayEndpoint('Storage', { service: ec2.GatewayVpcEndpointAwsService.S3 });
  endpoint.addToPolicy(
    new iam.PolicyStatement({
      sid: 'OurBuckets',
      principals: [new iam.AnyPrincipal()],
      actions: [
        's3:GetObject',
        's3:PutObject',
        's3:DeleteObject',
        's3:ListBucket',
        's3:AbortMultipartUpload',
      ],
      resources: [data.corpora, data.models].flatMap((bucket) => [
        bucket.bucketArn,
        bucket.arnForObjects('*'),
      ]),
    }),
  );
  endpoint.addToPolicy(
    new iam.PolicyStatement({
      sid: 'LayersOfTheImage',
      principals: [new iam.AnyPrincipal()],
      actions: ['s3:GetObject'],
      resources: [`arn:${partition}:s3:::prod-${region}-starport-layer-bucket/*`],
    }),
  );
  const flows = new logs.LogGroup(scope, 'NetworkFlows', {
    retention: settings['log-days'],
    removalPolicy: RemovalPolicy.DESTROY,
  });
  vpc.addFlowLog('Flows', {
    destination: ec2.FlowLogDestination.toCloudWatchLogs(flows),
    trafficType: ec2.FlowLogTrafficType.REJECT,
  });
  return vpc;
}

function trainerTask(scope: Construct, data: DataStack, settings: StackSettings) {
  const task = new ecs.FargateTaskDefinition(scope, 'Trainer', {
    cpu: settings['trainer-cpu'],
    memoryLimitMiB: settings['trainer-memory'],
    // tfjs-node's library exists for x86-64 alone.
    runtimePlatform: {
      cpuArchitecture: ecs.CpuArchitecture.X86_64,
      operatingSystemFamily: ecs.OperatingSystemFamily.LINUX,
    },
    volumes: [{ name: 'scratch' }],
  });
  const container = task.addContainer('trainer', {
    image:
      settings.image === undefined
        ? ecs.ContainerImage.fromAsset(root, {
            file: 'training/Dockerfile',
            platform: assets.Platform.LINUX_AMD64,
          })
        : namedImage(scope, settings.image),
    readonlyRootFilesystem: true,
    user: 'node',
    stopTimeout: Duration.seconds(100), // for a last checkpoint; Spot gives 120
    logging: ecs.LogDrivers.awsLogs({
      streamPrefix: 'training',
      logGroup: new logs.LogGroup(scope, 'TrainerLogs', {
        retention: settings['log-days'],
        removalPolicy: RemovalPolicy.DESTROY,
      }),
    }),
    // FOLIO_CACHE stays that of the image, in which TensorFlow is.
    environment: {
      FOLIO_STORE: `s3://${data.models.bucketName}`,
      LOG_LEVEL: 'info',
    },
  });
  container.addMountPoints({ containerPath: '/tmp', sourceVolume: 'scratch', readOnly: false });

  // What the trainer may do: read corpora, and write only where it publishes. What is published it may not change: a
  // fault in the reading of one corpus reaches no other model's versions.
  const rewritten = [
    `${prefixes.candidates}*`,
    `${prefixes.checkpoints}*`,
    `${prefixes.trainings}*`,
    `${prefixes.grids}*`,
  ];
  const written = [`${prefixes.models}*`, ...rewritten];
  task.taskRole.addToPrincipalPolicy(
    new iam.PolicyStatement({
      actions: ['s3:GetObject'],
      resources: [data.corpora.arnForObjects(`${prefixes.corpora}*`)],
    }),
  );
  // Without it a corpus that is missing is answered by 403, as if it were forbidden.
  task.taskRole.addToPrincipalPolicy(
    new iam.PolicyStatement({
      actions: ['s3:ListBucket'],
      resources: [data.corpora.bucketArn],
      conditions: { StringLike: { 's3:prefix': [`${prefixes.corpora}*`] } },
    }),
  );
  task.taskRole.addToPrincipalPolicy(
    new iam.PolicyStatement({
      actions: ['s3:GetObject'],
      resources: written.map((keys) => data.models.arnForObjects(keys)),
    }),
  );
  const mayWrite = (keys: readonly string[], condition?: 's3:if-none-match' | 's3:if-match'): void => {
    task.taskRole.addToPrincipalPolicy(
      new iam.PolicyStatement({
        actions: ['s3:PutObject'],
        resources: keys.map((one) => data.models.arnForObjects(one)),
        ...(condition && { conditions: { Null: { [condition]: 'false' } } }),
      }),
    );
  };
  mayWrite(rewritten);
  mayWrite([`${prefixes.models}*`], 's3:if-none-match'); // new objects alone
  mayWrite([pointerKey('*')], 's3:if-match'); // by compare-and-swap
  task.taskRole.addToPrincipalPolicy(
    new iam.PolicyStatement({
      actions: ['s3:DeleteObject'],
      resources: [`${prefixes.checkpoints}*`, `${prefixes.grids}*/${prefixes.checkpoints}*`].map((keys) =>
        data.models.arnForObjects(keys),
      ),
    }),
  );
  task.taskRole.addToPrincipalPolicy(
    new iam.PolicyStatement({
      actions: ['s3:ListBucket'],
      resources: [data.models.bucketArn],
      conditions: { StringLike: { 's3:prefix': written } },
    }),
  );
  return { task, container };
}

/** An image that another place builds. One of ECR needs rights to be pulled, which go to the task's execution role. */
function namedImage(scope: Construct, name: string): ecs.ContainerImage {
  const [, account, region, repositoryName, tag] =
    /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\/([a-z0-9._/-]+?)[:@](.+)$/.exec(name) ?? [];
  if (account === undefined || repositoryName === undefined) return ecs.ContainerImage.fromRegistry(name);
  const repository = ecr.Repository.fromRepositoryAttributes(scope, 'TrainerRepository', {
    repositoryArn: `arn:${Stack.of(scope).partition}:ecr:${region}:${account}:repository/${repositoryName}`,
    repositoryName,
  });
  return ecs.ContainerImage.fromEcrRepository(repository, tag);
}
