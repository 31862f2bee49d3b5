import { parseAlphabet } from '../model/format/alphabet-file.ts';
import { invalid, listAt, nameAt, objectAt, phrase } from '../model/format/invalid.ts';
import { parseJson } from './json.ts';
import { type ParsedModel, SequentialBuilder } from './parsed-model.ts';
import { reorderGates, type Tensor, tensorOf } from './tensor.ts';

/** Reads a file beside the one that is imported; undefined where there is none. */
export type ReadSibling = (file: string) => Promise<Uint8Array | undefined>;

/**
 * A model that ml5's charRNN runs, as training-charRNN wrote it of TensorFlow 1: one or more BasicLSTMCell with the
 * input's and the state's weights in one kernel, gates i j f o, and 1 added to the forget gate while it runs.
 *
 * @throws FolioError `model_invalid`, `model_unsupported`
 */
export const readMl5 = async (bytes: Uint8Array, where: string, read: ReadSibling): Promise<ParsedModel> => {
  const manifest = objectAt(parseJson(bytes, where), where);
  const variables = new Map<string, Tensor>();
  for (const [name, value] of Object.entries(manifest)) {
    const { filename, shape } = objectAt(value, name);
    const file = nameAt(filename, `${name}.filename`);
    if (/[\\/]|^\.\./.test(file)) throw invalid(`${name}.filename`, 'a file beside the manifest', file);
    const data = await read(file);
    if (!data) throw invalid(file, `the weights of ${name} beside ${where}`, phrase('no such file'));
    const sizes = listAt(shape, `${name}.shape`) as number[];
    variables.set(name, tensorOf(data, 'float32', sizes, name));
  }
  const find = (pattern: RegExp): readonly [string, Tensor][] =>
    [...variables].filter(([name]) => pattern.test(name)).sort(([a], [b]) => (a < b ? -1 : 1));
  const kernels = find(/basic_lstm_cell.*(kernel|weights)$/i);
  const biases = find(/basic_lstm_cell.*bias(es)?$/i);
  const table = find(/embedding/i)[0]?.[1];
  const output = find(/softmax_w/i)[0]?.[1];
  const outputBias = find(/softmax_b/i)[0]?.[1];
  if (kernels.length === 0 || kernels.length !== biases.length || !output || !outputBias) {
    throw invalid(where, 'the variables of an ml5 charRNN', Object.keys(manifest));
  }
  const builder = new SequentialBuilder();
  let inputs = table ? table.shape[1]! : outputBias.values.length;
  if (table) builder.input([null]).embedding(table);
  else builder.input([null, inputs]);
  kernels.forEach(([name, kernel], layer) => {
    const bias = biases[layer]![1];
    const units = bias.values.length / 4;
    if (kernel.shape[0] !== inputs + units || kernel.shape[1] !== 4 * units) {
      throw invalid(`${name}.shape`, `[${inputs + units}, ${4 * units}]`, kernel.shape);
    }
    const ordered = reorderGates(kernel, [0, 2, 1, 3]);
    const split = inputs * 4 * units;
    const shifted = reorderGates(bias, [0, 2, 1, 3]);
    const values = shifted.values.map((value, i) => (i >= units && i < 2 * units ? value + 1 : value));
    builder.recurrent('LSTM', {
      kernel: { shape: [inputs, 4 * units], values: ordered.values.slice(0, split) },
      recurrent: { shape: [units, 4 * units], values: ordered.values.slice(split) },
      bias: { shape: [4 * units], values },
    });
    inputs = units;
  });
  builder.dense(output, outputBias, 'softmax');
  const vocabulary = await read('vocab.json');
  return {
    format: 'ml5 charRNN',
    ...builder.build(),
    ...(vocabulary ? { alphabet: parseAlphabet(vocabulary, 'vocab.json') } : {}),
    notes: [],
  };
};
