import { type Command, InvalidArgumentError } from 'commander';
import { FolioError, isFolioError } from '../errors.ts';
import { blendModels } from '../model/decode/blend.ts';
import type { Model } from '../model/model.ts';
import { type ModelOptions, type OpenedModel, openModel } from './open-model.ts';

type Share = readonly [model: string, weight: number];

export interface BlendOptions extends ModelOptions {
  readonly blend?: readonly Share[];
}

const readShare = (given: string, before: readonly Share[] = []): readonly Share[] => {
  const [, model, digits] = /^(.+)=(\d*\.?\d+)$/s.exec(given) ?? [];
  const weight = Number(digits);
  if (model === undefined || !(weight > 0 && weight < 1)) {
    throw new InvalidArgumentError(
      'Expected a model, "=" and a weight above 0 and below 1, such as novel=0.3.',
    );
  }
  return [...before, [model, weight]];
};

export const addBlend = (command: Command): Command =>
  command.option(
    '--blend <model=weight>',
    'mix in a model of the same alphabet; --model has the rest of the weight; may be given several times',
    readShare,
  );

/** A model that may be mixed with others. */
export interface BlendedModel extends OpenedModel {
  /** What `--model` names, where `model` is a mixture. */
  readonly own: Model;
  /** The others, as a receipt names them; undefined without any. */
  readonly blend: Readonly<Record<string, { readonly weight: number; readonly digest: string }>> | undefined;
}

/** As a parameter of `POST /generate`; empty without `--blend`. */
export const blendParameter = ({ blend }: BlendOptions): { blend?: Record<string, number> } =>
  blend === undefined ? {} : { blend: Object.fromEntries(blend) };

/** @throws FolioError as `openModel`, `invalid_parameter` */
export async function openBlended(flags: BlendOptions): Promise<BlendedModel> {
  const held = await openModel(flags);
  if (flags.blend === undefined) return { ...held, own: held.model, blend: undefined };
  const left = flags.blend.reduce((sum, [, weight]) => sum - weight, 1);
  if (left < 1e-6) {
    throw new FolioError('invalid_parameter', '--blend: expected weights that sum to less than 1.', {
      where: '--blend',
    });
  }
  // The order of the sums is part of the text: the API's.
  const shares = flags.blend.toSorted(([a], [b]) => (a < b ? -1 : 1));
  const parts = [{ model: held.model, weight: left }];
  const blend: Record<string, { weight: number; digest: string }> = {};
  for (const [model, weight] of shares) {
    const other = await openModel({ ...flags, model });
    const reference = `${other.name}@${other.version}`;
    if (reference === `${held.name}@${held.version}` || reference in blend) {
      throw new FolioError(
        'invalid_parameter',
        `--blend ${model}: expected other models than ${held.name}@${held.version}, each once; the model itself has the rest of the weight.`,
        { where: '--blend' },
      );
    }
    parts.push({ model: other.model, weight });
    blend[reference] = { weight, digest: other.model.info.digest };
  }
  try {
    return { ...held, model: blendModels(parts), own: held.model, blend };
  } catch (error) {
    if (!isFolioError(error)) throw error;
    const place = /^parts\[(\d+)\]/.exec(error.details.where ?? '');
    const where = place === null ? '--blend' : `--blend ${shares[Number(place[1]) - 1]?.[0]}`;
    throw new FolioError(error.code, error.message.replace(/^[^:]*/, where), { ...error.details, where });
  }
}
