import { FolioError } from '../../errors.ts';
import { checkModelName } from '../../store/model-name.ts';
import type { ImportDeps } from '../deps.ts';
import { readBytes } from '../request/body.ts';
import { importAlphabet } from '../request/import-alphabet.ts';
import { parse } from '../request/parse.ts';
import { fromQuery } from '../request/query.ts';
import { ImportRequestSchema } from '../request/requests.ts';
import { ValidationErrors } from '../request/validation-errors.ts';
import { modelObject } from './models.ts';
import { json, octets, type Route, route } from './route.ts';

const sampleLength = 200; // characters

/** `folio import` over HTTP: one file that holds everything. */
export const importRoutes: readonly Route<ImportDeps>[] = [
  route(
    {
      method: 'post',
      path: '/v1/models/:name/import',
      group: 'Models',
      id: 'importModel',
      summary: 'Publish a model that Keras, PyTorch or ONNX wrote: the body is its file',
      description:
        'What kind of file it is, is found from its bytes. A model of several files is imported by the command ' +
        '`folio import`; so is every model where the API runs in AWS, which has no such route.',
      write: true,
      query: ImportRequestSchema,
      body: { [octets]: 'bytes' },
      answers: {
        201: {
          description: 'Published, and current, with a sample',
          content: { [json]: 'ImportResponseSchema' },
        },
      },
      errors: [
        'invalid_request',
        'invalid_parameter',
        'too_large',
        'corpus_not_found',
        'model_invalid',
        'model_unsupported',
        'conflict',
        'already_exists',
        'too_many_requests',
        'overloaded',
        'unavailable',
        'store_failed',
      ],
    },
    (context, { store, limits, imports, generator }) =>
      imports.places.run(async () => {
        const name = checkModelName(context.req.param('name'));
        const faults = new ValidationErrors();
        const query = fromQuery(ImportRequestSchema, new URL(context.req.url).searchParams);
        const parameters = parse(ImportRequestSchema, query, faults);
        if (parameters === undefined) return faults.raise();
        const type = context.req.header('content-type') ?? '';
        if (/^(?:multipart\/|application\/json\b)/i.test(type)) {
          throw new FolioError(
            'unsupported_media_type',
            `The body: expected the model's file as the body itself, received ${type.split(';')[0]}.`,
            { where: 'body', expected: octets, received: type },
          );
        }
        const bytes = await readBytes(context.req.raw, imports.maximumBytes, 'The file');
        if (bytes.length === 0) {
          throw new FolioError('invalid_request', "The body: expected the model's file, received nothing.", {
            where: 'body',
            expected: "a model's file",
            received: 'nothing',
          });
        }
        // Before anything is published, since without a place for its sample the request is refused.
        const leave = generator.admission.enter(context.get('caller').id, 1);
        try {
          const { version, digest, format, vocabulary, alphabet, notes } = await imports.publish(
            name,
            bytes,
            {
              name: parameters.file,
              ...(await importAlphabet(store, parameters.alphabet, parameters.alphabet_from)),
              nonlinearity: parameters.nonlinearity,
              denseActivation: parameters.dense_activation,
            },
          );
          const lease = await generator.acquire({ name, version });
          try {
            const { signal } = context.req.raw;
            const length = Math.min(sampleLength, limits.length);
            let sample = '';
            for await (const piece of lease.model.generate({ length, seed: 1, signal })) sample += piece;
            const id = `${name}@${version}`;
            return context.json(
              {
                ...modelObject(id, version),
                ...{ name, version, digest, format, vocabulary, notes },
                ...(alphabet === undefined ? {} : { alphabet }),
                sample,
              },
              201,
              { location: `/v1/models/${encodeURIComponent(id)}` },
            );
          } finally {
            lease.release();
          }
        } finally {
          leave();
        }
      }),
  ),
];
