import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, type CfnResource } from 'aws-cdk-lib';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import { noSuchKey } from '../../cdk/run-trainer.ts';
import { addStacks } from '../../cdk/stacks.ts';
import { bundleFunctions } from '../../functions/bundle.ts';

/**
 * The deployment as the emulator can run it. What it lacks is left out, and asserted on in template.test.ts, or is
 * stood in for here:
 *
 * - flow logs, budgets and the cluster's capacity providers are left out;
 * - the ids of API keys, which API Gateway gives to the functions, are looked up in front of the function's handler;
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
      ['preset', 'from'].flatMap((option) => {
        const value = headers.get('x-amz-meta-' + option);
        return value === null ? [] : [[option, value]];
      }),
    ),
  };
};
`;

const app = new App();
const bundles = await bundleFunctions();
for (const name of ['generate', 'admin'] as const) writeFileSync(join(bundles[name], 'emulated.mjs'), keyIds);
const { api, training } = addStacks(app, bundles);
for (const { function: one } of [api.generate, api.admin]) {
  (one.node.defaultChild as CfnResource).addPropertyOverride('Handler', 'emulated.handler');
}
new lambda.Function(training, 'Objects', {
  functionName: 'objects',
  runtime: lambda.Runtime.NODEJS_24_X,
  handler: 'index.handler',
  code: lambda.Code.fromInline(objects),
});
for (const construct of app.node.findAll()) {
  if (missing.includes((construct as Partial<CfnResource>).cfnResourceType ?? '')) {
    construct.node.scope?.node.tryRemoveChild(construct.node.id);
  }
}
const { directory } = app.synth();
for (const name of readdirSync(directory).filter((one) => one.endsWith('.template.json'))) {
  const path = join(directory, name);
  const template = readFileSync(path, 'utf8');
  writeFileSync(
    path,
    template
      .replaceAll(
        /arn:aws:states:::aws-sdk:s3:(?:get|put|head)Object/g,
        'arn:aws:lambda:us-east-1:000000000000:function:objects',
      )
      // The emulator gives every error of a function this name, whatever the function called it.
      .replaceAll(noSuchKey, 'Runtime.HandlerError'),
  );
}
