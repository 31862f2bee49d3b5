import * as z from 'zod/mini';
import { type ErrorCode, errorCodes } from '../../errors.ts';
import { namePattern, referencePattern } from '../../store/model-name.ts';
import { folioVersion } from '../../version.ts';
import { schemasWithRareFields } from '../request/rare-fields.ts';
import { statusOn } from '../response/error-response.ts';
import * as responses from '../response/responses.ts';
import type { Operation, ResponseSchema } from '../routes/route.ts';
import { operations, templateOf } from '../routes/routes.ts';
import { withDescriptions } from './request-descriptions.ts';

type Json = Record<string, unknown>;
type Schema = z.core.$ZodType;

/** What a status means, beside the codes that stand for it. */
const meanings: Readonly<Record<number, string>> = {
  400: 'The request is malformed; every fault is listed',
  401: 'A key is needed, or is wrong',
  403: 'The key has no right to write',
  404: 'There is no such model, version, training or file',
  409: 'Another version is current, or another training runs',
  413: 'The body is too large',
  415: 'The body is in parts',
  422: 'Understood, but beyond a limit or not possible with this model',
  429: 'Too many completions of this key run; `Retry-After` says when to try again',
  503: 'The server is at its limit, or its store does not answer; `Retry-After` may say when to try again',
};

const ofParameter: Readonly<Record<string, string>> = {
  model: 'A model’s name, or `name@version`.',
  name: 'The model’s name, which its corpus has too.',
  file: 'A file’s name.',
  id: 'The training’s id.',
};

/** What a parameter of a path may be, where others are refused as such. */
const patterns: Readonly<Record<string, RegExp>> = { model: referencePattern, name: namePattern };

/** The whole numbers of JavaScript are the bounds of every integer, and say nothing. */
const withoutBounds = ({ jsonSchema }: { jsonSchema: z.core.JSONSchema.BaseSchema }): void => {
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
};

const convert = (io: 'input' | 'output'): Readonly<Record<string, Json>> => {
  const options = { io, uri: (id: string) => `#/components/schemas/${id}`, override: withoutBounds };
  const { schemas } = z.toJSONSchema(z.globalRegistry, options) as unknown as {
    schemas: Record<string, Json>;
  };
  const whole = [...schemasWithRareFields()].map(([usual, schema]) => [
    idOf(usual),
    z.toJSONSchema(schema, options),
  ]);
  return { ...schemas, ...Object.fromEntries(whole) };
};

/** Schemas of bodies of OpenAI's routes, which ignore what they do not know: see `openAiBody`. */
const isOpen = (id: string): boolean =>
  operations.some(
    ({ openAi, body = {} }) =>
      openAi && Object.values(body).some((schema) => typeof schema === 'object' && idOf(schema) === id),
  );

/** A body may say null in place of leaving a field out: see `parse`. */
const nullable = (schema: Json): Json => {
  const {
    properties = {},
    required = [],
    ...rest
  } = schema as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  const orNull = ({ description, default: fallback, ...field }: Json): Json => ({
    ...(description === undefined ? {} : { description }),
    ...(fallback === undefined ? {} : { default: fallback }),
    anyOf: [field, { type: 'null' }],
  });
  const fields = Object.entries(properties).map(([name, field]) => [
    name,
    required.includes(name) ? field : orNull(field),
  ]);
  return { ...rest, required, properties: Object.fromEntries(fields) };
};

/** Every schema that was given an id, requests as what may be sent. */
const components = (): Readonly<Record<string, Json>> => {
  const sent = convert('input');
  return Object.fromEntries(
    Object.entries(convert('output')).map(([id, answered]) => {
      const request = id.endsWith('Request') ? sent[id] : undefined;
      const { $schema: _, $id: __, ...schema } = request ? withDescriptions(id, request) : answered;
      return [id, isOpen(id) ? { ...schema, additionalProperties: {} } : schema];
    }),
  );
};

const idOf = (schema: Schema): string => {
  const id = z.globalRegistry.get(schema)?.id;
  if (typeof id === 'string') return id;
  throw new TypeError('A schema of the API has no id.');
};

type Content = Schema | ResponseSchema | 'text' | 'bytes';

const answerSchemas: Readonly<Record<ResponseSchema, Schema>> = responses;

const schemaOf = (content: Content): Json => {
  if (content === 'text') return { type: 'string' };
  if (content === 'bytes') return { type: 'string', format: 'binary' };
  const schema = typeof content === 'string' ? answerSchemas[content] : content;
  return { $ref: `#/components/schemas/${idOf(schema)}` };
};

const contentOf = (content: Readonly<Record<string, Content>>, example?: Json): Json =>
  Object.fromEntries(
    Object.entries(content).map(([type, schema]) => [
      type,
      { schema: schemaOf(schema), ...(example && type === 'application/json' ? { example } : {}) },
    ]),
  );

const parametersOf = (
  { path, query, body, example = {} }: Operation,
  schemas: Readonly<Record<string, Json>>,
): Json[] => {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name = '']) => ({
    name,
    in: 'path',
    required: true,
    description: ofParameter[name],
    schema: { type: 'string', ...(patterns[name] && { pattern: patterns[name].source }) },
  }));
  if (!query) return inPath;
  const properties = schemas[idOf(query)]?.properties as Readonly<Record<string, Json>>;
  const inQuery = Object.entries(properties).map(([name, { description, ...schema }]) => {
    return {
      name,
      in: 'query',
      required: false,
      ...(description ? { description } : {}),
      ...(body === undefined && name in example ? { example: example[name] } : {}),
      schema,
    };
  });
  return [...inPath, ...inQuery];
};

/** The codes that an operation is refused with, by their statuses, lowest first. */
const codesByStatus = ({
  errors,
  open,
  write,
  body,
  openAi,
}: Operation): ReadonlyMap<number, readonly ErrorCode[]> => {
  const codes = new Set<ErrorCode>([
    ...(open ? [] : (['unauthorized'] as const)),
    ...(write ? (['forbidden'] as const) : []),
    ...errors,
    ...(body ? (['unsupported_media_type'] as const) : []),
  ]);
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes) {
    const status = statusOn(openAi, errorCodes[code].status);
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return new Map([...byStatus].sort(([a], [b]) => a - b));
};

const operationOf = (operation: Operation, schemas: Readonly<Record<string, Json>>): Json => {
  const { body, example, answers, open, write } = operation;
  const parameters = parametersOf(operation, schemas);
  return {
    operationId: operation.id,
    tags: [operation.group],
    summary: operation.summary,
    ...(operation.description === undefined ? {} : { description: operation.description }),
    ...(open ? { security: [] } : {}),
    ...(write ? { 'x-folio-right': 'write' } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: contentOf(body, example) } }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, { description, content }]) => [
          status,
          { description, ...(content === undefined ? {} : { content: contentOf(content) }) },
        ]),
      ),
      ...Object.fromEntries(
        [...codesByStatus(operation)].map(([status, codes]) => [
          status,
          {
            description: `${meanings[status]} (${codes.map((code) => `\`${code}\``).join(', ')})`,
            content: contentOf({ 'application/json': 'ErrorResponseSchema' }),
          },
        ]),
      ),
    },
  };
};

/** The API's description: OpenAPI 3.1, made of the schemas that check requests. */
export const openApiDocument = (): Json => {
  const schemas = components();
  const paths: Record<string, Json> = {};
  for (const operation of operations) {
    const path = templateOf(operation.path);
    paths[path] = { ...paths[path], [operation.method]: operationOf(operation, schemas) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Folio',
      version: folioVersion,
      description:
        'A text generator that people own: a character-level LSTM behind the completions API that OpenAI’s clients ' +
        'speak. A token is a character.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: './' }],
    security: [{ bearer: [] }, { apiKey: [] }, {}],
    tags: ['Generation', 'Models', 'Trainings', 'Service'].map((name) => ({ name })),
    paths,
    components: {
      schemas: Object.fromEntries(
        Object.entries(schemas).map(([id, schema]) => [
          id,
          id.endsWith('Request') ? nullable(schema) : schema,
        ]),
      ),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        apiKey: { type: 'apiKey', in: 'header', name: 'x-api-key' },
      },
    },
  };
};
