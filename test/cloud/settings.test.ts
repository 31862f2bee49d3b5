import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runSimulation } from '@cloud-copilot/iam-simulate';
import { describe, expect, it } from 'vitest';
import { definitions, parseSettings } from '../../cdk/settings.ts';
import { root } from '../../functions/bundle.ts';

describe('settings of the deployment', () => {
  it('has a default for each', () => {
    expect(parseSettings({})).toMatchObject({
      auth: 'key',
      streaming: true,
      memory: 1769,
      architecture: 'arm64',
      spot: true,
      budget: 10,
    });
  });

  it('reads the text of the command line as it reads JSON', () => {
    expect(parseSettings({ keys: '1,2' }).keys).toEqual([1, 2]);
    expect(parseSettings({ keys: 2 }).keys).toEqual([2]);
    const text = parseSettings({ streaming: 'false', rate: '3', 'trainer-cpu': '2048', budget: '0' });
    const json = parseSettings({ streaming: false, rate: 3, 'trainer-cpu': 2048, budget: 0 });
    expect(text).toEqual(json);
  });

  it.each([
    [{ auth: 'none' }, /folio:auth: .*"key"\|"iam".*, not "none"/],
    [{ streaming: 'maybe' }, /folio:streaming: expected true or false, not "maybe"/],
    [{ rate: 'many' }, /folio:rate: .*not "many"/],
    [{ keys: '1,,2' }, /folio:keys: expected whole numbers from 1, separated by commas, not "1,,2"/],
    [{ memory: 64 }, /folio:memory: .*256.*not 64/],
    [{ 'alarm-email': 'me' }, /folio:alarm-email: expected an e-mail address, not "me"/],
    [{ certificate: 'arn:aws:acm:eu-west-1:1:certificate/1' }, /folio:domain-name: expected together/],
    [{ 'trainer-cpu': 3000 }, /folio:trainer-cpu: /],
    [
      { 'trainer-cpu': 1024, 'trainer-memory': 30720 },
      /folio:trainer-memory: expected whole gigabytes from 2048 to 8192/,
    ],
    [{ colour: 'red' }, /folio:colour: no such setting/],
    [
      { buckets: 'corpora=a-b-c' },
      /folio:buckets: expected corpora=BUCKET,models=BUCKET,accesses=BUCKET, not/,
    ],
    [{ buckets: 'corpora=A,models=b-b,accesses=c-c' }, /folio:buckets: expected corpora=BUCKET/],
    [{ buckets: 'corpora=aaa,models=bbb,accesses=ccc,more=ddd' }, /folio:buckets: expected corpora=BUCKET/],
  ])('refuses %j and says what it expected', (context, complaint) => {
    expect(() => parseSettings(context)).toThrow(complaint);
  });

  it('reports all faults at once', () => {
    expect(() => parseSettings({ auth: 'none', rate: 0, colour: 'red' })).toThrow(
      /auth[\s\S]*rate[\s\S]*colour/,
    );
  });
});

describe('docs/operations.md', () => {
  const text = readFileSync(join(root, 'docs/operations.md'), 'utf8');

  it('lists every setting with its default and its meaning', () => {
    const [, table = ''] = /<!-- settings -->\n([\s\S]*)<!-- \/settings -->/.exec(text) ?? [];
    const rows = Object.entries(definitions).map(([name, definition]) => {
      const fallback = definition.parse(undefined);
      const shown = fallback === undefined ? '' : `\`${String(fallback)}\``;
      return `| \`folio:${name}\` | ${shown} | ${definition.description} |`;
    });
    expect(table.trim().split('\n').slice(2)).toEqual(rows);
  });

  it('gives its operator a policy that allows every command of the AWS CLI on the page', async () => {
    const api = 'arn:aws:apigateway:eu-west-1::/apikeys/abc123';
    const machine = 'arn:aws:states:eu-west-1:123456789012:stateMachine:Retraining';
    const execution = 'arn:aws:states:eu-west-1:123456789012:execution:Retraining:one';
    const [corpora, corpus] = [
      'arn:aws:s3:::CORPORA-BUCKET',
      'arn:aws:s3:::CORPORA-BUCKET/corpora/my-novel.txt',
    ];
    const stack = 'arn:aws:cloudformation:eu-west-1:ACCOUNT:stack/FolioApi-dev/1';
    const images =
      'arn:aws:ecr:eu-west-1:ACCOUNT:repository/cdk-hnb659fds-container-assets-ACCOUNT-eu-west-1';
    const calls: Readonly<Record<string, readonly [action: string, resource: string]>> = {
      'cloudformation describe-stacks': ['cloudformation:DescribeStacks', stack],
      'apigateway get-api-key': ['apigateway:GET', api],
      'apigateway update-api-key': ['apigateway:PATCH', api],
      's3 cp': ['s3:PutObject', corpus],
      's3 rm': ['s3:DeleteObject', corpus],
      's3api list-object-versions': ['s3:ListBucketVersions', corpora],
      's3api delete-objects': ['s3:DeleteObjectVersion', corpus],
      'ecr describe-repositories': ['ecr:DescribeRepositories', images],
      'ecr put-image-scanning-configuration': ['ecr:PutImageScanningConfiguration', images],
      'ecr describe-image-scan-findings': ['ecr:DescribeImageScanFindings', images],
      'stepfunctions start-execution': ['states:StartExecution', machine],
      'stepfunctions list-executions': ['states:ListExecutions', machine],
      'stepfunctions describe-execution': ['states:DescribeExecution', execution],
      'stepfunctions redrive-execution': ['states:RedriveExecution', execution],
      'stepfunctions stop-execution': ['states:StopExecution', execution],
    };
    const others = ['configure get', 'configure export-credentials', 'iam create-service-linked-role']; // the machine's own; the administrator's
    const commands = [...text.matchAll(/(?<=^|[(`{] ?| {2})aws ([a-z0-9]+ [a-z-]+)/gm)].map(
      (match) => match[1]!,
    );
    expect([...new Set(commands)].filter((one) => !others.includes(one)).sort()).toEqual(
      Object.keys(calls).sort(),
    );
    const policy = JSON.parse([...text.matchAll(/```json\n([\s\S]*?)```/g)][1]![1]!) as unknown;
    for (const [action, resource] of Object.values(calls)) {
      const result = await runSimulation(
        {
          request: {
            principal: 'arn:aws:iam::123456789012:role/operator',
            action,
            resource: { resource, accountId: '123456789012' },
            contextVariables: {},
          },
          identityPolicies: [{ name: 'operator', policy }],
          serviceControlPolicies: [],
          resourceControlPolicies: [],
        },
        {},
      );
      const verdict = result.resultType === 'error' ? JSON.stringify(result.errors) : result.overallResult;
      expect([action, verdict]).toEqual([action, 'Allowed']);
    }
  });

  it('has a runbook for every alarm', () => {
    const monitoring = readFileSync(join(root, 'cdk/monitoring.ts'), 'utf8');
    const alarms = [...monitoring.matchAll(/this\.alarm\(\s*'(\w+)'/g)].map(([, name]) => name ?? '');
    const machines = ['Retraining', 'Grid', 'Bulk'].flatMap((name) => [`${name}Failed`, `${name}TimedOut`]);
    expect(alarms.length).toBeGreaterThanOrEqual(5);
    const [, runbook = ''] = /## Runbook\n([\s\S]*?)\n## /.exec(text) ?? [];
    for (const alarm of [...alarms, ...machines]) expect(runbook).toContain(`\`${alarm}\``);
  });
});
