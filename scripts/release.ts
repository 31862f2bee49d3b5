import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * `npm run release -- major|minor|patch|X.Y.Z [--dry-run]`: checks, gives the version to package.json, its lock and
 * src/version.ts, gives the changelog's `## Unreleased` the version and the date, commits and tags. Nothing is pushed.
 */
const root = join(import.meta.dirname, '..');
const usage = 'npm run release -- major|minor|patch|X.Y.Z [--dry-run]';

const fail = (message: string): never => {
  process.stderr.write(`${message}\n`);
  process.exit(1);
};
const run = (command: string, ...parameters: readonly string[]): string =>
  execFileSync(command, parameters, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

/** @returns The version after `current`; a version given in full must be later than it */
const nextVersion = (current: string, step: string): string => {
  const parts = current.split('.').map(Number);
  const place = ['major', 'minor', 'patch'].indexOf(step);
  if (place >= 0) {
    return parts.map((part, i) => (i < place ? part : i === place ? part + 1 : 0)).join('.');
  }
  if (!/^\d+\.\d+\.\d+$/.test(step)) return fail(`Expected ${usage}, received: ${step}`);
  const given = step.split('.').map(Number);
  const differing = given.findIndex((part, i) => part !== parts[i]);
  if (differing >= 0 && given[differing]! > parts[differing]!) return step;
  return fail(`${step} is not later than ${current}.`);
};

const steps = process.argv.slice(2).filter((word) => word !== '--dry-run');
const dryRun = process.argv.includes('--dry-run');
if (steps.length !== 1) fail(`Expected: ${usage}`);
const { version: current } = JSON.parse(read('package.json')) as { version: string };
const version = nextVersion(current, steps[0]!);
const tag = `v${version}`;

const changelog = read('CHANGELOG.md');
const [, notes = ''] = /^## Unreleased\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(changelog) ?? [];
const problems = [
  ...(run('git', 'status', '--porcelain') === '' ? [] : ['There are uncommitted changes.']),
  ...(run('git', 'branch', '--show-current').trim() === 'main' ? [] : ['This is not the branch main.']),
  ...(run('git', 'tag', '--list', tag) === '' ? [] : [`The tag ${tag} exists.`]),
  ...(notes.trim() === '' ? ['CHANGELOG.md says nothing under "## Unreleased".'] : []),
];
if (problems.length > 0 && !dryRun) fail(problems.join('\n'));

const date = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long' }).format(new Date());
process.stdout.write(`${current} -> ${version}, ${date}\n\n${notes.trim()}\n\n`);
if (dryRun) {
  process.stdout.write(
    problems.length > 0
      ? `A release would be refused:\n${problems.map((problem) => `- ${problem}\n`).join('')}`
      : `Nothing was changed. Without --dry-run this runs \`npm run check\`, commits "Release ${version}" and tags ${tag}.\n`,
  );
  process.exit(problems.length > 0 ? 1 : 0);
}

try {
  execFileSync('npm', ['run', '-s', 'check'], { cwd: root, stdio: 'inherit' });
} catch {
  fail('`npm run check` failed: see above. Nothing was changed.');
}

/** Puts `replacement` in place of the one occurrence of `text`. */
const replaceIn = (file: string, text: string, replacement: string): void => {
  const before = read(file);
  if (before.split(text).length !== 2) fail(`${file}: expected to find once: ${text}`);
  writeFileSync(
    join(root, file),
    before.replace(text, () => replacement),
  );
};

replaceIn('CHANGELOG.md', '## Unreleased\n', `## ${version} (${date})\n`);
replaceIn('src/version.ts', `'${current}'`, `'${version}'`);
run('npm', 'version', version, '--no-git-tag-version');
run('git', 'commit', '--all', '--message', `Release ${version}`);
run('git', 'tag', '--annotate', tag, '--message', `Folio ${version}\n\n${notes.trim()}`);
process.stdout.write(`Released ${version} on this machine. \`git push --follow-tags\` publishes it.\n`);
