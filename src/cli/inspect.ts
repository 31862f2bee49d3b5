import { Argument, type Command, Option } from 'commander';
import { inspectCorpus } from '../../training/corpus/corpus.ts';
import { corpusReportText } from '../../training/corpus/corpus-report-text.ts';
import { newCommand } from './command.ts';

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
    .option('--json', 'print the whole report as JSON')
    .action(async (given: string[], options: { preparation: 'plain' | 'tutorial'; json?: true }) => {
      const report = await inspectCorpus(given, { preparation: options.preparation });
      process.stdout.write(`${options.json ? JSON.stringify(report, null, 2) : corpusReportText(report)}\n`);
    });
