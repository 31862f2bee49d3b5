import * as z from 'zod/mini';
import { FolioError } from '../src/errors.ts';
import { readSettings } from '../src/settings.ts';
import { modelFile, versionKey, versionPrefix } from '../src/store/keys.ts';
import { checkModelName } from '../src/store/model-name.ts';
import { listVersions, publishVersion } from '../src/store/models.ts';
import { S3Store } from '../src/store/s3-store.ts';
import type { Store } from '../src/store/store.ts';
import { namedByCode } from './named-by-code.ts';

const request = z.object({
  /** Each a place below which one training of the grid has published: `grids/ID/0`. */
  places: z.array(z.string()),
  model: z.string(),
});

const artefact = z.object({
  userDefinedMetadata: z.object({
    folio: z.object({ training: z.object({ validationLoss: z.number() }) }),
  }),
});

export interface Contender {
  readonly place: string;
  readonly version: string;
  readonly validationLoss: number; // nats per character
}

/** What a training of the grid has published, if it came that far. */
async function contender(store: Store, place: string, model: string): Promise<Contender | undefined> {
  const [newest] = await listVersions(store, model);
  if (newest === undefined) return undefined;
  const object = await store.read(versionKey(model, newest.version, modelFile));
  const { userDefinedMetadata } = artefact.parse(JSON.parse(new TextDecoder().decode(object?.bytes)));
  const { validationLoss } = userDefinedMetadata.folio.training;
  return { place, version: newest.version, validationLoss };
}

/**
 * Publishes the version of the lowest validation loss among those that the trainings of a grid have made; all of
 * them were measured on the same held-out part.
 *
 * @throws FolioError `not_found` where no training came to an end
 */
export async function publishBest(
  open: (place: string) => Store,
  places: readonly string[],
  model: string,
): Promise<{ best: Contender; contenders: readonly Contender[] }> {
  const found = await Promise.all(places.map((place) => contender(open(place), place, model)));
  const contenders = found
    .filter((one) => one !== undefined)
    .sort((a, b) => a.validationLoss - b.validationLoss);
  const [best] = contenders;
  if (best === undefined) {
    throw new FolioError('not_found', `No training of the grid has published a version of ${model}.`, {
      where: 'places',
    });
  }
  const from = open(best.place);
  const prefix = versionPrefix(model, best.version);
  const files = new Map<string, Uint8Array>();
  for await (const { key } of from.list(prefix)) {
    const object = await from.read(key);
    if (object) files.set(key.slice(prefix.length), object.bytes);
  }
  await publishVersion(open(''), { name: model, version: best.version, files });
  return { best, contenders };
}

export const handler = namedByCode(async (event) => {
  const { places, model } = request.parse(event);
  const { store } = readSettings();
  return publishBest(
    (place) => S3Store.at(place === '' ? store : `${store}/${place}`),
    places,
    checkModelName(model),
  );
});
