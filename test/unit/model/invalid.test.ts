import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isFolioError } from '../../../src/errors.ts';
import { openModel } from '../../../src/model/open-model.ts';
import { filesOf, type ModelFiles, randomFiles } from '../../random-model.ts';
import { threadTime } from '../../thread-time.ts';

const open = async (files: Readonly<Record<string, Uint8Array>>) => {
  const model = await openModel((file) => Promise.resolve(files[file]));
  model.dispose();
  return model;
};

/** Changes a model's parsed model.json, opens it and gives the error. */
const failure = async (change: (json: ModelFiles) => void, shard?: Uint8Array) => {
  const { json, weights } = randomFiles();
  change(json);
  return open(filesOf(json, shard ?? weights)).then(
    () => undefined,
    (error: unknown) => error,
  );
};

const layer = (json: ModelFiles, at: number): Record<string, unknown> =>
  json.modelTopology.config.layers[at]!.config;
const spec = (json: ModelFiles, at: number) => json.weightsManifest[0]!.weights[at]!;

const malformed: [string, (json: ModelFiles) => void, string][] = [
  ['no topology', (json) => Object.assign(json, { modelTopology: undefined }), 'modelTopology'],
  ['a manifest left out', (json) => Reflect.deleteProperty(json, 'weightsManifest'), 'weightsManifest'],
  ['no manifest', (json) => Object.assign(json, { weightsManifest: 7 }), 'weightsManifest'],
  ['a missing weight', (json) => json.weightsManifest[0]!.weights.splice(2, 1), 'bytes'],
  [
    'a weight of another name',
    (json) => Object.assign(spec(json, 1), { name: 'x/kernel' }),
    'recurrent_kernel',
  ],
  ['a weight twice', (json) => Object.assign(spec(json, 1), { name: 'lstm/kernel' }), 'lstm/kernel'],
  [
    'a shape that does not fit',
    (json) => Object.assign(spec(json, 0), { shape: [48, 35] }),
    'lstm/kernel.shape',
  ],
  ['negative sizes', (json) => Object.assign(spec(json, 0), { shape: [-10, -12] }), 'lstm/kernel.shape'],
  ['a claim of 4 GB', (json) => Object.assign(spec(json, 0), { shape: [2 ** 15, 2 ** 15] }), 'bytes'],
  ['a claim beyond numbers', (json) => Object.assign(spec(json, 0), { shape: [2 ** 50, 2 ** 50] }), 'shape'],
  ['a claim of very many units', (json) => Object.assign(layer(json, 0), { units: 4000 }), 'shape'],
  ['units that are no number', (json) => Object.assign(layer(json, 0), { units: 'many' }), 'lstm.units'],
  [
    'a path out of the folder',
    (json) => Object.assign(json.weightsManifest[0]!, { paths: ['../w.bin'] }),
    'path',
  ],
  ['an absolute path', (json) => Object.assign(json.weightsManifest[0]!, { paths: ['/etc/passwd'] }), 'path'],
  [
    'a shard that is not there',
    (json) => Object.assign(json.weightsManifest[0]!, { paths: ['x.bin'] }),
    'x.bin',
  ],
  ['layers that are none', (json) => Object.assign(json.modelTopology.config, { layers: 'lstm' }), 'layers'],
  ['a layer without a name', (json) => Object.assign(layer(json, 0), { name: undefined }), 'name'],
  [
    'another alphabet',
    (json) => Object.assign(json, { userDefinedMetadata: { alphabet: 'a'.repeat(99) } }),
    'alphabet',
  ],
];

const unsupported: [string, (json: ModelFiles) => void, string, string][] = [
  ['a graph model', (json) => Object.assign(json, { format: 'graph-model' }), 'format', '"graph-model"'],
  [
    'another layer',
    (json) => Object.assign(json.modelTopology.config.layers[0]!, { class_name: 'Conv1D' }),
    'lstm.class_name',
    '"Conv1D"',
  ],
  [
    'another activation',
    (json) => Object.assign(layer(json, 0), { activation: 'elu' }),
    'lstm.activation',
    '"elu"',
  ],
  [
    'another gate',
    (json) => Object.assign(layer(json, 0), { recurrent_activation: 'softsign' }),
    'lstm.recurrent_activation',
    '"softsign"',
  ],
  [
    'running backwards',
    (json) => Object.assign(layer(json, 0), { go_backwards: true }),
    'lstm.go_backwards',
    'true',
  ],
  [
    'another end',
    (json) => Object.assign(layer(json, 1), { activation: 'sigmoid' }),
    'dense.activation',
    '"sigmoid"',
  ],
  ['too many units', (json) => Object.assign(layer(json, 0), { units: 5000 }), 'lstm.units', '5000'],
  [
    'whole numbers as weights',
    (json) => Object.assign(spec(json, 0), { dtype: 'int32' }),
    'lstm/kernel.dtype',
    '"int32"',
  ],
  [
    'unknown quantisation',
    (json) => Object.assign(spec(json, 0), { quantization: { dtype: 'int4' } }),
    'lstm/kernel.quantization.dtype',
    '"int4"',
  ],
  [
    'another model',
    (json) => Object.assign(json.modelTopology, { class_name: 'Subclassed' }),
    'modelTopology',
    '"Subclassed"',
  ],
];

describe('a malformed model', () => {
  it('is made from a model that opens', async () => {
    expect(await failure(() => undefined)).toBeUndefined();
  });

  it.each(malformed)('with %s is refused', async (_, change, mention) => {
    const error = await failure(change);
    expect(error).toMatchObject({ code: 'model_invalid' });
    expect((error as Error).message).toContain(mention);
  });

  it.each(unsupported)(
    'with %s is refused by layer, property and value',
    async (_, change, where, received) => {
      expect(await failure(change)).toMatchObject({
        code: 'model_unsupported',
        details: { where, received },
      });
    },
  );

  it.each([NaN, Infinity, -Infinity])('with a weight of %s is refused', async (value) => {
    const { weights } = randomFiles();
    new DataView(weights.buffer).setFloat32(16, value, true);
    const error = await failure(() => undefined, weights);
    expect(error).toMatchObject({ code: 'model_invalid', details: { where: 'lstm/kernel' } });
  });

  it('with half a file of weights is refused', async () => {
    const { weights } = randomFiles();
    expect(await failure(() => undefined, weights.subarray(0, 100))).toMatchObject({ code: 'model_invalid' });
    expect(await failure(() => undefined, new Uint8Array(weights.length + 4))).toMatchObject({
      code: 'model_invalid',
    });
  });

  it('without any file is not found', async () => {
    await expect(open({})).rejects.toMatchObject({ code: 'model_not_found' });
  });

  it('in a circle, or with wrappers without end, is refused', async () => {
    const node = (name: string, from: string) => ({
      class_name: 'Dropout',
      name,
      config: { name },
      inbound_nodes: [[[from, 0, 0, {}]]],
    });
    const circle = await failure((json) => {
      Object.assign(json.modelTopology, {
        class_name: 'Model',
        config: {
          layers: [node('a', 'b'), node('b', 'a'), node('in', 'a')],
          input_layers: [['in', 0, 0]],
          output_layers: [['a', 0, 0]],
        },
      });
    });
    expect(circle).toMatchObject({ code: 'model_invalid', message: expect.stringContaining('circle') });

    const wrapped = '{"class_name":"TimeDistributed","config":{"name":"t","layer":'.repeat(20_000);
    const files = filesOf(randomFiles().json, new Uint8Array(0));
    const text = new TextDecoder()
      .decode(files['model.json'])
      .replace('{"class_name":"LSTM"', `${wrapped}{"class_name":"LSTM"`);
    const deep = text.replace(/\}\}(,\{"class_name":"Dense")/, `}}${'}}'.repeat(20_000)}$1`);
    files['model.json'] = new TextEncoder().encode(deep);
    await expect(open(files)).rejects.toMatchObject({ code: 'model_invalid' });
  });

  it('with very many layers, weights or shards is refused before they are looked through', async () => {
    const many = <T>(item: T): T[] => new Array(200_000).fill(item);
    const changes: ((json: ModelFiles) => void)[] = [
      (json) => Object.assign(json.weightsManifest[0]!, { weights: many(spec(json, 0)) }),
      (json) => Object.assign(json.weightsManifest[0]!, { paths: many('a.bin') }),
      (json) => Object.assign(json, { weightsManifest: many({ paths: [], weights: [] }) }),
      (json) =>
        Object.assign(json.modelTopology.config, { layers: many(json.modelTopology.config.layers[0]) }),
    ];
    for (const change of changes) expect(await failure(change)).toMatchObject({ code: 'model_invalid' });
    const long = new TextEncoder().encode(`{"a":"${' '.repeat(2 ** 24)}"}`);
    await expect(open({ 'model.json': long })).rejects.toMatchObject({ code: 'model_invalid' });
  });

  it('of random bytes gives a typed error, soon', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        await expect(open({ 'model.json': bytes })).rejects.toSatisfy(isFolioError);
      }),
    );
  });

  it('with an object anywhere that cannot be made text gives a typed error, or opens', async () => {
    const { json } = randomFiles();
    for (const place of placesIn(json)) {
      for (const value of [{ toString: null, valueOf: null }, [{ toString: null }]]) {
        const error = await failure((changed) => put(changed, place, value));
        expect(error === undefined || isFolioError(error), place.join('.')).toBe(true);
      }
    }
  });

  it('changed anywhere either opens or gives a typed error within a second', async () => {
    const { json } = randomFiles();
    const places = placesIn(json);
    const replacement = fc.oneof(
      fc.jsonValue({ maxDepth: 2 }),
      fc.constantFrom(null, -1, 0, 0.5, 1e308, 2 ** 31, 2 ** 53, '', 'LSTM', 'softmax', [], {}, [[]], [[[]]]),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...places), replacement, async (place, value) => {
        const began = threadTime();
        const error = await failure((changed) => put(changed, place, value));
        expect(error === undefined || isFolioError(error), String(error)).toBe(true);
        expect(threadTime() - began).toBeLessThan(1000);
      }),
      { numRuns: 600 },
    );
  });
});

type Path = readonly (string | number)[];

/** The path of every value in a JSON document. */
const placesIn = (value: unknown, path: Path = []): Path[] => {
  if (typeof value !== 'object' || value === null) return [path];
  const inner = Object.entries(value).flatMap(([key, child]) => placesIn(child, [...path, key]));
  return path.length === 0 ? inner : [path, ...inner];
};

const put = (json: unknown, path: Path, value: unknown): void => {
  const parent = path.slice(0, -1).reduce((at, key) => (at as Record<string, unknown>)[key], json);
  (parent as Record<string, unknown>)[path.at(-1)!] = value;
};
