import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Match, type Template } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, it } from 'vitest';
import { root } from '../../functions/bundle.ts';
import { logEntry } from '../../src/api/log.ts';
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

  it('lets the generating function read models and the reports of what the gate rejected, and nothing else', () => {
    expect(onObjects(made.api, /^GenerateRole/)).toEqual([
      ['s3:GetObject', '/candidates/*/report.*'],
      ['s3:GetObject', '/keys/signing.json'],
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
      '/models/*/current.json',
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

  it('give the secret that signs states to the functions of the endpoint alone, whoever else may read', () => {
    const policies = resources(made.data, 'AWS::S3::BucketPolicy').flatMap(([, own]) => statementsOf(own));
    const [secrets] = policies.filter(({ Action }) => list(Action).includes('s3:GetObjectVersion'));
    expect(secrets).toMatchObject({ Effect: 'Deny', Principal: { AWS: '*' } });
    expect(JSON.stringify(secrets)).toMatch(/ArnNotLike.*aws:PrincipalArn.*:role\/FolioApi\*.*\/keys\/\*/);
    expect(JSON.stringify(made.api.toJSON())).not.toMatch(/SIGNING_KEY|SigningKey/);
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

  it('generates with a whole vCPU, and reserves no concurrency that a new account has not', async () => {
    made.api.hasResourceProperties('AWS::Lambda::Function', {
      Description: Match.stringLikeRegexp('Generates and scores text'),
      MemorySize: 1769,
      ReservedConcurrentExecutions: Match.absent(),
      Timeout: 120,
    });
    const { api } = await synthesise({ 'folio:concurrency': 20 });
    api.hasResourceProperties('AWS::Lambda::Function', { ReservedConcurrentExecutions: 20 });
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
      expect(['GET', 'HEAD'], id).toContain(HttpMethod);
      expect(id).toMatch(/^Api(GET|HEAD|health|docs|openapi|serviceworker|assets)/);
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
      Throttle: { RateLimit: 10, BurstLimit: 10 },
    });
  });

  it('has every output that docs/operations.md reads', () => {
    const page = readFileSync(join(root, 'docs/operations.md'), 'utf8');
    const read = [...page.matchAll(/\boutput Folio(Api|Training) (\w+)/g)];
    expect(read.length).toBeGreaterThan(6);
    for (const [, stack, name] of read) {
      const template = stack === 'Api' ? made.api : made.training;
      expect([name, Object.keys(template.findOutputs(name!))]).toEqual([name, [name]]);
    }
  });

  it('takes several pairs of keys, of which every writer may write and the outputs name the last', async () => {
    const { api } = await synthesise({ 'folio:keys': '1,2' });
    const ids = resources(api, 'AWS::ApiGateway::ApiKey').map(([id]) => id.replace(/[0-9A-F]{8}$/, ''));
    expect(ids.sort()).toEqual(['ReaderKey', 'ReaderKey2', 'WriterKey', 'WriterKey2']);
    api.resourceCountIs('AWS::ApiGateway::UsagePlanKey', 4);
    const writers = resources(api, 'AWS::Lambda::Function').flatMap(([, { Environment }]) => {
      const variables = (Environment as { Variables?: Record<string, unknown> } | undefined)?.Variables ?? {};
      return 'FOLIO_WRITER_KEY_ID' in variables ? [JSON.stringify(variables.FOLIO_WRITER_KEY_ID)] : [];
    });
    expect(writers).toHaveLength(2);
    for (const one of writers) expect(one).toMatch(/WriterKey[0-9A-F]{8}.*",",.*WriterKey2[0-9A-F]{8}/);
    api.hasOutput('WriterKeyId', { Value: { Ref: Match.stringLikeRegexp('^WriterKey2[0-9A-F]{8}$') } });
    const [only] = resources((await synthesise({ 'folio:keys': '2' })).api, 'AWS::ApiGateway::ApiKey');
    expect(only![0]).toMatch(/^(Reader|Writer)Key2/);
  });

  it('asks for IAM rights where that is set, and has no keys then', async () => {
    const { api } = await synthesise({ 'folio:auth': 'iam' });
    api.resourceCountIs('AWS::ApiGateway::ApiKey', 0);
    api.resourceCountIs('AWS::ApiGateway::Authorizer', 0);
    api.hasResourceProperties('AWS::ApiGateway::Method', { AuthorizationType: 'AWS_IAM', HttpMethod: 'ANY' });
  });

  it('has routes that write asked for IAM rights where that is set, and a policy for who may', async () => {
    const { api } = await synthesise({ 'folio:writer': 'iam' });
    const methods = resources(api, 'AWS::ApiGateway::Method');
    const signed = methods.filter(([, { AuthorizationType }]) => AuthorizationType === 'AWS_IAM');
    const writing = operations.filter(({ write, id }) => write && id !== 'importModel');
    expect(writing.length).toBeGreaterThan(3);
    expect(signed.map(([, { HttpMethod }]) => HttpMethod).sort()).toEqual(
      writing.map(({ method }) => method.toUpperCase()).sort(),
    );
    for (const [, { ApiKeyRequired }] of signed) expect(ApiKeyRequired ?? false).toBe(false);
    api.hasResourceProperties('AWS::ApiGateway::Method', { AuthorizationType: 'CUSTOM', HttpMethod: 'ANY' });
    api.resourceCountIs('AWS::ApiGateway::ApiKey', 1);
    expect(JSON.stringify(api.toJSON())).not.toMatch(/FOLIO_WRITER_KEY_ID|WriterKeyId/);
    const [[, policy] = ['', {}]] = resources(api, 'AWS::IAM::ManagedPolicy');
    const [statement] = statementsOf(policy);
    expect(statement?.Action).toBe('execute-api:Invoke');
    const allowed = JSON.stringify(statement?.Resource);
    for (const path of [
      'POST/v1/trainings',
      'DELETE/v1/trainings/*',
      'POST/v1/corpora/*',
      'DELETE/v1/models/*',
    ]) {
      expect(allowed).toContain(`/live/${path}"`);
    }
    expect(list(statement?.Resource)).toHaveLength(writing.length);
  });

  it('refuses an address that asks too often where that is set, and pays for no web ACL otherwise', async () => {
    made.api.resourceCountIs('AWS::WAFv2::WebACL', 0);
    const { api } = await synthesise({ 'folio:waf': '1000' });
    api.hasResourceProperties('AWS::WAFv2::WebACL', {
      Scope: 'REGIONAL',
      DefaultAction: { Allow: {} },
      Rules: [
        {
          Action: { Block: { CustomResponse: { ResponseCode: 429 } } },
          Statement: { RateBasedStatement: { Limit: 1000, AggregateKeyType: 'IP' } },
        },
      ],
    });
    const [[, { ResourceArn }] = ['', {}]] = resources(api, 'AWS::WAFv2::WebACLAssociation');
    expect(JSON.stringify(ResourceArn)).toMatch(/:apigateway:.*\/restapis\/.*\/stages\//);
  });

  it('logs no query, body or header', () => {
    const [[, stage] = ['', {}]] = resources(made.api, 'AWS::ApiGateway::Stage');
    const { Format } = stage.AccessLogSetting as { Format: string };
    expect(Format).not.toMatch(/query|header|body|authorizer|apiKey(?!Id)/i);
    for (const one of stage.MethodSettings as object[]) {
      expect(one).toMatchObject({ DataTraceEnabled: false, LoggingLevel: 'ERROR' });
    }
    expect(stage.TracingEnabled).toBe(false); // a trace has the query
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

  it('limits each route that needs no key, so that a client that never rests costs less than a dollar a day', () => {
    const [[, stage] = ['', {}]] = resources(made.api, 'AWS::ApiGateway::Stage');
    const settings = stage.MethodSettings as {
      ResourcePath: string;
      HttpMethod: string;
      ThrottlingRateLimit: number;
    }[];
    const unescaped = settings.map(({ ResourcePath, ...rest }) => ({
      ...rest,
      path: ResourcePath.replace(/^\/(?=~1|$)/, '').replaceAll('~1', '/') || '/',
    }));
    const open = methods().filter(([, { AuthorizationType }]) => AuthorizationType === 'NONE');
    const limited = unescaped.filter(({ path }) => path !== '/*');
    expect(limited).toHaveLength(open.length);
    // us-east-1, as docs/cost.md has it: gateway, function and log; the largest asset is 92 kB.
    const request = 3.5e-6 + 0.2e-6 + 0.5 * 0.005 * 0.0000133334 + 1.5e-6 * 0.5;
    const data = 92e3 * 0.09e-9;
    const day = limited.reduce(
      (sum, { path, ThrottlingRateLimit }) =>
        sum + ThrottlingRateLimit * 86_400 * (request + (path.startsWith('/assets') ? data : 2e3 * 0.09e-9)),
      0,
    );
    expect(day).toBeLessThan(1);
  });

  it('reports used-up concurrency as such, to be tried again, and a missing key as 401', () => {
    for (const [type, status] of [
      ['INTEGRATION_FAILURE', '503'],
      ['AUTHORIZER_FAILURE', '503'],
      ['ACCESS_DENIED', '401'],
    ]) {
      made.api.hasResourceProperties('AWS::ApiGateway::GatewayResponse', {
        ResponseType: type,
        StatusCode: status,
        ...(status === '503' && {
          ResponseParameters: Match.objectLike({ 'gatewayresponse.header.retry-after': "'1'" }),
        }),
      });
    }
  });

  it('makes the group of the execution log itself, which would be kept for ever, before the stage', () => {
    const groups = made.api.findResources('AWS::Logs::LogGroup', {
      Properties: {
        LogGroupName: { 'Fn::Join': ['', ['API-Gateway-Execution-Logs_', Match.anyValue(), '/live']] },
      },
    });
    const [id] = Object.keys(groups);
    expect(id).toBeDefined();
    made.api.hasResource('AWS::ApiGateway::Stage', { DependsOn: Match.arrayWith([id]) });
  });

  it('moves to new code step by step where that is set', async () => {
    const { api } = await synthesise({ 'folio:canary': true });
    api.resourceCountIs('AWS::CodeDeploy::DeploymentGroup', 2);
    const transfers = resources(api, 'AWS::ApiGateway::Method').map(([, properties]) =>
      transferOf(properties),
    );
    const plain = methods().map(([, properties]) => transferOf(properties));
    expect(transfers.filter((one) => one === 'STREAM')).toHaveLength(
      plain.filter((one) => one === 'STREAM').length,
    );
    made.api.resourceCountIs('AWS::CodeDeploy::DeploymentGroup', 0);
  });

  it('takes a host name of one’s own', async () => {
    const { api } = await synthesise({
      'folio:domain-name': 'text.example.com',
      'folio:certificate': 'arn:aws:acm:eu-west-1:123456789012:certificate/1',
    });
    api.hasResourceProperties('AWS::ApiGateway::DomainName', { SecurityPolicy: 'TLS_1_2' });
    expect(JSON.stringify(api.findOutputs('DomainTarget'))).toContain('RegionalDomainName');
    expect(JSON.stringify(api.findOutputs('DomainHostedZone'))).toContain('RegionalHostedZoneId');
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
    // After the cluster, with which ECS makes its role in a new account.
    made.training.hasResourceProperties('AWS::ECS::ClusterCapacityProviderAssociations', {
      CapacityProviders: ['FARGATE', 'FARGATE_SPOT'],
      Cluster: { Ref: Match.stringLikeRegexp('^Cluster') },
    });
  });

  it('logs events of its executions without their data, and traces them', () => {
    for (const template of [made.training, made.api]) {
      for (const [, properties] of resources(template, 'AWS::StepFunctions::StateMachine')) {
        expect(properties).toMatchObject({
          LoggingConfiguration: { Level: expect.stringMatching(/ALL|ERROR/), IncludeExecutionData: false },
          TracingConfiguration: { Enabled: true },
        });
      }
    }
  });
});

describe('the stacks', () => {
  it('stand beside others under a stage of their own, with tags, a boundary and protection', async () => {
    const { names, training, api } = await synthesise({
      'folio:stage': 'dev',
      'folio:tags': 'team=search,cost-center=7',
      'folio:permissions-boundary': 'arn:aws:iam::123456789012:policy/limits',
      'folio:termination-protection': 'true',
    });
    expect(names).toEqual({
      data: 'FolioData-dev',
      training: 'FolioTraining-dev',
      api: 'FolioApi-dev',
    });
    api.hasResourceProperties('AWS::ApiGateway::RestApi', { Name: 'FolioApi-dev' });
    for (const template of [training, api]) {
      for (const [id, properties] of resources(template, 'AWS::IAM::Role')) {
        expect(properties.PermissionsBoundary, id).toBe('arn:aws:iam::123456789012:policy/limits');
        expect(properties.Tags, id).toContainEqual({ Key: 'team', Value: 'search' });
      }
    }
  });

  it('take up kept buckets by names, as CloudFormation wants them, and leave names to it otherwise', async () => {
    const { data } = await synthesise({ 'folio:buckets': 'corpora=kept-c,models=kept-m,accesses=kept-a' });
    const buckets = Object.values(data.findResources('AWS::S3::Bucket'));
    // Of what it imports, CloudFormation wants a name that stands in the template, and that it stays on deletion.
    expect(buckets.map(({ Properties }) => Properties.BucketName).sort()).toEqual([
      'kept-a',
      'kept-c',
      'kept-m',
    ]);
    for (const { DeletionPolicy } of buckets) expect(DeletionPolicy).toBe('Retain');
    // Policies of buckets go with the stack, so that nothing is in the way of new ones.
    for (const { DeletionPolicy } of Object.values(data.findResources('AWS::S3::BucketPolicy'))) {
      expect(DeletionPolicy).toBeUndefined();
    }
    for (const [id, properties] of resources(made.data, 'AWS::S3::Bucket')) {
      expect(properties, id).not.toHaveProperty('BucketName');
    }
  });

  it('refer to one another firmly: CloudFormation follows a change, and looks nothing up', () => {
    for (const template of all()) expect(JSON.stringify(template.toJSON())).not.toContain('GetStackOutput');
    expect(JSON.stringify(made.api.toJSON())).toContain('Fn::ImportValue');
  });

  it('may pull an image of a private ECR, and need no such right for a public one', async () => {
    const named = await synthesise({
      'folio:image': '123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/trainer:1.2',
    });
    expect(JSON.stringify(named.training.findResources('AWS::IAM::Policy'))).toContain('ecr:BatchGetImage');
    const open = await synthesise({ 'folio:image': 'public.ecr.aws/x/trainer:1' });
    expect(JSON.stringify(open.training.findResources('AWS::IAM::Policy'))).not.toContain('ecr:');
  });

  it('train in zones that are named', async () => {
    const { training } = await synthesise({ 'folio:zones': 'us-west-1a,us-west-1c' });
    const zones = resources(training, 'AWS::EC2::Subnet').map(([, { AvailabilityZone }]) => AvailabilityZone);
    expect(zones).toEqual(['us-west-1a', 'us-west-1c']);
  });

  it('forget what is rewritten all the time, and what people sent', () => {
    const rules = resources(made.data, 'AWS::S3::Bucket').flatMap(
      ([, { LifecycleConfiguration }]) =>
        (LifecycleConfiguration as { Rules: Record<string, unknown>[] }).Rules,
    );
    for (const prefix of ['checkpoints/', 'trainings/', 'grids/', 'candidates/', 'bulk/']) {
      expect(rules, prefix).toContainEqual(
        expect.objectContaining({
          Prefix: prefix,
          ExpirationInDays: expect.any(Number),
          NoncurrentVersionExpiration: { NoncurrentDays: 1 },
        }),
      );
    }
  });

  it('warn where nobody receives alarms', async () => {
    const { app } = await synthesise({ 'folio:alarm-email': undefined });
    const warnings = app
      .synth()
      .stacks.flatMap(({ messages }) => messages.map(({ entry }) => String(entry.data)));
    expect(warnings.join()).toContain('folio:alarm-email');
  });
});

describe('monitoring', () => {
  it('raises alarms for what somebody can act on, and notifies a topic that takes TLS alone', () => {
    const alarms = resources(made.api, 'AWS::CloudWatch::Alarm');
    expect(alarms.length).toBeGreaterThanOrEqual(16);
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

  it('measures the time to the first character by the log line of a text', () => {
    const entry = logEntry({
      ...{ requestId: 'a', method: 'POST', route: '/generate', status: 200, milliseconds: 9 },
      generation: { model: 'm', characters: 5, firstCharacterMilliseconds: 3.125, ended: 'length' },
    });
    const filters = resources(made.api, 'AWS::Logs::MetricFilter').map(([, one]) => one);
    const [filter] = filters.filter(({ FilterPattern }) => /first/i.test(String(FilterPattern)));
    expect(filter).toMatchObject({
      FilterPattern: '{ $.message.firstCharacterMilliseconds >= 0 }',
      MetricTransformations: [{ MetricValue: '$.message.firstCharacterMilliseconds', Unit: 'Milliseconds' }],
    });
    expect(entry).toMatchObject({ firstCharacterMilliseconds: 3.13 }); // below `message` of the runtime's line
    const alarms = resources(made.api, 'AWS::CloudWatch::Alarm').map(([, one]) => one);
    expect(alarms).toContainEqual(
      expect.objectContaining({
        MetricName: 'TimeToFirstCharacter',
        ExtendedStatistic: 'p99',
        Threshold: 5_000,
      }),
    );
  });

  it('warns before the budget is spent, unless none is set', async () => {
    made.training.hasResourceProperties('AWS::Budgets::Budget', {
      Budget: { BudgetLimit: { Amount: 10, Unit: 'USD' } },
    });
    const { training } = await synthesise({ 'folio:budget': 0 });
    training.resourceCountIs('AWS::Budgets::Budget', 0);
  });

  it.each([
    {},
    { 'folio:auth': 'iam', 'folio:canary': 'true', 'folio:streaming': 'false' },
    { 'folio:image': '123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/team/trainer:1.2' },
  ])('name no partition, so that they stand in China and in GovCloud: %j', async (context) => {
    const { data, training, api } = await synthesise(context);
    for (const template of [data, training, api]) {
      const text = JSON.stringify(template.toJSON());
      expect(text.match(/arn:aws[\w-]*:[^"]*/g) ?? []).toEqual([]);
      // Services are principals by one name in every partition; all other addresses have the partition's suffix.
      const hosts = (text.match(/[\w.*:/-]*amazonaws\.com[\w.]*/g) ?? []).filter(
        (host) => !/^(?:logging\.s3|[a-z-]+)\.amazonaws\.com$/.test(host),
      );
      expect(hosts.filter((host) => !host.startsWith('com.amazonaws'))).toEqual([]);
    }
  });

  it('names neither account nor region', () => {
    for (const template of all())
      expect(JSON.stringify(template.toJSON())).not.toMatch(/\d{12}:|us-east-1|eu-west-1/);
  });
});
