import { FolioError } from '../../errors.ts';
import { candidatePrefix, corpusDeletedKey, modelFile } from '../../store/keys.ts';
import { isModelName, type ModelReference, parseModelReference } from '../../store/model-name.ts';
import { activate, currentVersion, listModels, listVersions, removeVersion } from '../../store/models.ts';
import type { Store } from '../../store/store.ts';
import { suggestedPrompt } from '../../store/suggested-prompt.ts';
import { timeOfName } from '../../store/timestamp.ts';
import { versionFiles } from '../../store/version-files.ts';
import type { AppDeps } from '../deps.ts';
import { readJson } from '../request/body.ts';
import { parse } from '../request/parse.ts';
import { ActivateRequestSchema } from '../request/requests.ts';
import { ValidationErrors } from '../request/validation-errors.ts';
import { json, type Route, route } from './route.ts';

const namedErrors = ['invalid_parameter', 'model_not_found', 'model_damaged', 'store_failed'] as const;

/** Models as OpenAI's API lists them, and what is Folio's own: versions, reports, the current one. */
export const modelRoutes: readonly Route<AppDeps>[] = [
  route(
    {
      method: 'get',
      path: '/v1/models',
      group: 'Models',
      id: 'listModels',
      summary: 'List the models',
      answers: {
        200: {
          description: 'The models, each with its current version',
          content: { [json]: 'ModelListSchema' },
        },
      },
      errors: ['store_failed'],
    },
    async (context, { store, generator }) => {
      // The server's default comes first, then the others by name.
      const first = generator?.defaultModel.name;
      const models = (await listModels(store)).toSorted(
        (a, b) => Number(b.name === first) - Number(a.name === first),
      );
      return context.json({
        object: 'list',
        data: models.map(({ name, version, fault }) => ({
          ...modelObject(name, version),
          version,
          ...(fault === undefined ? {} : { fault }),
        })),
      });
    },
  ),
  route(
    {
      method: 'get',
      path: '/v1/models/:model',
      group: 'Models',
      id: 'retrieveModel',
      summary: 'Retrieve a model, or a version as `name@version`',
      answers: { 200: { description: 'The model', content: { [json]: 'ModelResponseSchema' } } },
      errors: namedErrors,
    },
    async (context, { store, generator }) => {
      const { name, version } = await resolve(store, context.req.param('model'));
      const artefact = await readJsonFile(store, name, version, modelFile);
      const report = await readJsonFile(store, name, version, 'report.json');
      if (artefact === undefined) throw notThere(name, version);
      return context.json({
        ...modelObject(context.req.param('model'), version),
        version,
        current: (await currentVersion(store, name)) === version,
        ...describe(artefact),
        ...(generator?.kernel && { kernel: generator.kernel }),
        ...(await corpusDeletion(store, name, version)),
        suggested_prompt: suggestedPrompt(metadataOf(artefact), report),
        ...(report === undefined ? {} : { report }),
      });
    },
  ),
  route(
    {
      method: 'get',
      path: '/v1/models/:model/versions',
      group: 'Models',
      id: 'listVersions',
      summary: 'List the versions of a model, newest first',
      answers: { 200: { description: 'The versions', content: { [json]: 'VersionListSchema' } } },
      errors: namedErrors,
    },
    async (context, { store }) => {
      const { name } = parseModelReference(context.req.param('model'));
      const versions = await listVersions(store, name);
      if (versions.length === 0) throw notThere(name);
      return context.json({
        object: 'list',
        data: versions.map(({ version, current, fault, publishedAt, bytes, files }) => ({
          ...modelObject(`${name}@${version}`, version),
          version,
          current,
          ...(fault === undefined ? {} : { fault }),
          published_at: publishedAt.toISOString(),
          bytes,
          files,
        })),
      });
    },
  ),
  route(
    {
      method: 'get',
      path: '/v1/models/:model/files/:file',
      group: 'Models',
      id: 'retrieveFile',
      summary:
        'Fetch a file of a version: `model.json`, its weights, `report.html`, `report.json`, `copy-index.bin`',
      lambda: 'generate', // megabytes of weights: only a stream carries them
      answers: { 200: { description: 'The file', content: { 'application/octet-stream': 'bytes' } } },
      errors: [...namedErrors, 'not_found'],
    },
    async (context, { store }) => {
      const { name, version } = await resolve(store, context.req.param('model'));
      const { file } = context.req.param();
      const bytes = isModelName(file)
        ? ((await versionFiles(store, name, version).read(file)) ??
          (await reportOfCandidate(store, name, version, file)))
        : undefined;
      if (bytes === undefined) {
        throw new FolioError('not_found', `There is no file ${file} in ${name}@${version}.`, {
          where: 'file',
        });
      }
      return new Response(bytes.slice(), {
        headers: {
          'content-type': contentType(file),
          // A report draws its charts by itself; it gets no origin to call from, and nothing from elsewhere.
          'content-security-policy':
            "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; font-src data:",
          // A version never changes; a name alone follows the current one.
          'cache-control': context.req.param('model').includes('@')
            ? 'private, max-age=31536000, immutable'
            : 'private, no-cache',
          etag: `"${version}/${file}"`,
        },
      });
    },
  ),
  route(
    {
      method: 'post',
      path: '/v1/models/:model/activate',
      group: 'Models',
      id: 'activateVersion',
      summary: 'Make another version the current one',
      description: 'With `expected`, only if that version is current now (compare-and-swap).',
      write: true,
      body: { [json]: ActivateRequestSchema },
      example: { version: '20261124T120000Z-0a1b2c3d' },
      answers: {
        200: { description: 'The version is current', content: { [json]: 'ActivateResponseSchema' } },
      },
      errors: [
        ...namedErrors,
        'invalid_request',
        'conflict',
        'too_large',
        'model_invalid',
        'model_unsupported',
        'store_unsafe',
      ],
    },
    async (context, { store, limits }) => {
      const body = await readJson(context, limits);
      const faults = new ValidationErrors();
      const parameters = parse(ActivateRequestSchema, body, faults);
      const { name } = parseModelReference(context.req.param('model'));
      if (!parameters) return faults.raise();
      await activate(store, name, parameters.version, parameters.expected);
      return context.json({
        ...modelObject(name, parameters.version),
        version: parameters.version,
        current: true,
      });
    },
  ),
  route(
    {
      method: 'delete',
      path: '/v1/models/:model',
      group: 'Models',
      id: 'deleteVersion',
      summary: 'Remove a version, named as `name@version`, that is not current',
      write: true,
      answers: { 200: { description: 'The version is gone', content: { [json]: 'DeletedModelSchema' } } },
      errors: [...namedErrors, 'invalid_request', 'conflict'],
    },
    async (context, { store }) => {
      const { name, version } = parseModelReference(context.req.param('model'));
      if (version === undefined) {
        throw new FolioError('invalid_request', `Say which version to remove: ${name}@VERSION.`, {
          where: 'model',
          expected: 'name@version',
          received: name,
        });
      }
      await removeVersion(store, name, version);
      return context.json({ id: `${name}@${version}`, object: 'model', deleted: true });
    },
  ),
];

export const modelObject = (id: string, version: string) => ({
  id,
  object: 'model' as const,
  created: createdOf(version),
  owned_by: 'folio',
});

/** Seconds since 1970, by the time that a version's name begins with; 0 for a name of another kind. */
const createdOf = (version: string): number => (timeOfName(version)?.getTime() ?? 0) / 1000;

/** The version that a reference means: the pinned one, or the current. */
const resolve = async (store: Store, text: string): Promise<Required<ModelReference>> => {
  const { name, version } = parseModelReference(text);
  const meant = version ?? (await currentVersion(store, name));
  if (meant === undefined) throw notThere(name);
  return { name, version: meant };
};

/** What the gate rejected is served to nobody; why it did may be read. */
const reportOfCandidate = async (
  store: Store,
  name: string,
  version: string,
  file: string,
): Promise<Uint8Array | undefined> =>
  file === 'report.html' || file === 'report.json'
    ? (await store.read(candidatePrefix(name, version) + file))?.bytes
    : undefined;

const readJsonFile = async (
  store: Store,
  name: string,
  version: string,
  file: string,
): Promise<Record<string, unknown> | undefined> => {
  const bytes = await versionFiles(store, name, version).read(file);
  try {
    return bytes && (JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>);
  } catch (cause) {
    throw new FolioError('model_invalid', `${file} of ${name}@${version} is not JSON.`, {
      where: file,
      cause,
    });
  }
};

/**
 * A corpus that is deleted leaves a mark beside the models of its name (`cdk/retraining-definition.ts` writes it); a
 * version from before was made from it.
 */
const corpusDeletion = async (
  store: Store,
  name: string,
  version: string,
): Promise<{ corpus_deleted_at?: string }> => {
  const object = await store.read(corpusDeletedKey(name));
  if (object === undefined) return {};
  const { deletedAt } = JSON.parse(new TextDecoder().decode(object.bytes)) as { deletedAt: string };
  return Date.parse(deletedAt) / 1000 > createdOf(version) ? { corpus_deleted_at: deletedAt } : {};
};

/** What an artefact says of itself, the alphabet in order of the ids that `logit_bias` takes. */
const describe = (artefact: Record<string, unknown>): Record<string, unknown> => {
  const folio = metadataOf(artefact);
  if (folio === undefined) return {};
  const { alphabet, preset, corpus, training, tools } = folio;
  return { alphabet, preset, corpus, training, tools };
};

const metadataOf = (artefact: Record<string, unknown>): Record<string, unknown> | undefined =>
  (artefact.userDefinedMetadata as { folio?: Record<string, unknown> } | undefined)?.folio;

const contentType = (file: string): string => {
  if (file.endsWith('.json')) return 'application/json; charset=utf-8';
  return file.endsWith('.html') ? 'text/html; charset=utf-8' : 'application/octet-stream';
};

const notThere = (name: string, version?: string): FolioError =>
  new FolioError(
    'model_not_found',
    `There is no model ${name}${version === undefined ? '' : `@${version}`}.`,
    {
      where: 'model',
    },
  );
