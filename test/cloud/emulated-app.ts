import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, type CfnOutput, type CfnResource, Duration } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import type { CfnStateMachine } from 'aws-cdk-lib/aws-stepfunctions';
import { bulkDefinition } from '../../cdk/bulk-definition.ts';
import { noSuchKey } from '../../cdk/run-trainer.ts';
import { addStacks } from '../../cdk/stacks.ts';
import { bundlesIn } from '../built-functions.ts';

/**
 * The deployment as the emulator can run it. What it lacks is left out, and asserted on in template.test.ts, or is
 * stood in for here:
 *
 * - flow logs, budgets and the cluster's capacity providers are left out;
 * - the address of a stage is one on the emulator's own port, or on the port of what stands before it
 *   (the context value `emulated-gateway`);
 * - the bundles, in the folder that the context value `emulated-bundles` names, are copied and added to;
 * - the ids of API keys, which API Gateway gives to the functions, are looked up in front of the function's handler;
 * - the distributed map of Bulk, whose JSONata the emulator does not evaluate, is a function that makes the batches;
 * - reading and writing objects from within Step Functions is done by a function, which names errors as AWS does.
 */
const missing = [
  'AWS::EC2::FlowLog',
  'AWS::Budgets::Budget',
  'AWS::ECS::ClusterCapacityProviderAssociations',
];

const keyIds = `
import { handler as own } from './index.mjs';
const authorization = 'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/apigateway/aws4_request, SignedHeaders=host, Signature=none';
const keys = async () => (await (await fetch(process.env.AWS_ENDPOINT_URL + '/apikeys?includeValues=true', { headers: { authorization } })).json());
export const handler = async (event, context) => {
  const sent = Object.entries(event.headers ?? {}).find(([name]) => name.toLowerCase() === 'x-api-key')?.[1];
  const { item = [] } = sent ? await keys() : {};
  const { identity } = event.requestContext;
  identity.apiKeyId = item.find(({ value }) => value === sent)?.id ?? null;
  return own(event, context);
};
`;

const objects = `
exports.handler = async ({ Bucket, Key, Body }) => {
  const address = process.env.AWS_ENDPOINT_URL + '/' + Bucket + '/' + Key;
  const put = Body === undefined ? {} : { method: 'PUT', body: JSON.stringify(Body) };
  const response = await fetch(address, put);
  if (!response.ok) throw Object.assign(new Error('(Service: S3, Status Code: 404)'), { name: 'S3.NoSuchKeyException' });
  const { headers } = response;
  return {
    Body: await response.text(),
    VersionId: headers.get('x-amz-version-id') ?? undefined,
    Metadata: Object.fromEntries(
      ['preset', 'from', 'teachers', 'precision'].flatMap((option) => {
        const value = headers.get('x-amz-meta-' + option);
        return value === null ? [] : [[option, value]];
      }),
    ),
  };
};
`;

const rows = `
exports.handler = async ({ Bucket, Key, BatchInput, item }) => {
  const { AWS_ENDPOINT_URL: endpoint } = process.env;
  const text = await (await fetch(endpoint + '/' + Bucket + '/' + Key)).text();
  const items = text.split('\\n').filter(Boolean).map((line, index) => ({ index, row: JSON.parse(line) }));
  const authorization = 'AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=none';
  for (let at = 0; at < items.length; at += 100) {
    const body = JSON.stringify({ BatchInput, Items: items.slice(at, at + 100) });
    const address = endpoint + '/2015-03-31/functions/' + encodeURIComponent(item) + '/invocations';
    const answer = await fetch(address, { method: 'POST', headers: { authorization }, body });
    const summary = await answer.text();
    if (answer.headers.has('x-amz-function-error')) throw new Error(summary);
  }
};
`;

const app = new App();
const copies = mkdtempSync(join(tmpdir(), 'folio-emulated-'));
cpSync(String(app.node.tryGetContext('emulated-bundles')), copies, { recursive: true });
const bundles = bundlesIn(copies);
for (const name of ['generate', 'admin'] as const) writeFileSync(join(bundles[name], 'emulated.mjs'), keyIds);
const { api, data, training } = addStacks(app, bundles);
for (const { function: one } of [api.generate, api.admin]) {
  (one.node.defaultChild as CfnResource).addPropertyOverride('Handler', 'emulated.handler');
}
for (const [functionName, code] of Object.entries({ objects, rows })) {
  new lambda.Function(training, functionName, {
    functionName,
    runtime: lambda.Runtime.NODEJS_24_X,
    handler: 'index.handler',
    code: lambda.Code.fromInline(code),
    timeout: Duration.minutes(2),
  });
}
const emulatedFunction = (name: string) => `arn:aws:lambda:us-east-1:000000000000:function:${name}`;
const item = api.bulk.item.function.functionArn;
const bulk = bulkDefinition({ item, models: data.models.bucketName });
const { Rows } = bulk.States;
(api.bulk.machine.node.defaultChild as CfnStateMachine).definitionString = api.toJsonString({
  ...bulk,
  States: {
    ...bulk.States,
    Rows: {
      Type: 'Task',
      Resource: emulatedFunction('rows'),
      Arguments: { ...Rows.ItemReader.Arguments, BatchInput: Rows.ItemBatcher.BatchInput, item },
      End: true,
    },
  },
});
for (const construct of app.node.findAll()) {
  if (missing.includes((construct as Partial<CfnResource>).cfnResourceType ?? '')) {
    construct.node.scope?.node.tryRemoveChild(construct.node.id);
  }
}
const url = api.node.findChild('Url') as CfnOutput;
const gateway = String(app.node.tryGetContext('emulated-gateway') ?? process.env.AWS_ENDPOINT_URL);
url.value = `${gateway}/restapis/${api.api.restApiId}/live/_user_request_/`;
const { directory } = app.synth();
rmSync(copies, { recursive: true });
for (const name of readdirSync(directory).filter((one) => one.endsWith('.template.json'))) {
  const path = join(directory, name);
  const template = readFileSync(path, 'utf8');
  writeFileSync(
    path,
    template
      .replaceAll(
        /arn:",\s*\{\s*"Ref":\s*"AWS::Partition"\s*\},\s*":states:::aws-sdk:s3:(?:get|put|head)Object/g,
        emulatedFunction('objects'),
      )
      // The emulator gives every error of a function this name, whatever the function called it.
      .replaceAll(noSuchKey, 'Runtime.HandlerError'),
  );
}
