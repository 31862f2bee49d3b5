import { Match, type Template } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, it } from 'vitest';
import { operations } from '../../src/api/routes/routes.ts';
import { type Synthesised, synthesise } from './synth.ts';

let made: Synthesised;

beforeAll(async () => {
  made = await synthesise({ 'folio:alarm-email': 'me@example.com' });
});

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Principal?: unknown;
}

const list = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T]);
const all = (): readonly Template[] => [made.data, made.training, made.api];

const resources = (template: Template, type: string): [string, Record<string, unknown>][] =>
  Object.entries(template.findResources(type)).map(([id, { Properties }]) => [
    id,
    Properties as Record<string, unknown>,
  ]);

const statementsOf = (properties: Record<string, unknown>): readonly Statement[] =>
  list((properties.PolicyDocument as { Statement: Statement | Statement[] }).Statement);

/** Policies of roles: `[id, statement]`. */
const roleStatements = (template: Template): [string, Statement][] =>
  resources(template, 'AWS::IAM::Policy').flatMap(([id, properties]) =>
    statementsOf(properties).map((statement): [string, Statement] => [id, statement]),
  );

/** Actions that know no resource, by the service authorisation reference. */
const unnameable = new Set([
  ...[
    'xray:PutTraceSegments',
    'xray:PutTelemetryRecords',
    'xray:GetSamplingRules',
    'xray:GetSamplingTargets',
  ],
  'ecr:GetAuthorizationToken',
  ...[
    'CreateLogDelivery',
    'GetLogDelivery',
    'UpdateLogDelivery',
    'DeleteLogDelivery',
    'ListLogDeliveries',
  ].map((action) => `logs:${action}`),
  ...['PutResourcePolicy', 'DescribeResourcePolicies', 'DescribeLogGroups'].map((action) => `logs:${action}`),
]);

describe('rights', () => {
  it('names every resource that can be named', () => {
    for (const template of all()) {
      for (const [id, { Action, Resource }] of roleStatements(template)) {
        if (list(Resource).includes('*')) {
          expect(
            list(Action).filter((action) => !unnameable.has(action)),
            id,
          ).toEqual([]);
        }
      }
    }
  });

  it('has no action with a wildcard', () => {
    for (const template of all()) {
      for (const [id, { Action }] of roleStatements(template)) {
        expect(
          list(Action).filter((action) => action.includes('*')),
          id,
        ).toEqual([]);
      }
    }
  });

  const onObjects = (template: Template, role: RegExp): [string, string][] =>
    roleStatements(template)
      .filter(([id]) => role.test(id))
      .flatMap(([, { Action, Resource }]) =>
        list(Action)
          .filter((action) => action.startsWith('s3:'))
          .flatMap((action) => list(Resource).map((one): [string, string] => [action, keysOf(one)])),
      );

  /** What follows the bucket's name: `/models/*`. */
  const keysOf = (resource: unknown): string => {
    const parts = (resource as { 'Fn::Join'?: [string, unknown[]] })['Fn::Join']?.[1] ?? [];
    return parts.filter((part) => typeof part === 'string').join('');
  };

  it('lets the generating function read models, and nothing else', () => {
    expect(onObjects(made.api, /^GenerateRole/)).toEqual([
      ['s3:GetObject', '/models/*'],
      ['s3:ListBucket', ''],
    ]);
  });

  it('lets the trainer write where it publishes', () => {
    const written = onObjects(made.training, /^TrainerTaskRole/).filter(
      ([action]) => action === 's3:PutObject',
    );
    expect(written.map(([, keys]) => keys).sort()).toEqual([
      '/candidates/*',
      '/checkpoints/*',
      '/grids/*',
      '/models/*',
      '/trainings/*',
    ]);
  });

  it('gives the authorising function nothing but its log and its trace', () => {
    const actions = roleStatements(made.api)
      .filter(([id]) => id.startsWith('AuthoriseRole'))
      .flatMap(([, { Action }]) => list(Action));
    expect(new Set(actions)).toEqual(
      new Set([
        'logs:CreateLogStream',
        'logs:PutLogEvents',
        'xray:PutTraceSegments',
        'xray:PutTelemetryRecords',
      ]),
    );
  });
});

describe('buckets', () => {
  it('are private, encrypted, versioned, served over TLS alone, and stay', () => {
    const buckets = made.data.findResources('AWS::S3::Bucket');
    expect(Object.keys(buckets)).toHaveLength(3);
    for (const bucket of Object.values(buckets)) {
      expect(bucket).toMatchObject({ DeletionPolicy: 'Retain', UpdateReplacePolicy: 'Retain' });
      expect(bucket.Properties).toMatchObject({
        VersioningConfiguration: { Status: 'Enabled' },
        PublicAccessBlockConfiguration: {
          BlockPublicAcls: true,
          BlockPublicPolicy: true,
          IgnorePublicAcls: true,
          RestrictPublicBuckets: true,
        },
        BucketEncryption: {
          ServerSideEncryptionConfiguration: [{ ServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } }],
        },
      });
      expect(bucket.Properties).not.toHaveProperty('BucketName');
    }
    const policies = resources(made.data, 'AWS::S3::BucketPolicy');
    expect(policies).toHaveLength(3);
    for (const [, properties] of policies) {
      expect(statementsOf(properties)).toContainEqual(
        expect.objectContaining({
          Effect: 'Deny',
          Action: 's3:*',
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        }),
      );
    }
  });

  it('send events about corpora', () => {
    made.data.hasResourceProperties('AWS::S3::Bucket', {
      NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } },
    });
  });
});

describe('functions', () => {
  it('run on the current Node, traced, with a time limit, and a log that ends', () => {
    for (const template of [made.training, made.api]) {
      const functions = resources(template, 'AWS::Lambda::Function');
      expect(functions.length).toBeGreaterThan(0);
      for (const [id, properties] of functions) {
        expect(properties, id).toMatchObject({
          Runtime: 'nodejs24.x',
          Architectures: ['arm64'],
          TracingConfig: { Mode: 'Active' },
          Timeout: expect.any(Number),
          LoggingConfig: { LogFormat: 'JSON', LogGroup: expect.anything() },
        });
      }
    }
  });

  it('generates with a whole vCPU and reserved concurrency', () => {
    made.api.hasResourceProperties('AWS::Lambda::Function', {
      Description: Match.stringLikeRegexp('Generates and scores text'),
      MemorySize: 1769,
      ReservedConcurrentExecutions: 20,
      Timeout: 120,
    });
  });

  it('keeps no log for ever', () => {
    for (const template of all()) {
      for (const [id, properties] of resources(template, 'AWS::Logs::LogGroup')) {
        expect(properties.RetentionInDays, id).toBe(30);
      }
    }
  });
});

describe('the endpoint', () => {
  const methods = () => resources(made.api, 'AWS::ApiGateway::Method');
  const transferOf = (properties: Record<string, unknown>) =>
    (properties.Integration as { ResponseTransferMode?: string }).ResponseTransferMode;

  it('streams what generates', () => {
    const streamed = methods().filter(([, properties]) => transferOf(properties) === 'STREAM');
    expect(streamed).toHaveLength(operations.filter(({ lambda }) => lambda === 'generate').length);
    for (const [, { Integration }] of streamed) {
      expect(JSON.stringify(Integration)).toContain('/response-streaming-invocations');
    }
  });

  it('gives whole answers where streaming is off', async () => {
    const { api } = await synthesise({ 'folio:streaming': 'false' });
    const modes = resources(api, 'AWS::ApiGateway::Method').map(([, properties]) => transferOf(properties));
    expect(modes).not.toContain('STREAM');
    api.hasResourceProperties('AWS::Lambda::Function', {
      Environment: { Variables: Match.objectLike({ FOLIO_STREAMING: 'false' }) },
    });
  });

  it('wants a key for everything but pages, the health check and preflight requests of browsers', () => {
    const open = methods().filter(([, { AuthorizationType }]) => AuthorizationType === 'NONE');
    for (const [id, { HttpMethod }] of open) {
      if (HttpMethod === 'OPTIONS') continue;
      expect(HttpMethod, id).toBe('GET');
      expect(id).toMatch(/^Api(GET|health|docs|openapi|serviceworker|assets)/);
    }
    for (const [id, { AuthorizationType, ApiKeyRequired }] of methods()) {
      if (AuthorizationType !== 'NONE')
        expect([AuthorizationType, ApiKeyRequired], id).toEqual(['CUSTOM', true]);
    }
    made.api.hasResourceProperties('AWS::ApiGateway::RestApi', {
      ApiKeySourceType: 'AUTHORIZER',
      EndpointConfiguration: { Types: ['REGIONAL'] },
    });
    made.api.hasResourceProperties('AWS::ApiGateway::UsagePlan', {
      Quota: { Limit: 100_000, Period: 'MONTH' },
      Throttle: { RateLimit: 10, BurstLimit: 20 },
    });
  });

  it('asks for IAM rights where that is set, and has no keys then', async () => {
    const { api } = await synthesise({ 'folio:auth': 'iam' });
    api.resourceCountIs('AWS::ApiGateway::ApiKey', 0);
    api.resourceCountIs('AWS::ApiGateway::Authorizer', 0);
    api.hasResourceProperties('AWS::ApiGateway::Method', { AuthorizationType: 'AWS_IAM', HttpMethod: 'ANY' });
  });

  it('logs no query, body or header', () => {
    const [[, stage] = ['', {}]] = resources(made.api, 'AWS::ApiGateway::Stage');
    const { Format } = stage.AccessLogSetting as { Format: string };
    expect(Format).not.toMatch(/query|header|body|authorizer|apiKey(?!Id)/i);
    expect(stage.MethodSettings).toMatchObject([{ DataTraceEnabled: false, LoggingLevel: 'ERROR' }]);
    expect(stage.TracingEnabled).toBe(true);
  });

  it('answers refusals of the gateway in the format of the API', () => {
    for (const [, properties] of resources(made.api, 'AWS::ApiGateway::GatewayResponse')) {
      const [template = ''] = Object.values(properties.ResponseTemplates as Record<string, string>);
      const filled = template.replaceAll('$context.error.messageString', '"message"');
      expect(JSON.parse(filled)).toMatchObject({
        error: { type: expect.any(String), code: expect.any(String) },
      });
    }
  });

  it('takes a host name of one’s own', async () => {
    const { api } = await synthesise({
      'folio:domain-name': 'text.example.com',
      'folio:certificate': 'arn:aws:acm:eu-west-1:123456789012:certificate/1',
    });
    api.hasResourceProperties('AWS::ApiGateway::DomainName', { SecurityPolicy: 'TLS_1_2' });
  });
});

describe('retraining', () => {
  it('reaches no paid network and is reached by nobody', () => {
    made.training.resourceCountIs('AWS::EC2::NatGateway', 0);
    made.training.resourceCountIs('AWS::EC2::EIP', 0);
    for (const [id, properties] of resources(made.training, 'AWS::EC2::SecurityGroup')) {
      expect(properties.SecurityGroupIngress ?? [], id).toEqual([]);
    }
    made.training.hasResourceProperties('AWS::EC2::VPCEndpoint', { VpcEndpointType: 'Gateway' });
  });

  it('keeps events that could not be delivered, after retries', () => {
    made.training.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: ['aws.s3'],
        'detail-type': ['Object Created'],
        detail: Match.objectLike({ object: { key: [{ prefix: 'corpora/' }] } }),
      },
      Targets: [
        Match.objectLike({
          DeadLetterConfig: Match.anyValue(),
          RetryPolicy: { MaximumRetryAttempts: 8, MaximumEventAgeInSeconds: 21_600 },
        }),
      ],
    });
  });

  it('is notified of deleted corpora, and not of old versions that end', () => {
    made.training.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: ['aws.s3'],
        'detail-type': ['Object Deleted'],
        detail: Match.objectLike({ 'deletion-type': ['Delete Marker Created'] }),
      },
    });
  });

  it('is notified of executions that were ended from outside, and closes their records', () => {
    made.training.hasResourceProperties('AWS::Events::Rule', {
      EventPattern: {
        source: ['aws.states'],
        detail: Match.objectLike({ status: ['ABORTED', 'TIMED_OUT', 'FAILED'] }),
      },
    });
  });

  it('limits the time of every execution: aws-cdk-lib drops a timeout beside a definition that is text', () => {
    for (const template of [made.training, made.api]) {
      for (const [id, { DefinitionString }] of resources(template, 'AWS::StepFunctions::StateMachine')) {
        expect(JSON.stringify(DefinitionString), id).toMatch(/TimeoutSeconds\\+":\d+,\\+"StartAt/);
      }
    }
  });

  it('leaves the place of TensorFlow to the image', () => {
    const [[, task] = ['', {}]] = resources(made.training, 'AWS::ECS::TaskDefinition');
    expect(JSON.stringify(task)).not.toContain('FOLIO_CACHE');
  });

  it('runs a task on x86-64, read-only but for /tmp, not as root, with time for a last checkpoint', () => {
    made.training.hasResourceProperties('AWS::ECS::TaskDefinition', {
      RuntimePlatform: { CpuArchitecture: 'X86_64' },
      ContainerDefinitions: [
        Match.objectLike({
          ReadonlyRootFilesystem: true,
          User: 'node',
          StopTimeout: 100,
          MountPoints: [{ ContainerPath: '/tmp', ReadOnly: false, SourceVolume: 'scratch' }],
        }),
      ],
    });
    made.training.hasResourceProperties('AWS::ECS::Cluster', {
      CapacityProviders: ['FARGATE', 'FARGATE_SPOT'],
    });
  });

  it('logs every event of its executions and traces them', () => {
    for (const template of [made.training, made.api]) {
      for (const [, properties] of resources(template, 'AWS::StepFunctions::StateMachine')) {
        expect(properties).toMatchObject({
          LoggingConfiguration: { Level: 'ALL' },
          TracingConfiguration: { Enabled: true },
        });
      }
    }
  });
});

describe('monitoring', () => {
  it('raises alarms for what somebody can act on, and notifies a topic that takes TLS alone', () => {
    const alarms = resources(made.api, 'AWS::CloudWatch::Alarm');
    expect(alarms.length).toBeGreaterThanOrEqual(11);
    for (const [id, properties] of alarms) expect(properties.AlarmActions, id).toHaveLength(1);
    made.training.hasResourceProperties('AWS::SNS::Subscription', {
      Endpoint: 'me@example.com',
      Protocol: 'email',
    });
    const [[, policy] = ['', {}]] = resources(made.training, 'AWS::SNS::TopicPolicy');
    expect(statementsOf(policy)).toContainEqual(
      expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
    );
  });

  it('warns before the budget is spent, unless none is set', async () => {
    made.training.hasResourceProperties('AWS::Budgets::Budget', {
      Budget: { BudgetLimit: { Amount: 10, Unit: 'USD' } },
    });
    const { training } = await synthesise({ 'folio:budget': 0 });
    training.resourceCountIs('AWS::Budgets::Budget', 0);
  });

  it('names neither account nor region', () => {
    for (const template of all())
      expect(JSON.stringify(template.toJSON())).not.toMatch(/\d{12}:|us-east-1|eu-west-1/);
  });
});
