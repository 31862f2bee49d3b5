import { Annotations, CfnOutput, Duration, RemovalPolicy, Stack, type StackProps, Tags } from 'aws-cdk-lib';
import * as apigateway from 'aws-cdk-lib/aws-apigateway';
import * as acm from 'aws-cdk-lib/aws-certificatemanager';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as wafv2 from 'aws-cdk-lib/aws-wafv2';
import type { Construct } from 'constructs';
import type { Bundles } from '../functions/bundle.ts';
import { docsPaths, playgroundPaths } from '../src/api/routes/page-paths.ts';
import { operations, templateOf } from '../src/api/routes/routes.ts';
import { pointerKey, prefixes, signingSecretKey } from '../src/store/keys.ts';
import { BulkMap } from './bulk-map.ts';
import type { DataStack } from './data-stack.ts';
import { gatewayResponses } from './gateway-responses.ts';
import { Monitoring } from './monitoring.ts';
import { NodeFunction } from './node-function.ts';
import { PrebuiltModel } from './prebuilt-model.ts';
import type { StackSettings } from './settings.ts';
import type { TrainingStack } from './training-stack.ts';

export interface ApiStackProps extends StackProps {
  readonly settings: StackSettings;
  readonly bundles: Bundles;
  readonly data: DataStack;
  readonly training: TrainingStack;
}

/** Seconds that a generation may take; the function's own limit of a request is below it. */
const generateSeconds = 120;

/** Routes of the generating function; every other route is the administrative function's. */
const generatingRoutes = operations
  .filter(({ lambda }) => lambda === 'generate')
  .map(({ method, path }) => [method.toUpperCase(), templateOf(path)] as const);

/** Routes that change something, as far as they are there in AWS. */
const writingRoutes = operations
  .filter(({ write, id }) => write && id !== 'importModel')
  .map(({ method, path }) => [method.toUpperCase(), templateOf(path)] as const);

/** Pages for people, and what monitors whether the endpoint answers: without a key. */
const openRoutes = [
  ...playgroundPaths,
  ...docsPaths,
  ...operations.filter(({ open }) => open).map(({ path }) => path),
].map(templateOf);

/** Alarms that faulty code raises: they take a new version back. */
const watchesCode = ({ node }: { readonly node: { readonly id: string } }): boolean =>
  ['ServerErrors', 'ModelLoadFailures'].includes(node.id);

/** What programs that watch an address ask by HEAD. */
const watchedRoutes = ['/', '/healthz'] as const;

/**
 * Limits of the routes that need no key. Throttling is per method: at these rates a client that never rests costs less
 * than a dollar a day on all of them together (docs/cost.md).
 */
const openThrottles = (rate: number): Record<string, apigateway.MethodDeploymentOptions> => {
  const limit = (throttlingRateLimit: number) => ({
    throttlingRateLimit,
    throttlingBurstLimit: 200,
    loggingLevel: apigateway.MethodLoggingLevel.ERROR,
    dataTraceEnabled: false,
  });
  const paths = new Set(['/{path+}', ...generatingRoutes.map(([, path]) => path)]);
  return Object.fromEntries([
    ...openRoutes.map((path) => [`${path}/GET`, limit(path.startsWith('/assets/') ? rate * 4 : rate)]),
    ...watchedRoutes.map((path) => [`${path}/HEAD`, limit(rate)]),
    ...[...paths].map((path) => [`${path}/OPTIONS`, limit(rate / 2)]),
  ]);
};

/** The HTTPS endpoint: a REST API, since it alone streams, counts by key and throttles without a fixed price. */
export class ApiStack extends Stack {
  readonly api: apigateway.RestApi;
  readonly generate: NodeFunction;
  readonly admin: NodeFunction;
  #authorise: NodeFunction | undefined;
  readonly prebuilt: PrebuiltModel;
  readonly bulk: BulkMap;

  constructor(scope: Construct, id: string, props: ApiStackProps) {
    super(scope, id, props);
    const { settings, bundles, data, training } = props;
    const models = data.models;

    this.prebuilt = new PrebuiltModel(this, 'PrebuiltModel', {
      settings,
      bundle: bundles['install-model'],
      models,
      name: 'shakespeare',
    });

    const environment = {
      FOLIO_STORE: `s3://${models.bucketName}`,
      FOLIO_MODEL: 'shakespeare',
      FOLIO_STREAMING: String(settings.streaming),
      FOLIO_ORIGINS: settings['cors-origin'],
    };
    this.generate = new NodeFunction(this, 'Generate', {
      settings,
      description: 'Generates and scores text; streams it as it is made',
      code: bundles.generate,
      memory: settings.memory,
      timeout: Duration.seconds(generateSeconds),
      environment,
      reservedConcurrency: settings.concurrency,
      gradual: true,
    });
    this.generate
      .grantObjects(['s3:GetObject'], models, [
        `${prefixes.models}*`,
        `${prefixes.candidates}*/report.*`,
        signingSecretKey,
      ])
      .grantList(models, [prefixes.models]);

    this.admin = new NodeFunction(this, 'Admin', {
      settings,
      description: 'Models, versions, corpora, trainings, and the pages',
      code: bundles.admin,
      memory: 512,
      gradual: true,
      timeout: Duration.seconds(29),
      environment: {
        ...environment,
        FOLIO_CORPORA: `s3://${data.corpora.bucketName}`,
        FOLIO_UPLOAD_ORIGIN: `https://${data.corpora.bucketRegionalDomainName}`,
        FOLIO_RETRAINING: training.retraining.machine.stateMachineArn,
      },
    });
    training.retraining.grantControl(this.admin.function);
    this.admin
      .grantObjects(['s3:GetObject'], models, [
        `${prefixes.models}*`,
        `${prefixes.candidates}*`,
        `${prefixes.trainings}*`,
      ])
      .grantObjects(['s3:PutObject'], models, [pointerKey('*'), `${prefixes.trainings}*`])
      .grantObjects(['s3:DeleteObject'], models, [`${prefixes.models}*`])
      .grantObjects(['s3:PutObject'], data.corpora, [`${prefixes.corpora}*`])
      .grantList(models, [prefixes.models, prefixes.candidates, prefixes.trainings]);

    this.bulk = new BulkMap(this, 'Bulk', { settings, bundle: bundles.bulk, models });

    const accesses = new logs.LogGroup(this, 'Accesses', {
      retention: settings['log-days'],
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.api = new apigateway.RestApi(this, 'Api', {
      restApiName: this.stackName, // the dimension of its metrics
      description: 'Folio: text from a model of your own',
      endpointConfiguration: { types: [apigateway.EndpointType.REGIONAL] },
      apiKeySourceType: apigateway.ApiKeySourceType.AUTHORIZER,
      disableExecuteApiEndpoint: settings['domain-name'] !== undefined,
      cloudWatchRole: settings['cloudwatch-role'],
      ...(settings['cloudwatch-role'] && {
        cloudWatchRoleRemovalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
      }),
      binaryMediaTypes: ['*/*'], // bodies pass as they are: fonts, weights
      deployOptions: {
        stageName: 'live',
        tracingEnabled: false, // a trace has the query, and a prompt may stand in it
        loggingLevel: apigateway.MethodLoggingLevel.ERROR,
        dataTraceEnabled: false, // it would log prompts and texts
        throttlingRateLimit: Math.min(settings.rate * 10, 10_000), // of the account in all
        throttlingBurstLimit: Math.min(settings.burst * 10, 5_000),
        methodOptions: openThrottles(settings['open-rate']),
        accessLogDestination: new apigateway.LogGroupLogDestination(accesses),
        accessLogFormat: apigateway.AccessLogFormat.custom(JSON.stringify(accessLog)),
      },
      ...(settings['domain-name'] !== undefined && {
        domainName: {
          domainName: settings['domain-name'],
          certificate: acm.Certificate.fromCertificateArn(this, 'Certificate', settings.certificate ?? ''),
          endpointType: apigateway.EndpointType.REGIONAL,
          securityPolicy: apigateway.SecurityPolicy.TLS_1_2,
        },
      }),
    });
    if (settings.concurrency > 0 && settings.burst >= settings.concurrency) {
      Annotations.of(this).addWarningV2(
        'folio:burst',
        `folio:burst (${settings.burst}) is not below folio:concurrency (${settings.concurrency}): one key can hold every place.`,
      );
    }
    gatewayResponses(this.api, settings['cors-origin'], settings.auth);
    this.limitExecutionLog(settings);
    this.addRoutes(settings, bundles);
    this.addKeys(settings);
    const { domainName } = this.api;
    if (domainName !== undefined) {
      new CfnOutput(this, 'DomainTarget', {
        description: 'What the host name is a CNAME, or an alias of Route 53, of',
        value: domainName.domainNameAliasDomainName,
      });
      new CfnOutput(this, 'DomainHostedZone', {
        description: 'Of the alias',
        value: domainName.domainNameAliasHostedZoneId,
      });
    }
    if (settings.waf > 0) this.addWebAcl(settings.waf);
    const { alarms } = new Monitoring(this, 'Monitoring', {
      notifications: training.notifications,
      api: this.api,
      generate: this.generate,
      admin: this.admin,
      authorise: this.#authorise,
      machines: {
        Retraining: training.retraining.machine,
        Grid: training.grid.machine,
        Bulk: this.bulk.machine,
      },
      uploads: training.retraining.uploads,
      deadLetters: training.retraining.deadLetters,
    });
    if (settings.canary) {
      for (const one of [this.generate, this.admin]) one.deployGradually(alarms.filter(watchesCode));
    }
    new CfnOutput(this, 'ModelBucket', { value: models.bucketName });
    new CfnOutput(this, 'BulkArn', { value: this.bulk.machine.stateMachineArn });
    new CfnOutput(this, 'BulkJob', {
      description: 'Generates for every row of bulk/prompts.jsonl in the model bucket',
      value: `aws stepfunctions start-execution --state-machine-arn ${this.bulk.machine.stateMachineArn} --input '{"task":"generate","input":"bulk/prompts.jsonl"}'`,
    });
    Tags.of(this).add('folio:part', 'api');
  }

  /** API Gateway makes the group of its execution log by itself, and keeps it for ever: here it is made before. */
  private limitExecutionLog(settings: StackSettings): void {
    const group = new logs.LogGroup(this, 'ExecutionLog', {
      logGroupName: `API-Gateway-Execution-Logs_${this.api.restApiId}/live`,
      retention: settings['log-days'],
      removalPolicy: RemovalPolicy.DESTROY,
    });
    this.api.deploymentStage.node.addDependency(group);
  }

  private addRoutes(settings: StackSettings, bundles: Bundles): void {
    const transfer = settings.streaming
      ? apigateway.ResponseTransferMode.STREAM
      : apigateway.ResponseTransferMode.BUFFERED;
    const generate = new apigateway.LambdaIntegration(this.generate.entry, {
      allowTestInvoke: false,
      responseTransferMode: transfer,
      timeout: Duration.seconds(settings.streaming ? generateSeconds : 29),
    });
    const admin = new apigateway.LambdaIntegration(this.admin.entry, { allowTestInvoke: false });
    const guarded = this.guard(settings, bundles);
    const at = (path: string) => this.api.root.resourceForPath(path);

    const open = { authorizationType: apigateway.AuthorizationType.NONE, apiKeyRequired: false };
    for (const [method, path] of generatingRoutes) at(path).addMethod(method, generate, guarded);
    for (const path of openRoutes) at(path).addMethod('GET', admin, open);
    for (const path of watchedRoutes) at(path).addMethod('HEAD', admin, open);
    at('/{path+}').addMethod('ANY', admin, guarded);
    // A path that has only these methods leaves all others to the greedy one.
    if (settings.auth === 'key' && settings.writer === 'iam') {
      const signed = { authorizationType: apigateway.AuthorizationType.IAM };
      for (const [method, path] of writingRoutes) at(path).addMethod(method, admin, signed);
    }
    // Browsers ask without a key whether they may ask with one; the app answers by its setting of origins.
    for (const path of new Set([...generatingRoutes.map(([, path]) => path), '/{path+}'])) {
      at(path).addMethod('OPTIONS', admin, open);
    }
  }

  private guard(settings: StackSettings, bundles: Bundles): apigateway.MethodOptions {
    if (settings.auth === 'iam') return { authorizationType: apigateway.AuthorizationType.IAM };
    this.#authorise = new NodeFunction(this, 'Authorise', {
      settings,
      description: 'Hands the key of x-api-key or Authorization: Bearer to the usage plan',
      code: bundles.authorise,
      memory: 256,
      timeout: Duration.seconds(3),
    });
    return {
      authorizationType: apigateway.AuthorizationType.CUSTOM,
      apiKeyRequired: true,
      authorizer: new apigateway.RequestAuthorizer(this, 'Authoriser', {
        handler: this.#authorise.function,
        // Either header may carry the key; a cache would have to demand both.
        identitySources: [],
        resultsCacheTtl: Duration.seconds(0),
      }),
    };
  }

  private addKeys(settings: StackSettings): void {
    const url = settings['domain-name'] === undefined ? this.api.url : `https://${settings['domain-name']}/`;
    new CfnOutput(this, 'Url', { value: url });
    if (settings.auth === 'iam') return;
    const plan = this.api.addUsagePlan('Plan', {
      apiStages: [{ api: this.api, stage: this.api.deploymentStage }],
      throttle: { rateLimit: settings.rate, burstLimit: settings.burst },
      quota: { limit: settings.quota, period: apigateway.Period.MONTH },
    });
    // Not addApiKey: a key that depends on the stage could not be named to the functions behind the stage.
    const addKey = (id: string, description: string): apigateway.ApiKey => {
      const key = new apigateway.ApiKey(this, id, { description });
      plan.addApiKey(key);
      return key;
    };
    // The first pair had no number before there were others.
    const suffixes = settings.keys.map((number) => (number === 1 ? '' : String(number)));
    const readers = suffixes.map((suffix) => addKey(`ReaderKey${suffix}`, 'May generate, score and look'));
    const reader = readers.at(-1)!;
    new CfnOutput(this, 'ReaderKeyId', { value: reader.keyId });
    if (settings.writer === 'iam') this.addWriterPolicy(url);
    else {
      const writers = suffixes.map((suffix) => addKey(`WriterKey${suffix}`, 'May do everything'));
      for (const { function: one } of [this.generate, this.admin]) {
        one.addEnvironment('FOLIO_WRITER_KEY_ID', writers.map(({ keyId }) => keyId).join(','));
      }
      new CfnOutput(this, 'WriterKeyId', { value: writers.at(-1)!.keyId });
    }
    new CfnOutput(this, 'ReadKey', {
      description: 'Puts the key into a variable of your shell',
      value: `FOLIO_KEY=$(aws apigateway get-api-key --api-key ${reader.keyId} --include-value --query value --output text)`,
    });
    new CfnOutput(this, 'GenerateText', {
      value: `curl -N -H "x-api-key: $FOLIO_KEY" -H "accept: text/plain" -H "content-type: application/json" -d '{"prompt":"ROMEO:","length":300}' ${url}generate`,
    });
    new CfnOutput(this, 'OpenAiClient', {
      value: `export OPENAI_BASE_URL=${url}v1 OPENAI_API_KEY="$FOLIO_KEY"`,
    });
  }

  /** What a role of a person or a pipeline needs to write, ready to be attached. */
  private addWriterPolicy(url: string): void {
    const policy = new iam.ManagedPolicy(this, 'Writer', {
      description: 'May upload corpora, train, activate and remove versions of Folio',
      statements: [
        new iam.PolicyStatement({
          actions: ['execute-api:Invoke'],
          resources: writingRoutes.map(([method, path]) =>
            this.api.arnForExecuteApi(method, path.replace(/\{\w+\}/g, '*'), 'live'),
          ),
        }),
      ],
    });
    new CfnOutput(this, 'WriterPolicy', {
      description: 'Attach it to who may write',
      value: policy.managedPolicyArn,
    });
    new CfnOutput(this, 'SignedRequest', {
      description:
        'Starts a training on a corpus that is there; credentials by aws configure export-credentials',
      value: `curl --aws-sigv4 "aws:amz:${this.region}:execute-api" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" -H "x-amz-security-token: $AWS_SESSION_TOKEN" -H "content-type: application/json" -d '{"model":"my-novel"}' ${url}v1/trainings`,
    });
  }

  /** Refuses an address that asks too often, before a function or the authoriser runs. */
  private addWebAcl(requests: number): void {
    const metric = (metricName: string) => ({
      cloudWatchMetricsEnabled: true,
      metricName,
      sampledRequestsEnabled: false, // samples have addresses and queries
    });
    const acl = new wafv2.CfnWebACL(this, 'WebAcl', {
      scope: 'REGIONAL',
      defaultAction: { allow: {} },
      visibilityConfig: metric('Folio'),
      rules: [
        {
          name: 'TooMany',
          priority: 0,
          action: { block: { customResponse: { responseCode: 429 } } },
          statement: { rateBasedStatement: { limit: requests, aggregateKeyType: 'IP' } },
          visibilityConfig: metric('FolioTooMany'),
        },
      ],
    });
    new wafv2.CfnWebACLAssociation(this, 'WebAclOfStage', {
      webAclArn: acl.attrArn,
      resourceArn: this.api.deploymentStage.stageArn,
    });
  }
}

/** No query string: a prompt may stand in it. */
const accessLog = {
  requestId: '$context.requestId',
  time: '$context.requestTime',
  ip: '$context.identity.sourceIp',
  keyId: '$context.identity.apiKeyId',
  caller: '$context.identity.caller',
  method: '$context.httpMethod',
  route: '$context.resourcePath',
  path: '$context.path',
  status: '$context.status',
  error: '$context.error.responseType',
  bytes: '$context.responseLength',
  milliseconds: '$context.responseLatency',
  integration: '$context.integration.latency',
  firstByte: '$context.integration.timeToFirstContent',
  transfer: '$context.responseTransferMode',
  trace: '$context.xrayTraceId',
};
