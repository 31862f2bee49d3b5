import { corpusTooSmall, LEAST_CHARACTERS } from '../../corpus-size.ts';
import { FolioError } from '../../errors.ts';
import { fileKind } from '../../file-kind.ts';
import { corpusKey } from '../../store/keys.ts';
import { checkModelName } from '../../store/model-name.ts';
import type { UploadOptions } from '../../store/presigned-uploads.ts';
import type { CorpusDeps, CorpusUploads } from '../deps.ts';
import { bodyChunks, readJson } from '../request/body.ts';
import { parse } from '../request/parse.ts';
import { fromQuery } from '../request/query.ts';
import { UploadRequestSchema } from '../request/requests.ts';
import type { checkTrainingModels } from '../request/training-models.ts';
import { ValidationErrors } from '../request/validation-errors.ts';
import { json, plain, type Route, route } from './route.ts';
import { trainingObject, trainingOptions } from './trainings.ts';

/**
 * Uploads of corpora. A JSON body asks where to put one, and gets a form: presigned for the bucket, or this very
 * route. Text as the body is the corpus itself, where the server takes it; its training starts at once.
 */
export const corpusRoutes: readonly Route<CorpusDeps>[] = [
  route(
    {
      method: 'post',
      path: '/v1/corpora/:name',
      group: 'Trainings',
      id: 'uploadCorpus',
      summary: 'Upload a corpus, which trains the model of its name',
      description:
        'A JSON body asks where to put the corpus and is answered with a form: a presigned one in AWS. ' +
        'A plain text body is the corpus itself, where the server takes it.',
      write: true,
      query: UploadRequestSchema,
      body: { [json]: UploadRequestSchema, [plain]: 'text' },
      example: { bytes: 120000, preset: 'standard', from: 'shakespeare' },
      answers: {
        200: { description: 'Where to put it', content: { [json]: 'UploadResponseSchema' } },
        202: { description: 'Taken; its training is queued', content: { [json]: 'CorpusResponseSchema' } },
      },
      errors: [
        'invalid_request',
        'invalid_parameter',
        'model_not_found',
        'too_large',
        'corpus_invalid',
        'corpus_too_small',
        'overloaded',
        'unavailable',
        'store_failed',
      ],
    },
    async (context, { limits, store, corpora, trainings }) => {
      const name = checkModelName(context.req.param('name'), 'corpus');
      const type = context.req.header('content-type') ?? '';
      const faults = new ValidationErrors();
      if (/^application\/json\b/i.test(type)) {
        const parameters = parse(UploadRequestSchema, await readJson(context, limits), faults);
        faults.throwIfAny();
        const { bytes, ...rest } = parameters ?? {};
        if (bytes !== undefined && bytes > corpora.maximumBytes) throw tooLarge(corpora.maximumBytes);
        if (bytes !== undefined && bytes < LEAST_CHARACTERS) throw corpusTooSmall(bytes);
        trainings.checkPrecision(rest.precision);
        await checkModels(store, rest);
        const upload = await formFor(corpora, name, trainingOptions(rest));
        return context.json({ object: 'corpus.upload', name, upload });
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
      const options = parameters ?? {};
      trainings.checkPrecision(options.precision);
      await checkModels(store, options);
      trainings.checkCapacity(name);
      const key = corpusKey(name);
      const { size } = await corpora.places.run(async () => {
        const body = bodyChunks(context.req.raw, corpora.maximumBytes, 'The corpus');
        // The parser of forms is loaded when one comes.
        const file = /^multipart\//i.test(type)
          ? (await import('../request/multipart.ts')).fileInForm(body, type)
          : body;
        return store.writeStream(key, checkedText(file));
      });
      const record = await trainings.start({ model: name, corpusKey: key, ...trainingOptions(options) });
      return context.json(
        { object: 'corpus', name, bytes: size, training: trainingObject(record, store) },
        202,
        {
          location: `/v1/trainings/${encodeURIComponent(record.id)}`,
        },
      );
    },
  ),
];

const checkModels: typeof checkTrainingModels = async (store, models) => {
  const { checkTrainingModels: check } = await import('../request/training-models.ts');
  return check(store, models);
};

/** @param start Its first bytes. */
const notUtf8 = (start: Uint8Array): FolioError => {
  const mark = `${start[0]} ${start[1]}`;
  const isUtf16 = mark === '255 254' || mark === '254 255';
  const kind = fileKind(start);
  const message = isUtf16
    ? `received UTF-16. ${fromUtf16}`
    : kind === undefined
      ? 'received another encoding. Convert it with `iconv`, or save it as UTF-8 in an editor.'
      : `received ${kind}.`;
  return new FolioError('corpus_invalid', `The corpus: expected text in UTF-8, ${message}`, {
    where: 'body',
    expected: 'text in UTF-8',
  });
};

const fromUtf16 = 'Convert it with `iconv -f UTF-16 -t UTF-8`, or save it as UTF-8 in an editor.';

/**
 * The same bytes, as they come.
 *
 * @throws FolioError `corpus_invalid` for what is not UTF-8, or has zero bytes, as UTF-16 and binary files do;
 *   `corpus_too_small` below 1,000 characters
 */
async function* checkedText(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let start = new Uint8Array();
  let length = 0; // bytes
  let characters = 0;
  const decode = (chunk?: Uint8Array): void => {
    try {
      const text = decoder.decode(chunk, { stream: chunk !== undefined });
      if (characters < LEAST_CHARACTERS) characters += [...text].length;
    } catch {
      throw notUtf8(start);
    }
  };
  for await (const chunk of chunks) {
    if (length === 0) start = chunk.slice(0, 65_536);
    decode(chunk);
    const zero = chunk.indexOf(0);
    if (zero >= 0) {
      throw new FolioError(
        'corpus_invalid',
        `The corpus: expected text in UTF-8; there is a zero byte at ${length + zero}, as UTF-16 and files that are no text have. ${fromUtf16}`,
        { where: `byte ${length + zero}`, expected: 'text in UTF-8', received: 'a zero byte' },
      );
    }
    length += chunk.length;
    yield chunk;
  }
  decode();
  if (characters < LEAST_CHARACTERS) throw corpusTooSmall(characters);
}

const tooLarge = (maximum: number): FolioError =>
  new FolioError('too_large', `The corpus: expected at most ${maximum} bytes.`, {
    where: 'bytes',
    expected: `at most ${maximum} bytes`,
  });

const formFor = async (corpora: CorpusUploads, name: string, options: UploadOptions): Promise<object> => {
  if (corpora.kind === 'direct') {
    const given = Object.entries(options) as [string, string | readonly string[]][];
    const query = new URLSearchParams(
      given.flatMap(([option, values]) => [values].flat().map((value) => [option, value])),
    );
    return {
      kind: 'direct',
      method: 'POST',
      url: `/v1/corpora/${name}${query.size === 0 ? '' : `?${query}`}`,
      maximum_bytes: corpora.maximumBytes,
    };
  }
  const form = await corpora.presign(name, options);
  return {
    kind: 'form',
    method: form.method,
    url: form.url,
    fields: form.fields,
    maximum_bytes: form.maximumBytes,
    expires_at: form.expiresAt,
  };
};
