import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AwsSolutionsChecks, type NagPack, ServerlessChecks } from 'cdk-nag';
import { beforeAll, describe, expect, it } from 'vitest';
import { suppressions } from '../../cdk/nag-suppressions.ts';
import { root } from '../../functions/bundle.ts';
import { type Explanation, ofCfnLint, ofCheckov } from './explanations.ts';
import { type Synthesised, synthesise } from './synth.ts';
import { auditTools } from './tools.ts';

const run = promisify(execFile);

let made: Synthesised;
let programs: string;

beforeAll(async () => {
  [made, programs] = await Promise.all([synthesise(), auditTools()]);
});

/** `[rule, path of the construct]` of everything that a pack finds. */
const findings = (pack: NagPack, { app }: Synthesised): [string, string][] =>
  pack
    .validateScope(app)
    .violations.flatMap(({ ruleName, violatingResources = [] }) =>
      violatingResources.map(({ constructPath = '' }): [string, string] => [ruleName, constructPath]),
    );

const packs = ({ app }: Synthesised) => [new AwsSolutionsChecks(app), new ServerlessChecks(app)];

describe('cdk-nag', () => {
  it('finds nothing that is not suppressed with a reason', () => {
    expect(packs(made).flatMap((pack) => findings(pack, made))).toEqual([]);
  });

  it('would find something for every suppression: none is stale, none is ignored', async () => {
    const bare = await synthesise({}, false);
    const found = packs(bare).flatMap((pack) => findings(pack, bare));
    expect(found.length).toBeGreaterThan(50);
    const idle = suppressions(made.names).flatMap(({ at, findings: rules, optional }) =>
      rules.filter(
        (rule) =>
          !optional && !found.some(([name, path]) => name === rule && `${path}/`.startsWith(`${at}/`)),
      ),
    );
    expect(idle).toEqual([]);
  });

  it('finds nothing with other settings either', async () => {
    for (const settings of [
      { 'folio:auth': 'iam', 'folio:streaming': false, 'folio:spot': false },
      { 'folio:writer': 'iam', 'folio:waf': 1000 },
    ]) {
      const other = await synthesise(settings);
      expect(packs(other).flatMap((pack) => findings(pack, other))).toEqual([]);
    }
  });
});

describe('cdk synth', () => {
  const synth = (...args: readonly string[]) =>
    run(
      join(root, 'node_modules/.bin/cdk'),
      ['synth', '--quiet', '--output', join(made.outdir, 'cli'), ...args],
      {
        cwd: root,
        env: {
          ...process.env,
          CI: 'false',
          AWS_EC2_METADATA_DISABLED: 'true',
          HTTPS_PROXY: 'http://127.0.0.1:9',
        },
      },
    );

  it('works without account, Docker or network, its own audits included', async () => {
    await expect(synth()).resolves.toMatchObject({
      stderr: expect.stringContaining('Successfully synthesized'),
    });
  });

  it('ends with what is wrong with a setting', async () => {
    await expect(synth('-c', 'folio:auth=none')).rejects.toMatchObject({
      stderr: expect.stringContaining('folio:auth'),
    });
  });
});

/** Findings without an explanation, and explanations without a finding. */
const unanswered = (
  found: readonly [check: string, resource: string][],
  explained: readonly Explanation[],
) => ({
  unexplained: found.filter(
    ([check, resource]) => !explained.some((one) => one.check === check && one.resources.test(resource)),
  ),
  stale: explained.filter(
    ({ check, resources }) => !found.some(([id, one]) => id === check && resources.test(one)),
  ),
});

const templates = async () =>
  (await readdir(made.outdir))
    .filter((name) => name.endsWith('.template.json'))
    .map((name) => join(made.outdir, name));

/** Auditors end with an exit code of their own when they find something. */
const output = (program: string, args: readonly string[]): Promise<string> =>
  run(join(programs, program), args, { maxBuffer: 1 << 27 }).then(
    ({ stdout }) => stdout,
    ({ stdout }: { stdout: string }) => stdout,
  );

describe('cfn-lint', () => {
  it('finds nothing unexplained', async () => {
    const files = await templates();
    expect(files).toHaveLength(3);
    const found = JSON.parse(await output('cfn-lint', ['--format', 'json', ...files])) as {
      Rule: { Id: string };
      Location: { Path?: (string | number)[] };
    }[];
    const pairs = found.map(({ Rule, Location }): [string, string] => [Rule.Id, String(Location.Path?.[1])]);
    expect(unanswered(pairs, ofCfnLint)).toEqual({ unexplained: [], stale: [] });
  });
});

describe('checkov', () => {
  it('finds nothing unexplained', async () => {
    const files = await templates();
    const args = [
      '--framework',
      'cloudformation',
      '--skip-download',
      '--compact',
      '--quiet',
      '--output',
      'json',
    ];
    const report = JSON.parse(
      await output('checkov', [...args, ...files.flatMap((file) => ['--file', file])]),
    ) as {
      summary: { passed: number; parsing_errors: number };
      results: { failed_checks: { check_id: string; resource: string }[] };
    };
    expect(report.summary.passed).toBeGreaterThan(200);
    expect(report.summary.parsing_errors).toBe(0);
    const pairs = report.results.failed_checks.map(({ check_id, resource }): [string, string] => [
      check_id,
      resource.split('.').at(-1) ?? '',
    ]);
    expect(unanswered(pairs, ofCheckov)).toEqual({ unexplained: [], stale: [] });
  });
});
