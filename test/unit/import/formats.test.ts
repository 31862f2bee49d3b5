import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { importModel } from '../../../src/import/import-model.ts';
import { networkOf, writeLayersModel } from '../../../src/import/layers-model.ts';
import { readModelFile } from '../../../src/import/read-model-file.ts';
import { fromStateDict } from '../../../src/import/state-dict.ts';
import { openModel } from '../../../src/model/open-model.ts';
import { ml5Model, readExpected, readModel, worstDifference } from '../../import-fixtures.ts';

/** Made by the scripts of `test/formats/` from the specifications beside them. */
const fixtures = join(import.meta.dirname, '../../fixtures/import');
const files = readdirSync(fixtures, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name }) =>
    readdirSync(join(fixtures, name))
      .filter((file) => !/\.(json|data)$|^whole/.test(file))
      .map((file) => `${name}/${file}`),
  );

/** How far the storing of weights in fewer bits may lead. int8 and quantized.onnx round what comes in, too. */
const tolerance = (file: string): number => {
  if (file.startsWith('int8') || file.includes('quantized')) return 0.03;
  return file.includes('half') ? 1e-3 : 1e-4;
};

const bytesOf = (file: string): Uint8Array => new Uint8Array(readFileSync(join(fixtures, file)));

describe('models of other libraries', () => {
  it('are all there', () => {
    expect(files).toHaveLength(37);
  });

  it.each(files)('%s gives what its library computed, also once written as a LayersModel', async (path) => {
    const [folder, file] = [join(fixtures, path, '..'), basename(path)];
    const options = { denseActivation: 'relu', nonlinearity: 'relu' } as const;
    const network = await readModel(folder, file, options);
    const expected = readExpected(folder);
    expect(worstDifference(network, expected)).toBeLessThan(tolerance(path));

    const { modelTopology, weightsManifest, shards } = writeLayersModel(network);
    const json = new TextEncoder().encode(JSON.stringify({ modelTopology, weightsManifest }));
    const model = await openModel(
      (name) => Promise.resolve(name === 'model.json' ? json : shards.get(name)),
      {
        precision: 'f32',
      },
    );
    const run = model.start();
    const [first = 0] = expected.ids.filter((id) => id !== 0);
    const logits = [...run.step(first)];
    const alone = worstDifference(network, { ids: [first], logits: [logits] });
    expect(alone).toBeLessThan(1e-4);
    model.dispose();
  });

  it('carry the alphabet of a checkpoint', async () => {
    const bytes = bytesOf('torch-lstm/checkpoint.pt');
    const { alphabet, format, notes } = await importModel(bytes, { name: 'checkpoint.pt' });
    expect(alphabet?.join('')).toBe('abcdefghijk');
    expect([format, notes]).toEqual(['PyTorch', []]);
  });

  it('carry the alphabet of a checkpoint with objects of other classes in it', async () => {
    const { alphabet, notes } = await importModel(bytesOf('torch-lstm/full.pt'), { name: 'full.pt' });
    expect([alphabet?.join(''), notes]).toEqual(['abcdefghijk', []]);
  });

  it('ask for what a state dict does not say', async () => {
    const several = readModelFile(bytesOf('torch-gru/state.pt'), { name: 'state.pt' });
    await expect(several).rejects.toMatchObject({
      code: 'invalid_parameter',
      message: expect.stringContaining('--dense-activation'),
    });
    const { notes } = await readModelFile(bytesOf('torch-rnn/state.pt'), { name: 'state.pt' });
    expect(notes.join()).toContain('--nonlinearity relu');
    const before = readModelFile(bytesOf('torch-front/state.pt'), { name: 'state.pt' });
    await expect(before).rejects.toThrow('2 nn.Linear (front, fc)');
  });

  it('say which of several networks was read', async () => {
    const { notes } = await readModelFile(bytesOf('torch-tied/two.pt'), { name: 'two.pt' });
    expect(notes).toEqual([
      'two.pt holds the weights of 2 networks: model was read, ema.module not. To import another, save it alone by torch.save.',
    ]);
  });
});

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe('a state dict with a parameter that nobody reads', () => {
  const tensor = (...shape: number[]) => ({
    shape,
    read: () => ({ shape, values: new Float32Array(shape.reduce((product, size) => product * size, 1)) }),
  });
  const plain = {
    'encoder.weight': tensor(5, 3),
    'rnn.weight_ih_l0': tensor(16, 3),
    'rnn.weight_hh_l0': tensor(16, 4),
    'decoder.bias': tensor(5),
  };
  const weight = { 'decoder.weight': tensor(5, 4) };

  it.each<[string, Record<string, ReturnType<typeof tensor>>, string]>([
    [
      'an attention',
      { ...weight, 'attn.in_proj_weight': tensor(12, 4), 'attn.out_proj.weight': tensor(4, 4) },
      'attn.in_proj_weight',
    ],
    ['a learned state', { h0: tensor(1, 1, 4), ...weight }, 'h0: a parameter of shape [1, 1, 4]'],
    [
      "a loss's weights",
      { ...weight, 'criterion.weight': tensor(5) },
      "save the state dict without what begins with 'criterion.weight'",
    ],
    [
      'a layer behind the last',
      { ...weight, 'value.weight': tensor(1, 4), 'value.bias': tensor(1) },
      'value: a module of 4 inputs cannot be run; expected one that takes the 5 values that decoder gives',
    ],
    [
      'a second direction',
      { ...weight, 'rnn.weight_ih_l0_reverse': tensor(16, 3) },
      'rnn: bidirectional=True cannot be run',
    ],
    ['a layer of its own', { ...weight, 'rnn.scale': tensor(4) }, 'rnn.scale'],
    [
      'weight normalisation',
      {
        'decoder.parametrizations.weight.original0': tensor(5, 1),
        'decoder.parametrizations.weight.original1': tensor(5, 4),
      },
      'remove_parametrizations',
    ],
    [
      'weight normalisation as it was',
      { 'decoder.weight_g': tensor(5, 1), 'decoder.weight_v': tensor(5, 4) },
      'remove_weight_norm',
    ],
  ])('%s is refused by its name', (_, more, words) => {
    const entries = new Map(Object.entries({ ...plain, ...more }));
    expect(() => fromStateDict(entries, 'model.pt')).toThrow(words);
    expect(() => fromStateDict(new Map(Object.entries({ ...plain, ...weight })), 'model.pt')).not.toThrow();
  });
});

describe('safetensors, sorted by name', () => {
  /** Values that differ from tensor to tensor. */
  const tensor = (start: number, ...shape: number[]) => {
    const values = Float32Array.from({ length: shape[0]! * (shape[1] ?? 1) }, (_, i) => start + i);
    return { shape, read: () => ({ shape, values }) };
  };
  const recurrent = { 'rnn.weight_ih_l0': tensor(0, 16, 4), 'rnn.weight_hh_l0': tensor(0, 16, 4) };

  it('take the table named as an embedding, not the first of that size', () => {
    const entries = { 'decoder.weight': tensor(100, 5, 4), 'encoder.weight': tensor(1, 5, 4), ...recurrent };
    const { weights } = fromStateDict(new Map(Object.entries(entries)), 'a.safetensors', { sorted: true });
    expect(weights.get('embedding_1/embeddings')?.values[0]).toBe(1);
  });

  it('are refused where either of two tables may be the embedding', () => {
    const entries = { 'a.weight': tensor(100, 5, 4), 'b.weight': tensor(1, 5, 4), ...recurrent };
    expect(() => fromStateDict(new Map(Object.entries(entries)), 'a.safetensors', { sorted: true })).toThrow(
      'a and b, of which either may be the embedding',
    );
  });
});

describe('what is no model that can be imported', () => {
  it.each<[string, string, Uint8Array, string, string]>([
    [
      'a whole PyTorch model',
      'whole.pt',
      bytesOf('torch-lstm/whole.pt'),
      'model_unsupported',
      'torch.save(model.state_dict()',
    ],
    [
      'a subclassed Keras model',
      'model.keras',
      zipSync({
        'config.json': text('{"class_name": "MyModel", "config": {"trainable": true}}'),
        'model.weights.h5': bytesOf('two-lstm/model.weights.h5'),
      }),
      'model_unsupported',
      'MyModel, a class of the program that saved it',
    ],
    ['weights alone', 'm.weights.h5', bytesOf('two-lstm/model.weights.h5'), 'model_invalid', '--config'],
    [
      'a Git LFS pointer',
      'model.pt',
      text('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n'),
      'model_unsupported',
      'git lfs pull',
    ],
    ['an alphabet', 'char2idx.json', text('{"a": 0, "b": 1}'), 'model_unsupported', 'an alphabet'],
    ['a web page', 'model.h5', text('<!DOCTYPE html><html></html>'), 'model_unsupported', 'a web page'],
    ['a LayersModel', 'model.json', text('{"modelTopology": {}}'), 'model_unsupported', 'by its folder'],
    ['a text', 'notes.txt', text('Dear reader'), 'model_unsupported', 'Keras'],
    ['nothing', 'empty.pt', new Uint8Array(0), 'model_unsupported', 'empty.pt: an empty file'],
    [
      "Python's pickle",
      'model.pkl',
      Uint8Array.of(0x80, 4, 0x95, 0, 0, 0, 0, 0, 0, 0, 0, 0x7d, 0x2e),
      'model_unsupported',
      'model.pkl: a pickle that torch.save did not write',
    ],
    ['gzip', 'model.tgz', Uint8Array.of(0x1f, 0x8b, 8, 0), 'model_unsupported', 'to be unpacked before'],
    ['GGUF', 'm.gguf', Uint8Array.of(0x47, 0x47, 0x55, 0x46, 3, 0, 0, 0), 'model_unsupported', 'llama.cpp'],
    ['noise', 'model.bin', Uint8Array.of(0, 0xff, 0, 1), 'model_unsupported', 'a file of another kind'],
  ])('%s is refused in the right words', async (_, name, bytes, code, words) => {
    await expect(readModelFile(bytes, { name })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words),
    });
  });
});

describe('an ml5 charRNN', () => {
  const { units, weights, files } = ml5Model();
  const sibling = (file: string) => Promise.resolve(files.get(file));

  /** TensorFlow 1's BasicLSTMCell: gates i j f o of [x h] kernel + bias, 1 added to f. */
  const expected = (ids: readonly number[]): number[][] => {
    const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
    const [table, kernel, bias, out, outBias] = Object.values(weights) as Float32Array[];
    let [h, c] = [new Array<number>(units).fill(0), new Array<number>(units).fill(0)];
    return ids.map((id) => {
      const input = [table![2 * id]!, table![2 * id + 1]!, ...h];
      const sums = Array.from({ length: 4 * units }, (_, j) =>
        input.reduce((sum, x, i) => sum + x * kernel![i * 4 * units + j]!, bias![j]!),
      );
      const gate = (g: number, u: number): number => sums[g * units + u]!;
      c = c.map((cell, u) => sigmoid(gate(2, u) + 1) * cell + sigmoid(gate(0, u)) * Math.tanh(gate(1, u)));
      h = c.map((cell, u) => sigmoid(gate(3, u)) * Math.tanh(cell));
      return Array.from({ length: 3 }, (_, k) =>
        h.reduce((sum, x, u) => sum + x * out![3 * u + k]!, outBias![k]!),
      );
    });
  };

  it('gives what its TensorFlow computes, in its own characters', async () => {
    const bytes = files.get('manifest.json')!;
    const parsed = await readModelFile(bytes, { name: 'manifest.json', sibling });
    const ids = [0, 2, 1, 1, 0, 2];
    expect(worstDifference(networkOf(parsed), { ids, logits: expected(ids) })).toBeLessThan(1e-5);
    const { alphabet } = await importModel(bytes, { name: 'manifest.json', sibling });
    expect(alphabet).toEqual(['a', 'b', 'c']);
  });
});
