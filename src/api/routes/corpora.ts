import { Hono } from 'hono';
import { FolioError } from '../../errors.ts';
import { checkModelName } from '../../store/model-name.ts';
import type { TrainingJobs } from '../../training-jobs/training-jobs.ts';
import type { AppDeps, CorpusUploads } from '../deps.ts';
import { requireScope } from '../request/auth.ts';
import { type AppEnv, readBytes, readJson } from '../request/body.ts';
import { parse } from '../request/parse.ts';
import { fromQuery } from '../request/query.ts';
import { UploadRequestSchema } from '../request/requests.ts';
import { ValidationErrors } from '../response/validation-errors.ts';
import { trainingObject } from './trainings.ts';

/**
 * Uploads of corpora. A JSON body asks where to put one, and gets a form: presigned for the bucket, or this very
 * route. Text as the body is the corpus itself, where the server takes it; its training starts at once.
 */
export const corpusRoutes = (deps: AppDeps, corpora: CorpusUploads, trainings: TrainingJobs): Hono<AppEnv> =>
  new Hono<AppEnv>().post('/v1/corpora/:name', async (context) => {
    requireScope(context.get('caller'), 'write');
    const name = checkModelName(context.req.param('name'), 'corpus');
    const type = context.req.header('content-type') ?? '';
    const faults = new ValidationErrors();
    if (/^application\/json\b/i.test(type)) {
      const parameters = parse(UploadRequestSchema, await readJson(context, deps.limits), faults);
      faults.throwIfAny();
      const { bytes = 0, preset } = parameters ?? {};
      if (bytes > corpora.maximumBytes) throw tooLarge(corpora.maximumBytes);
      return context.json({ object: 'corpus.upload', name, upload: await formFor(corpora, name, preset) });
    }
    if (corpora.kind !== 'direct') {
      throw new FolioError(
        'invalid_request',
        'The body: expected JSON, whose answer says where the corpus is to be put; this server takes no corpus itself.',
        { where: 'body', expected: 'application/json', received: type },
      );
    }
    const query = new URL(context.req.url).searchParams;
    const parameters = parse(UploadRequestSchema, fromQuery(UploadRequestSchema, query), faults);
    faults.throwIfAny();
    const bytes = await readBytes(context.req.raw, corpora.maximumBytes, 'The corpus');
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    } catch {
      throw new FolioError('corpus_invalid', 'The corpus: expected text in UTF-8.', { where: 'body' });
    }
    if (bytes.length === 0)
      throw new FolioError('corpus_too_small', 'The corpus is empty.', { where: 'body' });
    const corpusKey = `corpora/${name}.txt`;
    await deps.store.write(corpusKey, bytes);
    const record = await trainings.start({
      model: name,
      corpusKey,
      ...(parameters?.preset === undefined ? {} : { preset: parameters.preset }),
    });
    return context.json(
      { object: 'corpus', name, bytes: bytes.length, training: trainingObject(record) },
      202,
      { location: `/v1/trainings/${encodeURIComponent(record.id)}` },
    );
  });

const tooLarge = (most: number): FolioError =>
  new FolioError('too_large', `The corpus: expected at most ${most} bytes.`, {
    where: 'bytes',
    expected: `at most ${most} bytes`,
  });

const formFor = async (corpora: CorpusUploads, name: string, preset: string | undefined): Promise<object> => {
  if (corpora.kind === 'direct') {
    return {
      kind: 'direct',
      method: 'POST',
      url: `/v1/corpora/${name}${preset === undefined ? '' : `?preset=${encodeURIComponent(preset)}`}`,
      maximum_bytes: corpora.maximumBytes,
    };
  }
  const form = await corpora.presign(name, preset);
  return {
    kind: 'form',
    method: form.method,
    url: form.url,
    fields: form.fields,
    maximum_bytes: form.maximumBytes,
    expires_at: form.expiresAt,
  };
};
