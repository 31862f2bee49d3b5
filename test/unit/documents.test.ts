import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { presets } from '../../training/presets.ts';

const documents = globSync(['*.md', 'docs/**/*.md']).sort();
const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
const textOf = (file: string): string => readFileSync(file, 'utf8');

describe.each(documents)('%s', (file) => {
  it('links to what is there', () => {
    const missing = [...textOf(file).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
      .map((match) => match[1]!)
      .filter((target) => !/^[a-z]+:/.test(target) && !existsSync(join(dirname(file), target)));
    expect(missing).toEqual([]);
  });

  it('names scripts that package.json has', () => {
    const called = [...textOf(file).matchAll(/npm run (?:-s )?([a-z][a-z:-]*)/g)].map((match) => match[1]!);
    expect(called.filter((name) => !(name in scripts))).toEqual([]);
  });

  it('names files of the project that are there', () => {
    const missing = [
      ...textOf(file).matchAll(
        /`((?:src|training|functions|cdk|test|bench|scripts)\/[\w./-]+\.(?:ts|html|md))`/g,
      ),
    ]
      .map((match) => match[1]!)
      .filter((path) => !existsSync(path));
    expect(missing).toEqual([]);
  });

  it('has nothing left to fill in', () => {
    expect(textOf(file)).not.toMatch(/@@|TODO|TUTORIAL_SAMPLE/);
  });
});

describe('README.md', () => {
  it('runs all the tests by the command that CI runs', () => {
    expect(textOf('README.md')).toContain('npm ci && npm test');
    expect(textOf('.ci/run')).toMatch(/npm ci .*&& npm test/);
  });

  it('leads to every document, directly or through others', () => {
    const reached = new Set(['README.md']);
    for (const file of reached) {
      for (const [, target] of textOf(file).matchAll(/\]\(([^)#\s:]+\.md)/g)) {
        reached.add(normalize(join(dirname(file), target!)));
      }
    }
    expect(documents.filter((file) => !reached.has(file))).toEqual([]);
  });
});

it.each(Object.keys(presets))('docs/training.md and the page offer the preset %s', (name) => {
  expect(textOf('docs/training.md')).toContain(`| \`${name}\` |`);
  expect(textOf('src/web/index.html')).toContain(`<option value="${name}"`);
  expect(textOf('src/web/training-panel.ts')).toMatch(new RegExp(`^  ${name}:`, 'm'));
});
