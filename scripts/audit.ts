import { spawnSync } from 'node:child_process';

/**
 * `npm run audit`: known vulnerabilities of what is run or shipped. Ends with 1 where there is one of severity moderate or above; a
 * registry that answers no audits, as many mirrors do, is reported, and is no failure.
 */
interface Audit {
  readonly message?: string;
  readonly vulnerabilities?: Readonly<
    Record<string, { readonly name: string; readonly severity: string; readonly range: string }>
  >;
}

const { stdout, stderr } = spawnSync('npm', ['audit', '--omit=dev', '--json'], { encoding: 'utf8' });
const parse = (text: string): Audit => {
  try {
    return JSON.parse(text) as Audit;
  } catch {
    return { message: stderr.split('\n')[0] ?? 'no answer' };
  }
};
const { vulnerabilities, message = 'no answer' } = parse(stdout);

if (vulnerabilities === undefined) {
  process.stdout.write(`Not audited: the registry does not answer (${message}).\n`);
} else {
  const found = Object.values(vulnerabilities).filter(({ severity }) => !['info', 'low'].includes(severity));
  for (const { name, severity, range } of found) process.stdout.write(`${severity}: ${name} ${range}\n`);
  process.stdout.write(`${found.length} packages with known vulnerabilities.\n`);
  process.exitCode = found.length > 0 ? 1 : 0;
}
