import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { numbers } from './random-network.ts';

/** LayersModels of every kind that stock tfjs can write and Folio can read. */
export interface Layout {
  readonly vocabulary: number;
  readonly embedding: number | undefined;
  readonly layers: readonly Recurrent[];
  readonly functional: boolean;
  readonly end: 'softmax' | 'linear' | 'activation' | 'softmax-layer';
  readonly distributed: boolean;
  readonly dropout: boolean;
  /** Layers without a state, before the first recurrent layer and after every one. */
  readonly between: readonly Between[];
  readonly useBias: boolean;
  readonly shards: number;
  readonly seed: number;
}

interface Recurrent {
  readonly kind: 'lstm' | 'gru' | 'simple-rnn' | 'lstm-cell' | 'gru-cell' | 'cells';
  readonly units: readonly number[]; // one a cell
  readonly activation: (typeof activations)[number];
  readonly recurrentActivation: (typeof activations)[number];
  readonly useBias: boolean;
}

interface Between {
  readonly kind: 'dense' | 'layer-normalization' | 'batch-normalization';
  readonly units: number; // of a Dense
  readonly activation: (typeof activations)[number];
  readonly first: boolean; // whether it stands before the first recurrent layer too
}

const activations = ['tanh', 'sigmoid', 'hardSigmoid', 'relu', 'linear'] as const;

/** 1 to 4,096, every size of number as often as any other. */
const width = fc.integer({ min: 0, max: 1200 }).map((log) => Math.round(2 ** (log / 100)));

const weightsOf = ({ vocabulary, embedding, layers }: Layout): number => {
  let inputs = embedding ?? vocabulary;
  return layers.reduce((sum, { units: [units = 0] }) => {
    const weights = 4 * units * (inputs + units);
    inputs = units;
    return sum + weights;
  }, 0);
};

const recurrent = (kinds: readonly Recurrent['kind'][], most: number): fc.Arbitrary<Recurrent> =>
  fc.record({
    kind: fc.constantFrom(...kinds),
    units: fc.array(fc.integer({ min: 1, max: 21 }), { minLength: most, maxLength: most }),
    activation: fc.constantFrom(...activations),
    recurrentActivation: fc.constantFrom('sigmoid', 'hardSigmoid', 'sigmoid', 'tanh', 'linear', 'relu'),
    useBias: fc.boolean(),
  });

const single = recurrent(['lstm', 'gru', 'simple-rnn', 'lstm-cell', 'gru-cell'], 1);

export const layouts: fc.Arbitrary<Layout> = fc.record({
  vocabulary: fc.integer({ min: 2, max: 40 }),
  embedding: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
  layers: fc.oneof(
    { arbitrary: fc.array(single, { minLength: 1, maxLength: 4 }), weight: 3 },
    { arbitrary: fc.tuple(recurrent(['cells'], 2), single), weight: 1 },
    { arbitrary: fc.tuple(recurrent(['cells'], 3)), weight: 1 },
  ),
  functional: fc.boolean(),
  between: fc.array(
    fc.record({
      kind: fc.constantFrom('dense', 'layer-normalization', 'batch-normalization'),
      units: fc.integer({ min: 1, max: 17 }),
      activation: fc.constantFrom(...activations),
      first: fc.boolean(),
    }),
    { maxLength: 2 },
  ),
  end: fc.constantFrom('softmax', 'linear', 'activation', 'softmax-layer'),
  distributed: fc.boolean(),
  dropout: fc.boolean(),
  useBias: fc.boolean(),
  shards: fc.integer({ min: 1, max: 4 }),
  seed: fc.integer({ min: 1, max: 2 ** 30 }),
});

/** Layers of any width that Folio runs, as long as the whole stays within some 80 MB. */
export const wideLayouts: fc.Arbitrary<Layout> = fc
  .tuple(layouts, fc.array(width, { minLength: 1, maxLength: 3 }))
  .map(([layout, widths]) => ({
    ...layout,
    between: [],
    layers: widths.map((units, i) => ({
      ...layout.layers[i % layout.layers.length]!,
      kind: (layout.seed + i) % 2 === 0 ? ('lstm' as const) : ('gru' as const),
      units: [units],
      activation: 'tanh' as const,
      recurrentActivation: 'sigmoid' as const,
    })),
  }))
  .filter((layout) => weightsOf(layout) < 20e6);

export interface Artefact {
  readonly json: { readonly modelTopology: unknown; readonly weightsManifest: unknown };
  readonly shards: ReadonlyMap<string, Uint8Array>;
}

/** A model of the layout with random weights, as tfjs saves it, and what tfjs computes: [ids.length * vocabulary]. */
export const artefactOf = async (
  layout: Layout,
  ids: readonly number[],
): Promise<{ artefact: Artefact; logits: Float32Array }> => {
  const model = build(layout);
  const next = numbers(layout.seed);
  model.setWeights(
    model.getWeights().map((weight, w) => {
      const least = model.weights[w]!.name.includes('variance') ? 1 : 0;
      const limit = Math.min(0.7, 3 / Math.sqrt(weight.shape[0]!)); // wide layers neither die nor blow up
      const values = new Float32Array(weight.size);
      for (let i = 0; i < values.length; i++) values[i] = least + limit * (2 * next() - 1);
      return tf.tensor(values, weight.shape);
    }),
  );
  const logits = logitsOf(model, layout, ids);
  const artefact = await save(model, layout.shards);
  model.dispose();
  return { artefact, logits };
};

const build = (layout: Layout): tf.LayersModel => {
  const { vocabulary, embedding } = layout;
  const chain: tf.layers.Layer[] = [];
  if (embedding !== undefined) {
    chain.push(tf.layers.embedding({ inputDim: vocabulary, outputDim: embedding, inputShape: [null] }));
  }
  if (embedding === undefined) chain.push(tf.layers.inputLayer({ inputShape: [null, vocabulary] }));
  const early = layout.between.filter(({ first }) => first);
  if (chain.length > 0) chain.push(...early.map(betweenOf));
  layout.layers.forEach((layer) => {
    chain.push(layerOf(layer));
    if (layout.dropout) chain.push(tf.layers.dropout({ rate: 0.5 }));
    chain.push(...layout.between.map(betweenOf));
  });
  const dense = tf.layers.dense({
    units: vocabulary,
    useBias: layout.useBias,
    ...(layout.end === 'softmax' ? { activation: 'softmax' as const } : {}),
  });
  chain.push(layout.distributed ? tf.layers.timeDistributed({ layer: dense }) : dense);
  if (layout.end === 'activation') chain.push(tf.layers.activation({ activation: 'softmax' }));
  if (layout.end === 'softmax-layer') chain.push(tf.layers.softmax({ axis: -1 }));
  if (!layout.functional) {
    return tf.sequential({ layers: chain });
  }
  const input = tf.input({ shape: embedding === undefined ? [null, vocabulary] : [null] });
  const applied = chain.filter((layer) => layer.getClassName() !== 'InputLayer');
  const output = applied.reduce((tensor, layer) => layer.apply(tensor) as tf.SymbolicTensor, input);
  return tf.model({ inputs: input, outputs: output });
};

const betweenOf = ({ kind, units, activation }: Between): tf.layers.Layer => {
  if (kind === 'layer-normalization') return tf.layers.layerNormalization();
  if (kind === 'batch-normalization') return tf.layers.batchNormalization();
  return tf.layers.dense({ units, activation });
};

const layerOf = ({ kind, units, activation, recurrentActivation, useBias }: Recurrent): tf.layers.Layer => {
  const zeros = { kernelInitializer: 'zeros', recurrentInitializer: 'zeros' } as const; // quick, and overwritten
  const settings = { activation, recurrentActivation, useBias, ...zeros };
  const [first] = units;
  const whole = { ...settings, units: first!, returnSequences: true };
  if (kind === 'lstm') return tf.layers.lstm(whole);
  if (kind === 'gru') return tf.layers.gru(whole);
  if (kind === 'simple-rnn') return tf.layers.simpleRNN(whole);
  const cells = units.map((count, i) =>
    kind === 'gru-cell' || (kind === 'cells' && i % 2 === 1)
      ? tf.layers.gruCell({ ...settings, units: count })
      : tf.layers.lstmCell({ ...settings, units: count }),
  );
  return tf.layers.rnn({ cell: kind === 'cells' ? cells : cells[0]!, returnSequences: true });
};

/** A softmax loses what all logits have in common: it is put back as zero mean of what the model itself would add. */
const logitsOf = (model: tf.LayersModel, { vocabulary, embedding, end }: Layout, ids: readonly number[]) =>
  tf.tidy(() => {
    const input =
      embedding === undefined
        ? tf.oneHot(tf.tensor2d([[...ids]], undefined, 'int32'), vocabulary)
        : tf.tensor2d([[...ids]]);
    const given = input.toFloat();
    if (end === 'linear') return (model.predict(given) as tf.Tensor).dataSync() as Float32Array;
    // The layer before the softmax is asked: its logits, not their exponentials.
    const last = model.layers.at(-1)!;
    if (end !== 'softmax') {
      const inner = tf.model({
        inputs: model.inputs,
        outputs: model.layers.at(-2)!.output as tf.SymbolicTensor,
      });
      return (inner.predict(given) as tf.Tensor).dataSync() as Float32Array;
    }
    const before = tf.model({
      inputs: model.inputs,
      outputs: model.layers.at(-2)!.output as tf.SymbolicTensor,
    });
    const [kernel, bias] = last.getWeights();
    const hidden = (before.predict(given) as tf.Tensor).reshape([ids.length, -1]);
    const product = tf.matMul(hidden as tf.Tensor2D, kernel as tf.Tensor2D);
    return (bias ? product.add(bias) : product).dataSync() as Float32Array;
  });

const save = async (model: tf.LayersModel, shards: number): Promise<Artefact> => {
  let artefacts: tf.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (given) => {
      artefacts = given;
      return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' } };
    }),
  );
  const { modelTopology, weightSpecs, weightData } = artefacts!;
  const bytes = new Uint8Array(weightData as ArrayBuffer);
  const size = Math.ceil(bytes.length / shards);
  const files = new Map<string, Uint8Array>();
  for (let i = 0; i < shards; i++) {
    files.set(`weights-${i + 1}-of-${shards}.bin`, bytes.subarray(i * size, (i + 1) * size));
  }
  const weightsManifest = [{ paths: [...files.keys()], weights: weightSpecs }];
  return { json: JSON.parse(JSON.stringify({ modelTopology, weightsManifest })), shards: files };
};
