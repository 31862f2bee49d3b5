import { Argument, type Command, Option } from 'commander';
import type { BulkJob } from '../bulk/item.ts';
import { linesOf, readSource } from '../bulk/lines.ts';
import { type BulkOutput, toFile, toParts, toStandardOutput } from '../bulk/output.ts';
import { checked, GenerateRow, ScoreRow } from '../bulk/row.ts';
import { runBulk } from '../bulk/run.ts';
import { FolioError } from '../errors.ts';
import { addAlphabet } from './alphabet-options.ts';
import { addBlend, type BlendOptions, openBlended } from './blend.ts';
import { integer, newCommand } from './command.ts';
import { addModel } from './open-model.ts';
import { count, print, printStatus, several } from './print.ts';
import { addSampling, logitBias, requestParameters, type SamplingFlags } from './sampling.ts';

interface BulkFlags extends BlendOptions, SamplingFlags {
  readonly input: string;
  readonly output: string;
  readonly resume?: true;
  readonly partRows: number;
  readonly concurrency: number;
  readonly seed: number;
}

/** `folio bulk`: rows of JSON in, rows of JSON out, in the same order; a stopped job goes on where it was. */
export const command = (): Command =>
  addSampling(
    addBlend(
      addAlphabet(
        addModel(
          newCommand('bulk', 'generate or score many rows of JSON', [
            'folio bulk generate --input prompts.jsonl --output texts.jsonl',
            'folio bulk score -i s3://my-bucket/in.jsonl -o s3://my-bucket/out/ --resume',
            'echo \'{"id":1,"prompt":"ROMEO:","length":40}\' | folio bulk generate',
          ]),
        ),
      ),
    ),
  )
    .addArgument(new Argument('<task>', 'what is done with every row').choices(['generate', 'score']))
    .option('-i, --input <source>', 'lines of JSON: a file, s3://BUCKET/KEY, or - for standard input', '-')
    .option(
      '-o, --output <target>',
      'a file, a folder/ or s3://BUCKET/PREFIX/ for numbered parts, or - for standard output',
      '-',
    )
    .option('--resume', 'keep the results that stand already and go on after them')
    .addOption(
      new Option('--part-rows <count>', 'rows in each part of a folder or prefix')
        .argParser(integer(1, 1_000_000))
        .default(1000),
    )
    .addOption(
      new Option('--concurrency <rows>', 'rows at work at one time').argParser(integer(1, 1024)).default(32),
    )
    .addOption(
      new Option('--seed <number>', 'a row without a seed takes this plus its place')
        .argParser(integer(0))
        .default(0),
    )
    .action(run);

async function run(task: BulkJob['task'], flags: BulkFlags): Promise<void> {
  const given = requestParameters(flags);
  checkDefaults(task, given);
  const held = await openBlended(flags);
  const defaults = { ...given, ...logitBias(flags, held.model.alphabet) };
  const job: BulkJob = { task, defaults, seed: flags.seed };
  const model = `${held.name}@${held.version}`;
  const { blend } = held;
  const described = {
    ...job,
    model,
    ...(blend && { blend }),
    precision: held.model.info.precision,
    input: flags.input,
  };
  const output = await outputOf(flags, described);
  const began = performance.now();
  const lines = linesOf(readSource(flags.input));
  const { rows, skipped, failed } = await runBulk(held, job, lines, output, flags.concurrency);
  const seconds = (performance.now() - began) / 1000;
  const before = skipped === 0 ? '' : ` after ${count(skipped)} that stood already`;
  printStatus(
    `${several(rows, 'row')}${before} in ${seconds.toFixed(1)} s, ${count(rows / seconds)} a second; ${model}`,
  );
  if (failed > 0) {
    throw new FolioError(
      'invalid_request',
      `${count(failed)} of ${several(rows, 'row')} failed: each says why.`,
      {
        where: 'input',
      },
    );
  }
}

/** Errors of the command line are reported once, not in every row. */
function checkDefaults(task: BulkJob['task'], defaults: Readonly<Record<string, unknown>>): void {
  if (task === 'generate') checked(GenerateRow, defaults);
  else checked(ScoreRow, { text: '', ...defaults });
}

function outputOf(
  flags: BulkFlags,
  described: Readonly<Record<string, unknown>>,
): Promise<BulkOutput> | BulkOutput {
  const { output, resume = false, partRows } = flags;
  if (output === '-') return toStandardOutput(print);
  if (output.startsWith('s3://') || output.endsWith('/')) return toParts(output, partRows, described, resume);
  return toFile(output, resume);
}
