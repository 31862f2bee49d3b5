import { createHash } from 'node:crypto';
import type { io } from '@tensorflow/tfjs';
import { type NetworkShape, setWeights, stockModel, type Weight } from '../loop/network.ts';
import type { TensorFlow } from '../loop/tensorflow.ts';

export interface Artefact {
  /** `model.json` and its weights, by name. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** `sha256:…` over topology, weights manifest and weights. */
  readonly digest: string;
}

const WEIGHTS = 'weights-1-of-1.bin';

/** As float16 holds them: rounded to the nearest. */
export const roundToFloat16 = (weights: readonly Weight[]): Weight[] =>
  weights.map((weight) => ({ ...weight, values: Float32Array.from(Float16Array.from(weight.values)) }));

/**
 * A standard LayersModel as stock tfjs writes and opens it. Weights in float16 take half the room; stock tfjs widens
 * them when it loads.
 *
 * @param metadata Becomes the model's `userDefinedMetadata`; it is given the digest before it is written.
 */
export const artefactOf = async (
  tf: TensorFlow,
  shape: NetworkShape,
  weights: readonly Weight[],
  shards: 'float16' | 'float32',
  metadata: (digest: string) => Readonly<Record<string, unknown>>,
): Promise<Artefact> => {
  const model = stockModel(tf, shape);
  setWeights(tf, model, weights);
  let saved: io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler((artifacts) => {
      saved = artifacts;
      return Promise.resolve({
        modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' as const },
      });
    }),
  );
  model.dispose();
  const { weightData, weightSpecs = [], ...rest } = saved!;
  const floats = new Float32Array(tf.io.concatenateArrayBuffers([weightData].flat() as ArrayBuffer[]));
  const half = shards === 'float16';
  const bytes = new Uint8Array(half ? Float16Array.from(floats).buffer : floats.buffer);
  const quantization = { quantization: { dtype: 'float16', original_dtype: 'float32' } };
  const specs = weightSpecs.map((spec) => ({ ...spec, ...(half ? quantization : {}) }));
  const weightsManifest = [{ paths: [WEIGHTS], weights: specs }];
  const digest = `sha256:${createHash('sha256')
    .update(JSON.stringify(rest.modelTopology))
    .update(JSON.stringify(weightsManifest))
    .update(bytes)
    .digest('hex')}`;
  const json = {
    modelTopology: rest.modelTopology,
    weightsManifest,
    ...{ format: 'layers-model', generatedBy: rest.generatedBy, convertedBy: null },
    userDefinedMetadata: metadata(digest),
  };
  const files = new Map([
    [WEIGHTS, bytes],
    ['model.json', new TextEncoder().encode(`${JSON.stringify(json)}\n`)],
  ]);
  return { files, digest };
};
