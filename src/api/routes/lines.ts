import type { Context } from 'hono';
import { FolioError, isFolioError, unexpected } from '../../errors.ts';
import { generateLines } from '../../model/lines/generate-lines.ts';
import { type LineIndex, openLineIndex } from '../../model/lines/line-index.ts';
import type { GenerateOptions } from '../../model/model.ts';
import { lineIndexFile } from '../../store/keys.ts';
import type { ModelLease } from '../../store/model-cache.ts';
import type { AppEnv } from '../app-env.ts';
import type { GeneratorDeps } from '../deps.ts';
import { readTextRequest } from '../request/body.ts';
import { bytesOf, checkLengths, checkPrompt } from '../request/checks.ts';
import { overTime } from '../request/limits.ts';
import { loadRareFields } from '../request/load-rare-fields.ts';
import type { LinesParameters } from '../request/parameters.ts';
import { parse } from '../request/parse.ts';
import { LinesRequestSchema } from '../request/requests.ts';
import { resolveModel } from '../request/resolve-model.ts';
import { samplingOptions } from '../request/sampling-parameters.ts';
import { ValidationErrors } from '../request/validation-errors.ts';
import { generationErrors, json, type Route, route } from './route.ts';

/** Lines that are written side by side, where the caller may have so many completions. */
const TOGETHER = 16;

/** Whole lines, such as names, each from a fresh start. */
export const linesRoutes: readonly Route<GeneratorDeps>[] = [
  route(
    {
      method: 'post',
      path: '/v1/lines',
      group: 'Generation',
      id: 'generateLines',
      summary: 'Generate whole lines, such as names',
      description:
        'For models of lines. With `new`, none that stands in the corpus and none twice; fewer than asked for where `exhausted` is true.',
      lambda: 'generate',
      body: { [json]: LinesRequestSchema },
      example: { model: 'names', lines: 20, new: true },
      answers: { 200: { description: 'The lines', content: { [json]: 'LinesResponseSchema' } } },
      errors: generationErrors,
    },
    (context, deps) => answer(context, deps),
  ),
];

const answer = async (context: Context<AppEnv>, deps: GeneratorDeps): Promise<Response> => {
  const body = await readTextRequest(context, deps);
  const faults = new ValidationErrors();
  const rare = await loadRareFields(LinesRequestSchema, Object.keys(body));
  const schema = rare?.withRareFields(LinesRequestSchema) ?? LinesRequestSchema;
  const parameters: LinesParameters | undefined = parse(schema, body, faults);
  checkLengths(deps.limits, { length: ['length', body.length], text: ['prompt', body.prompt] }, faults);
  if (parameters === undefined) return faults.raise();
  const lease = await faults.gather('model', () => resolveModel(deps, parameters));
  if (lease === undefined) return faults.raise();
  try {
    checkPrompt(lease, parameters.prompt, parameters.unknown, 'prompt', faults);
    if (parameters.prompt.includes('\n'))
      faults.add('invalid_parameter', 'prompt', ofOneLine(parameters.prompt).message);
    if (parameters.allowed !== undefined) checkPrompt(lease, parameters.allowed, 'error', 'allowed', faults);
    rare?.checkRareFields(lease, parameters, faults);
    const newTo = parameters.new ? await faults.gather('new', () => lineIndexOf(lease)) : undefined;
    faults.throwIfAny();
    const sampling = {
      ...samplingOptions({ ...parameters, overlap: false }, undefined),
      ...rare?.rareOptions(parameters),
    };
    return context.json(await write(deps, lease, parameters, sampling, newTo, context));
  } finally {
    lease.release();
  }
};

const write = async (
  { limits, generator: { admission } }: GeneratorDeps,
  lease: ModelLease,
  parameters: LinesParameters,
  sampling: Partial<GenerateOptions>,
  newTo: LineIndex | undefined,
  context: Context<AppEnv>,
): Promise<object> => {
  const { lines, prompt, length = Math.min(1000, limits.length) } = parameters;
  const seed = parameters.seed ?? Math.floor(Math.random() * 2 ** 32);
  const together = Math.min(TOGETHER, lines, limits.concurrentPerCaller);
  const size = { completions: lines, length: 0, echoed: 0, logprobs: undefined };
  const leave = admission.enter(context.get('caller').id, together, bytesOf(size));
  const timeLimit = AbortSignal.timeout(limits.seconds * 1000);
  const signal = AbortSignal.any([context.req.raw.signal, timeLimit]);
  const data: string[] = [];
  let exhausted = false;
  try {
    const options = {
      ...sampling,
      lines,
      prompt,
      length,
      together,
      signal,
    };
    const written = generateLines(lease.model, {
      ...options,
      seed,
      ...(newTo === undefined ? {} : { newTo }),
    });
    for await (const line of written) data.push(line);
    if (timeLimit.aborted && data.length < lines) throw overTime();
  } catch (error) {
    if (timeLimit.aborted) throw overTime();
    if (!isFolioError(error) || error.code !== 'not_found') throw error;
    exhausted = true;
  } finally {
    leave();
  }
  const { name, version, model } = lease;
  const { digest, precision } = model.info;
  return { object: 'list', ...{ model: name, version, digest, precision, seed, data, exhausted } };
};

const ofOneLine = (prompt: string): FolioError =>
  unexpected('invalid_parameter', 'prompt', 'the beginning of one line, without a newline', prompt);

/** @throws FolioError `model_unsupported` */
const lineIndexOf = async ({ name, version, readFile }: ModelLease): Promise<LineIndex> => {
  const bytes = await readFile(lineIndexFile);
  if (bytes !== undefined) return openLineIndex(bytes);
  throw new FolioError(
    'model_unsupported',
    `${name}@${version} has no index of its corpus’ lines: it was trained on running text, or by a Folio older than the index.`,
    { where: 'new', expected: lineIndexFile, received: 'none' },
  );
};
