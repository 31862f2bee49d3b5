import { readFileSync } from 'node:fs';
import { arch, cpus, platform } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { kernelBuild } from '../src/model/kernel/kernel-module.ts';
import type { KernelInfo } from '../src/model/stepper.ts';

/** One subject of a case: something that can be measured again and again. */
export interface Subject {
  readonly case: string;
  readonly subject: string;
  /** `characters/s`, `ms`: what `measure` gives. */
  readonly unit: string;
  /** One measurement, results consumed. */
  measure(): number | Promise<number>;
}

export interface Measured {
  readonly case: string;
  readonly subject: string;
  readonly unit: string;
  readonly median: number;
  readonly runs: readonly number[];
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  /** Those of the processor's instructions on which ratios depend most, of `/proc/cpuinfo`. */
  readonly features: readonly string[];
  /** The kernel that int8 runs in here. */
  readonly kernel: KernelInfo['build'];
  readonly platform: string;
  readonly node: string;
  readonly date: string;
}

const listed = ['avx2', 'avx_vnni', 'avx512_vnni', 'amx_int8', 'asimddp', 'i8mm'];

const features = (): readonly string[] => {
  try {
    const flags = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? '';
    return listed.filter((name) => flags.split(' ').includes(name));
  } catch {
    return []; // another system
  }
};

const machine = (): Machine => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  features: features(),
  kernel: kernelBuild(),
  platform: `${platform()}-${arch()}`,
  node: process.version,
  date: new Date().toISOString(),
});

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

const SETTLE = 10; // milliseconds

/** Measures rivals in turns, round by round, so that whatever else the machine does falls on all of them. */
export const interleave = async (subjects: readonly Subject[], rounds: number): Promise<Measured[]> => {
  const runs = subjects.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, subject] of subjects.entries()) {
      runs[index]!.push(await subject.measure());
      await setTimeout(SETTLE); // until the threads that it had wait for work have stopped spinning
    }
  }
  return subjects.map(({ case: name, subject, unit }, index) => ({
    case: name,
    subject,
    unit,
    median: median(runs[index]!),
    runs: runs[index]!,
  }));
};

/** A quotient of two subjects' medians worth a line: `a` over `b`. */
export interface Ratio {
  readonly what: string;
  readonly case: string;
  readonly a: string;
  readonly b: string;
}

const rounded = (value: number): string => {
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return value >= 10 ? value.toFixed(1) : value.toPrecision(5);
};

/** Prints one JSON object with `--json`, else tables and ratios. Notes go to stderr. */
export const report = (
  cases: readonly Measured[],
  { ratios = [], notes = [], json }: { ratios?: readonly Ratio[]; notes?: readonly string[]; json: boolean },
): void => {
  if (json) {
    console.log(JSON.stringify({ machine: machine(), cases }));
    for (const note of notes) console.error(note);
    return;
  }
  const { cpu, cores, features: has, kernel, node, date } = machine();
  console.log(`${cpu} (${has.join(', ')}), ${cores} cores, Node ${node}, kernel ${kernel}, ${date}`);
  for (const name of new Set(cases.map((measured) => measured.case))) {
    console.log(`\n${name}`);
    for (const measured of cases.filter((one) => one.case === name)) {
      const { subject, unit, runs } = measured;
      const spread = `${rounded(Math.min(...runs))} .. ${rounded(Math.max(...runs))}`;
      console.log(
        `  ${subject.padEnd(28)} ${rounded(measured.median).padStart(10)} ${unit.padEnd(14)} ${spread}`,
      );
    }
  }
  const find = (name: string, subject: string): number | undefined =>
    cases.find((one) => one.case === name && one.subject === subject)?.median;
  const lines = ratios.flatMap(({ what, case: name, a, b }) => {
    const above = find(name, a);
    const below = find(name, b);
    return above === undefined || below === undefined ? [] : [`  ${what}: ${(above / below).toFixed(2)}x`];
  });
  if (lines.length > 0) console.log(`\nratios\n${lines.join('\n')}`);
  for (const note of notes) console.log(`\n${note}`);
};

/** The options that every bench understands: `--json`, `--rounds N`, `--case NAME`, `--subject NAME` (repeatable); and the rest. */
export const benchOptions = (
  rounds: number,
): {
  json: boolean;
  rounds: number;
  wanted: (name: string, subject: string) => boolean;
  rest: readonly string[];
} => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      rounds: { type: 'string', default: String(rounds) },
      case: { type: 'string', multiple: true },
      subject: { type: 'string', multiple: true },
    },
  });
  const among = (names: readonly string[] | undefined, name: string): boolean =>
    names === undefined || names.some((wanted) => name === wanted || name.startsWith(`${wanted}-`));
  return {
    json: values.json,
    rounds: Number(values.rounds),
    rest: positionals,
    wanted: (name, subject) => among(values.case, name) && among(values.subject, subject),
  };
};
