import { Argument, type Command, Option } from 'commander';
import { inspectCorpus } from '../../training/corpus/corpus.ts';
import { corpusReportText } from '../../training/corpus/corpus-report-text.ts';
import { newCommand } from './command.ts';

interface InspectFlags {
  readonly preparation: 'plain' | 'tutorial';
  readonly encoding?: string;
  readonly json?: true;
}

/** The encoding of a corpus' files. */
export const encodingOption = (): Option =>
  new Option('--encoding <name>', 'of the files, such as windows-1252, utf-16le or gbk (default: UTF-8)');

/** `folio inspect`: what a training would find in a corpus, and what it would cost. */
export const command = (): Command =>
  newCommand('inspect', 'look at a corpus before training', [
    'folio inspect my-novel.txt',
    "folio inspect letters/ 'essays/*.md'",
    'cat *.txt | folio inspect -',
  ])
    .addArgument(
      new Argument('<corpus...>', 'files, folders, globs, http(s) or s3 addresses, or - for standard input'),
    )
    .addOption(
      new Option('--preparation <how>', 'plain, or tutorial: lower case, letters, digits and spaces alone')
        .choices(['plain', 'tutorial'])
        .default('plain'),
    )
    .addOption(encodingOption())
    .option('--json', 'print the whole report as JSON')
    .action(async (given: string[], options: InspectFlags) => {
      const report = await inspectCorpus(given, options);
      process.stdout.write(`${options.json ? JSON.stringify(report, null, 2) : corpusReportText(report)}\n`);
    });
