import type * as z from 'zod/mini';
import {
  ActivateRequestSchema,
  CompletionRequestSchema,
  GenerateRequestSchema,
  ScoreRequestSchema,
  TrainingRequestSchema,
  UploadRequestSchema,
} from '../request/requests.ts';
import {
  ActivateResponseSchema,
  CompletionChunkSchema,
  CompletionResponseSchema,
  CorpusResponseSchema,
  DeletedModelSchema,
  GenerateResponseSchema,
  ModelListSchema,
  ModelResponseSchema,
  ScoreResponseSchema,
  TrainingListSchema,
  TrainingSchema,
  UploadResponseSchema,
  VersionListSchema,
} from '../response/responses.ts';

type Schema = z.core.$ZodType;

/** One route as the API's description tells it. */
export interface Operation {
  readonly method: 'get' | 'post' | 'delete';
  /** With `{parameters}`, as OpenAPI writes them. */
  readonly path: string;
  readonly group: 'Generation' | 'Models' | 'Trainings' | 'Service';
  readonly id: string;
  readonly summary: string;
  readonly description?: string;
  /** Needs a key with the right to write. */
  readonly write?: true;
  /** Needs no key. */
  readonly open?: true;
  readonly query?: z.ZodMiniObject;
  /** A JSON body, or a query, to try. */
  readonly example?: Readonly<Record<string, unknown>>;
  /** Bodies by media type; 'text' for plain text. */
  readonly body?: Readonly<Record<string, Schema | 'text'>>;
  readonly answers: Readonly<
    Record<number, { description: string; content?: Readonly<Record<string, Schema | 'text' | 'bytes'>> }>
  >;
  /** Statuses of errors beside 401, which every route but the open ones has. */
  readonly errors: readonly number[];
}

const json = 'application/json';
const plain = 'text/plain';
const events = 'text/event-stream';

const generating = [400, 404, 413, 422, 429, 503];

/** Every route of the API; a test holds the app to it. */
export const operations: readonly Operation[] = [
  {
    method: 'post',
    path: '/generate',
    group: 'Generation',
    id: 'generate',
    summary: 'Generate a text',
    description:
      'The simple door. `Accept: text/plain` streams the text as it is made, its receipt in a header.',
    body: { [json]: GenerateRequestSchema },
    example: { prompt: 'ROMEO:', length: 200, temperature: 0.7, seed: 1 },
    answers: {
      200: { description: 'The text', content: { [json]: GenerateResponseSchema, [plain]: 'text' } },
    },
    errors: generating,
  },
  {
    method: 'get',
    path: '/generate',
    group: 'Generation',
    id: 'generateByQuery',
    summary: 'Generate a text, asked for in the query',
    query: GenerateRequestSchema,
    example: { prompt: 'ROMEO:', length: 200 },
    answers: {
      200: { description: 'The text', content: { [json]: GenerateResponseSchema, [plain]: 'text' } },
    },
    errors: generating,
  },
  {
    method: 'post',
    path: '/v1/completions',
    group: 'Generation',
    id: 'createCompletion',
    summary: 'Create completions, as OpenAI’s API does',
    description: 'A token is a character. With `stream`, server-sent events that end with `data: [DONE]`.',
    body: { [json]: CompletionRequestSchema },
    example: { model: 'shakespeare', prompt: 'ROMEO:', max_tokens: 200, top_p: 0.9, logprobs: 3, seed: 1 },
    answers: {
      200: {
        description: 'The completions',
        content: { [json]: CompletionResponseSchema, [events]: CompletionChunkSchema },
      },
    },
    errors: generating,
  },
  {
    method: 'post',
    path: '/v1/score',
    group: 'Generation',
    id: 'score',
    summary: 'Score texts, character by character',
    body: { [json]: ScoreRequestSchema },
    example: { text: 'To be, or not to be', top: 3 },
    answers: { 200: { description: 'The scores', content: { [json]: ScoreResponseSchema } } },
    errors: generating,
  },
  {
    method: 'get',
    path: '/v1/models',
    group: 'Models',
    id: 'listModels',
    summary: 'List the models',
    answers: {
      200: { description: 'The models, each with its current version', content: { [json]: ModelListSchema } },
    },
    errors: [503],
  },
  {
    method: 'get',
    path: '/v1/models/{model}',
    group: 'Models',
    id: 'retrieveModel',
    summary: 'Retrieve a model, or a version as `name@version`',
    answers: { 200: { description: 'The model', content: { [json]: ModelResponseSchema } } },
    errors: [400, 404, 503],
  },
  {
    method: 'get',
    path: '/v1/models/{model}/versions',
    group: 'Models',
    id: 'listVersions',
    summary: 'List the versions of a model, newest first',
    answers: { 200: { description: 'The versions', content: { [json]: VersionListSchema } } },
    errors: [400, 404, 503],
  },
  {
    method: 'get',
    path: '/v1/models/{model}/files/{file}',
    group: 'Models',
    id: 'retrieveFile',
    summary:
      'Fetch a file of a version: `model.json`, its weights, `report.html`, `report.json`, `copy-index.bin`',
    answers: { 200: { description: 'The file', content: { 'application/octet-stream': 'bytes' } } },
    errors: [400, 404, 503],
  },
  {
    method: 'post',
    path: '/v1/models/{model}/activate',
    group: 'Models',
    id: 'activateVersion',
    summary: 'Make another version the current one',
    description: 'With `expected`, only if that version is current now (compare-and-swap).',
    write: true,
    body: { [json]: ActivateRequestSchema },
    example: { version: '20261124T120000Z-0a1b2c3d' },
    answers: { 200: { description: 'The version is current', content: { [json]: ActivateResponseSchema } } },
    errors: [400, 403, 404, 409, 413, 503],
  },
  {
    method: 'delete',
    path: '/v1/models/{model}',
    group: 'Models',
    id: 'deleteVersion',
    summary: 'Remove a version, named as `name@version`, that is not current',
    write: true,
    answers: { 200: { description: 'The version is gone', content: { [json]: DeletedModelSchema } } },
    errors: [400, 403, 404, 409, 503],
  },
  {
    method: 'post',
    path: '/v1/corpora/{name}',
    group: 'Trainings',
    id: 'uploadCorpus',
    summary: 'Upload a corpus, which trains the model of its name',
    description:
      'A JSON body asks where to put the corpus and is answered with a form: a presigned one in AWS. ' +
      'A plain text body is the corpus itself, where the server takes it.',
    write: true,
    query: UploadRequestSchema,
    body: { [json]: UploadRequestSchema, [plain]: 'text' },
    example: { bytes: 120000, preset: 'standard' },
    answers: {
      200: { description: 'Where to put it', content: { [json]: UploadResponseSchema } },
      202: { description: 'Taken; its training is queued', content: { [json]: CorpusResponseSchema } },
    },
    errors: [400, 403, 413, 422, 503],
  },
  {
    method: 'get',
    path: '/v1/trainings',
    group: 'Trainings',
    id: 'listTrainings',
    summary: 'List the trainings, newest first',
    answers: { 200: { description: 'The trainings', content: { [json]: TrainingListSchema } } },
    errors: [503],
  },
  {
    method: 'post',
    path: '/v1/trainings',
    group: 'Trainings',
    id: 'startTraining',
    summary: 'Train on a corpus that was uploaded already',
    write: true,
    body: { [json]: TrainingRequestSchema },
    example: { model: 'novel', preset: 'standard' },
    answers: { 202: { description: 'The training is queued', content: { [json]: TrainingSchema } } },
    errors: [400, 403, 404, 413, 503],
  },
  {
    method: 'get',
    path: '/v1/trainings/{id}',
    group: 'Trainings',
    id: 'retrieveTraining',
    summary: 'Retrieve a training, or follow it',
    description:
      'With `Accept: text/event-stream`, an event `training` whenever it moves and `end` when it is over.',
    answers: {
      200: { description: 'The training', content: { [json]: TrainingSchema, [events]: TrainingSchema } },
    },
    errors: [404, 503],
  },
  {
    method: 'delete',
    path: '/v1/trainings/{id}',
    group: 'Trainings',
    id: 'stopTraining',
    summary: 'Stop a training; it keeps its last checkpoint',
    write: true,
    answers: { 200: { description: 'The training', content: { [json]: TrainingSchema } } },
    errors: [403, 404, 503],
  },
  {
    method: 'get',
    path: '/healthz',
    group: 'Service',
    id: 'health',
    summary: 'Whether the server answers',
    open: true,
    answers: { 200: { description: 'It does' } },
    errors: [],
  },
];
