import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Command, Option } from 'commander';
import { publishImport } from '../import/publish-import.ts';
import type { Activation } from '../model/network.ts';
import { readSettings } from '../settings.ts';
import { checkModelName } from '../store/model-name.ts';
import { openStore } from '../store/open-store.ts';
import { type AlphabetOptions, addAlphabet, alphabetFrom, alphabetNear } from './alphabet-options.ts';
import { newCommand } from './command.ts';
import { openModel } from './open-model.ts';
import { print, printStatus } from './print.ts';
import { readGivenFile } from './read-file.ts';

interface ImportFlags extends AlphabetOptions {
  readonly name: string;
  readonly store?: string;
  readonly config?: string;
  readonly nonlinearity?: 'tanh' | 'relu';
  readonly denseActivation?: Activation;
  readonly json?: true;
}

const SAMPLE = 200; // characters

/** `folio import`: publishes a model of Keras, PyTorch, safetensors, ONNX or ml5, and prints a sample of it. */
export const command = (): Command =>
  addAlphabet(
    newCommand('import', 'publish a model that Keras, PyTorch, ONNX or ml5 wrote', [
      'folio import shakespeare.keras --name shakespeare --alphabet char2idx.json',
      'folio import checkpoint.pt --name novel',
      'folio import model.onnx --name poems --alphabet-from poems.txt',
    ]),
  )
    .argument('<file>', 'a .keras, .h5, .pt, .pth, .safetensors or .onnx file, or the manifest.json of ml5')
    .requiredOption('--name <name>', 'what the model is called in the store')
    .option('--store <location>', 'a folder or s3://BUCKET/PREFIX that holds models/ (default: FOLIO_STORE)')
    .option('--config <file>', "model.to_json() as a file, for a Keras' .h5 of weights alone")
    .addOption(
      new Option('--nonlinearity <kind>', 'of an nn.RNN in a state dict (default: tanh)').choices([
        'tanh',
        'relu',
      ]),
    )
    .addOption(
      new Option(
        '--dense-activation <kind>',
        'after each nn.Linear of a state dict but the last, where it has several',
      ).choices(['relu', 'tanh', 'sigmoid', 'linear']),
    )
    .option('--json', 'print one JSON object instead of the sample')
    .action(run);

async function run(file: string, flags: ImportFlags): Promise<void> {
  const name = checkModelName(flags.name);
  const bytes = await readGivenFile(file);
  const folder = dirname(file);
  const near = await alphabetNear(file);
  const given = await alphabetFrom(flags);
  const store = await openStore(flags.store ?? readSettings().store);
  const options = {
    name: basename(file),
    sibling: async (sibling: string) => readFile(join(folder, sibling)).catch(() => undefined),
    nonlinearity: flags.nonlinearity,
    denseActivation: flags.denseActivation,
    config: flags.config === undefined ? undefined : await readGivenFile(flags.config),
    ...given,
    ...(near === undefined ? {} : { fallbackAlphabet: near.alphabet, fallbackName: near.file }),
  };
  const published = await publishImport(store, name, bytes, options);
  const reference = `${name}@${published.version}`;
  for (const note of published.notes) printStatus(note);
  if (flags.json) {
    const { version, format, vocabulary, alphabet } = published;
    return print(`${JSON.stringify({ name, version, format, vocabulary, alphabet: alphabet ?? null })}\n`);
  }
  printStatus(`${reference} is published, made of ${published.format}.`);
  if (near && given === undefined && published.alphabetFrom === 'fallback') {
    printStatus(`Its alphabet was found in ${near.file}.`);
  }
  if (published.alphabet)
    printStatus('A sample: where its letters look shifted or shuffled, the alphabet is another one.');
  const held = await openModel({
    model: reference,
    ...(flags.store === undefined ? {} : { store: flags.store }),
  });
  for await (const text of held.model.generate({ length: SAMPLE, seed: 1 })) await print(text);
  await print('\n');
}
