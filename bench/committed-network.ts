import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readNetwork } from '../src/model/format/layers-model.ts';
import { joinShards, readManifest, Weights } from '../src/model/format/weights.ts';
import type { LstmNetwork } from './networks.ts';

const models = new URL('../models/shakespeare/', import.meta.url).pathname;

/** The folder of the committed model's current version. */
export const committedFolder = (): string => {
  const pointer = JSON.parse(readFileSync(join(models, 'current.json'), 'utf8')) as { version: string };
  return join(models, pointer.version);
};

const readArtefact = (): Record<string, unknown> =>
  JSON.parse(readFileSync(join(committedFolder(), 'model.json'), 'utf8')) as Record<string, unknown>;

/** Its characters in id order. */
export const committedAlphabet = (): readonly string[] => {
  const { folio } = readArtefact().userDefinedMetadata as { folio: { alphabet: readonly string[] } };
  return folio.alphabet;
};

/** The committed model's weights, for rivals that want them in another format. */
export const committedNetwork = (): LstmNetwork => {
  const folder = committedFolder();
  const artefact = readArtefact();
  const groups = readManifest(artefact.weightsManifest);
  const shards = groups.map((group) =>
    joinShards(
      group,
      group.paths.map((path) => new Uint8Array(readFileSync(join(folder, path)))),
    ),
  );
  const network = readNetwork(artefact.modelTopology, new Weights(groups, shards));
  const { layers, input } = network;
  if (input.kind !== 'one-hot') throw new TypeError('the rivals of this bench take one-hot characters');
  return {
    ...network,
    layers: layers.map((layer) => {
      if (layer.kind !== 'lstm') throw new TypeError('the rivals of this bench are written for LSTM layers');
      return layer;
    }),
  };
};
