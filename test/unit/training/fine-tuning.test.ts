import { describe, expect, it } from 'vitest';
import { firstLayer, type LstmLayer } from '../../../src/model/network.ts';
import { fineTuned, forAlphabet, type ParentNetwork, weightsOf } from '../../../training/loop/fine-tuning.ts';
import { presets } from '../../../training/presets/presets.ts';
import { randomNetwork } from '../../random-network.ts';

const parent = (embedding?: number): ParentNetwork => ({
  network: randomNetwork({
    vocabulary: 4,
    embedding,
    layers: [
      { kind: 'lstm', units: 3 },
      { kind: 'lstm', units: 2 },
    ],
    seed: 1,
  }),
  alphabet: ['a', 'b', 'e', '\n'],
});
const alphabet = ['\n', 'a', 'e', 'é', '漢'];

describe('fineTuned', () => {
  it('takes the layers from the parent, and the last third of the schedule from the preset', () => {
    expect(fineTuned(presets.standard, parent(5))).toMatchObject({
      units: [3, 2],
      embedding: 5,
      epochs: 6,
      learningRate: presets.standard.learningRate / 4,
      dropout: presets.standard.dropout,
    });
  });

  it('refuses a parent that training could not make, naming the layer', () => {
    const network = randomNetwork({ vocabulary: 4, layers: [{ kind: 'gru', units: 3 }], seed: 1 });
    expect(() => fineTuned(presets.tiny, { ...parent(), network })).toThrow(/LSTM .* another/);
  });
});

describe('forAlphabet', () => {
  it.each([{ embedding: undefined }, { embedding: 5 }])(
    'keeps known characters, starts new ones from their plain form or the mean, embedding $embedding',
    ({ embedding }) => {
      const given = parent(embedding);
      const { input, layers, output } = given.network;
      const weights = weightsOf(forAlphabet(given, alphabet));
      for (const { shape: size, values } of weights)
        expect(values.length).toBe(size.reduce((a, b) => a * b, 1));
      const table = input.kind === 'embedding' ? input.table : firstLayer(given.network).kernel;
      const width = embedding ?? 12;
      const row = (values: Float32Array, id: number) => [...values.subarray(id * width, (id + 1) * width)];
      const first = weights[0]!.values;
      expect([0, 1, 2, 3].map((id) => row(first, id))).toEqual([3, 0, 2, 2].map((id) => row(table, id)));
      const mean = row(table, 0).map((_, at) =>
        [0, 1, 2, 3].reduce((sum, id) => sum + table[id * width + at]! / 4, 0),
      );
      for (const [at, value] of row(first, 4).entries()) expect(value).toBeCloseTo(mean[at]!, 5);

      const kernel = weights.at(-2)!.values; // [2, 5]
      expect([...kernel.subarray(5, 9)]).toEqual([3, 0, 2, 2].map((id) => output.kernel[4 + id]));
      expect([...weights.at(-1)!.values.subarray(0, 4)]).toEqual([3, 0, 2, 2].map((id) => output.bias[id]));
      expect(weights.find(({ name }) => name === 'lstm_2/recurrent_kernel')!.values).toBe(
        (layers[1] as LstmLayer).recurrent,
      );
    },
  );
});
