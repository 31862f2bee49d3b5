import { FolioError, isFolioError } from '../../errors.ts';
import { type BlendPart, blendModels } from '../../model/decode/blend.ts';
import type { Model } from '../../model/model.ts';
import type { ModelLease } from '../../store/model-cache.ts';
import type { GeneratorDeps } from '../deps.ts';
import type { CommonParameters } from './parameters.ts';
import { resolveModel } from './resolve-model.ts';

/** The models that a request mixes, held until it is released. */
export interface Blend {
  readonly model: Model;
  /** As the receipt names the others: their versions, weights and digests. */
  readonly parameter: NonNullable<CommonParameters['blend']>;
  release(): void;
}

/**
 * Opens the models that a request mixes with its own.
 *
 * @param own The request's model, which has the weight that the others leave.
 * @throws FolioError with the place in `blend`: as `resolveModel`; `invalid_parameter` for a model that is the request's own or of
 * another alphabet, `limit_exceeded` where the models are larger together than what the server keeps
 */
export const resolveBlend = async (
  deps: GeneratorDeps,
  own: ModelLease,
  asked: NonNullable<CommonParameters['blend']>,
): Promise<Blend> => {
  const { precision } = own.model.info;
  const names = Object.keys(asked).toSorted(); // the sums' order is part of the text
  const held: ModelLease[] = [];
  const release = (): void => {
    for (const lease of held) lease.release();
  };
  const parts: BlendPart[] = [];
  const parameter: Record<string, { weight: number; digest: string }> = {};
  try {
    let left = 1;
    for (const name of names) {
      const given = asked[name]!;
      const { weight, digest } = typeof given === 'number' ? { weight: given, digest: undefined } : given;
      const where = `blend.${name}`;
      const lease = await at(where, () => resolveModel(deps, { model: name, digest, precision }));
      held.push(lease);
      const { version, model } = lease;
      if ([own, ...held.slice(0, -1)].some((other) => other.model === model)) {
        throw new FolioError(
          'invalid_parameter',
          `${where}: expected other models than ${own.name}@${own.version}, each once; the request's own has the rest of the weight.`,
          { where },
        );
      }
      checkMemory(deps, [own, ...held], where);
      parts.push({ model, weight });
      parameter[`${lease.name}@${version}`] = { weight, digest: model.info.digest };
      left -= weight;
    }
    if (left < smallestRest) {
      throw new FolioError(
        'invalid_parameter',
        `blend: expected weights that sum to less than 1, since the rest is ${own.name}'s, received ${1 - left}.`,
        { where: 'blend' },
      );
    }
    const model = blendNamed(names, [{ model: own.model, weight: left }, ...parts]);
    return {
      model,
      parameter,
      release: () => {
        model.dispose();
        release();
      },
    };
  } catch (error) {
    release();
    throw error;
  }
};

/** Sums of decimal fractions are not exact. */
const smallestRest = 1e-6;

const checkMemory = (
  { generator: { maximumModelBytes: maximum } }: GeneratorDeps,
  leases: readonly ModelLease[],
  where: string,
): void => {
  const bytes = leases.reduce((sum, { model }) => sum + model.info.byteLength, 0);
  if (maximum === undefined || bytes <= maximum) return;
  const megabytes = (count: number): number => Math.ceil(count / 1e6);
  throw new FolioError(
    'limit_exceeded',
    `${where}: expected models of at most ${megabytes(maximum)} MB together, for which this server has room, received ${megabytes(bytes)} MB.`,
    { where },
  );
};

/** As `blendModels`; its faults are in the request's terms. */
const blendNamed = (names: readonly string[], parts: readonly BlendPart[]): Model => {
  try {
    return blendModels(parts);
  } catch (error) {
    const place = isFolioError(error) ? /^parts\[(\d+)\]/.exec(error.details.where ?? '') : null;
    if (!isFolioError(error) || place === null) throw error;
    const where = `blend.${names[Number(place[1]) - 1]}`;
    throw new FolioError(error.code, error.message.replace(/^[^:]*/, where), { ...error.details, where });
  }
};

/** Errors of one of the models, under its place in the request. */
const at = async <Result>(where: string, work: () => Promise<Result>): Promise<Result> => {
  try {
    return await work();
  } catch (error) {
    if (!isFolioError(error) || error.status >= 500) throw error;
    const message = error.message.startsWith(where) ? error.message : `${where}: ${error.message}`;
    throw new FolioError(error.code, message, { ...error.details, where });
  }
};
