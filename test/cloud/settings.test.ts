import { readFileSync } from 'node:fs';
import { join } from 'node:path';
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

  it('has a runbook for every alarm', () => {
    const monitoring = readFileSync(join(root, 'cdk/monitoring.ts'), 'utf8');
    const alarms = [...monitoring.matchAll(/this\.alarm\(\s*'(\w+)'/g)].map(([, name]) => name ?? '');
    const machines = ['Retraining', 'Grid', 'Bulk'].flatMap((name) => [`${name}Failed`, `${name}TimedOut`]);
    expect(alarms.length).toBeGreaterThanOrEqual(5);
    const [, runbook = ''] = /## Runbook\n([\s\S]*?)\n## /.exec(text) ?? [];
    for (const alarm of [...alarms, ...machines]) expect(runbook).toContain(`\`${alarm}\``);
  });
});
