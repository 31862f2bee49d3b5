import * as z from 'zod/mini';
import { isObject } from '../model/format/invalid.ts';
import { candidatePrefix, modelFile, versionKey } from '../store/keys.ts';
import type { Store } from '../store/store.ts';

const loose = z.record(z.string(), z.unknown());

/** What a model.json says of how it was made, as far as it does. */
const metadataSchema = z.object({
  createdAt: z.optional(z.string()),
  alphabet: z.optional(z.array(z.string())),
  preset: z.optional(z.string()),
  corpus: z.optional(
    z.object({ source: z.string(), digest: z.optional(z.string()), characters: z.optional(z.number()) }),
  ),
  parent: z.optional(loose),
  imported: z.optional(loose),
  training: z.optional(
    z.looseObject({
      validationLoss: z.optional(z.number()),
      loss: z.optional(z.number()),
      settings: z.optional(loose),
    }),
  ),
  tools: z.optional(z.record(z.string(), z.string())),
});

type Metadata = z.output<typeof metadataSchema>;

/** The metadata of a version, published or a candidate; undefined where its model.json has none that can be read. */
export const readMetadata = async (
  store: Store,
  { name, version, candidate = false }: { name: string; version: string; candidate?: boolean },
): Promise<Metadata | undefined> => {
  const key = candidate ? candidatePrefix(name, version) + modelFile : versionKey(name, version, modelFile);
  const object = await store.read(key);
  try {
    const artefact: unknown = object && JSON.parse(new TextDecoder().decode(object.bytes));
    const metadata =
      isObject(artefact) && isObject(artefact.userDefinedMetadata) && artefact.userDefinedMetadata;
    return metadata ? metadataSchema.safeParse(metadata.folio).data : undefined;
  } catch {
    return undefined;
  }
};

/** How a version was made, as names and values for people, in the order in which they matter. */
export const versionFacts = (metadata: Metadata | undefined): readonly (readonly [string, string])[] => {
  if (metadata === undefined) return [];
  const { corpus, training, alphabet, preset, parent, imported, tools, createdAt } = metadata;
  const { settings = {}, validationLoss, loss, ...facts } = training ?? {};
  return [
    ...row('created', createdAt?.slice(0, 19).replace('T', ' ')),
    ...row('preset', preset),
    ...row('validation loss', validationLoss === undefined ? undefined : `${validationLoss.toFixed(4)} nats`),
    ...row('training loss', loss === undefined ? undefined : `${loss.toFixed(4)} nats`),
    ...row('corpus', corpus?.source),
    ...row('corpus characters', corpus?.characters?.toLocaleString('en')),
    ...row('corpus digest', corpus?.digest),
    ...row('alphabet', alphabet && `${alphabet.length} characters`),
    ...flat('from', parent),
    ...flat('imported', imported),
    ...flat('', facts),
    ...flat('settings', settings),
    ...flat('', tools),
  ];
};

const row = (name: string, value: string | undefined): readonly [string, string][] =>
  value === undefined ? [] : [[name, value]];

/** `dropout.input`, `0.03`: objects within objects become rows of their own. */
const flat = (name: string, value: unknown): readonly [string, string][] => {
  if (value === undefined || value === null) return [];
  if (!isObject(value)) return [[name, Array.isArray(value) ? value.join(', ') : String(value)]];
  return Object.entries(value).flatMap(([key, inner]) => flat(name === '' ? key : `${name}.${key}`, inner));
};

/** The rows in which two versions differ; characters that one alone knows are listed. */
export const differences = (
  first: Metadata | undefined,
  second: Metadata | undefined,
): readonly (readonly [string, string, string])[] => {
  const [a, b] = [new Map(versionFacts(first)), new Map(versionFacts(second))];
  const names = [...new Set([...a.keys(), ...b.keys()])];
  const alone = (these: Metadata | undefined, those: Metadata | undefined): string =>
    JSON.stringify((these?.alphabet ?? []).filter((one) => !those?.alphabet?.includes(one)).join(''));
  const alphabets = [alone(first, second), alone(second, first)] as const;
  return [
    ...names
      .filter((name) => a.get(name) !== b.get(name))
      .map((name) => [name, a.get(name) ?? '', b.get(name) ?? ''] as const),
    ...(alphabets.every((one) => one === '""') ? [] : [['alone in its alphabet', ...alphabets] as const]),
  ];
};
