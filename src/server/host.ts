import { randomBytes } from 'node:crypto';
import { createApp } from '../api/app.ts';
import type { AppDeps } from '../api/deps.ts';
import { describeError, type LogLine } from '../api/log.ts';
import { authoriseByKeys } from '../api/request/auth.ts';
import { ContinuationSigner } from '../api/request/continuation.ts';
import { Admission, limitsFrom, Places } from '../api/request/limits.ts';
import { FolioError } from '../errors.ts';
import { kernelBuild } from '../model/kernel/kernel-module.ts';
import type { Settings } from '../settings.ts';
import { parseModelReference } from '../store/model-name.ts';
import { type GivenAlphabet, openModels } from '../store/open-models.ts';
import { openStore } from '../store/open-store.ts';
import { nodeThreads } from '../threads.ts';
import { LocalTrainingJobs, type TrainCommand } from '../training-jobs/local-training-jobs.ts';
import { createLogger, logRequests } from './log.ts';
import { ServerMetrics } from './metrics.ts';
import { pages } from './pages.ts';
import { type WriteKey, writeKeyOfUser } from './write-key.ts';

/** The API over a store of this machine, with trainings as child processes. */
export interface Host {
  readonly app: ReturnType<typeof createApp>;
  /** Lets no new work in, stops the trainings and waits for what runs. */
  close(): Promise<void>;
  /** Why the default model cannot be opened; undefined once it is open. Never rejects. */
  readonly defaultModelFault: Promise<Error | undefined>;
  /** What gives the right to write, where there are no keys. */
  readonly writeKey: WriteKey | undefined;
  /** Ends generations that still run: streams by an event that says so. */
  stop(): void;
}

/**
 * @param train In place of Folio's own command.
 * @param log In place of lines on stderr.
 * @param defaultAlphabet Of the default model, in place of what it carries.
 */
export const createHost = async (
  settings: Settings,
  train?: TrainCommand,
  log?: (line: LogLine) => void,
  defaultAlphabet?: GivenAlphabet,
): Promise<Host> => {
  const hasKeys = settings.apiKeys.length + settings.writeKeys.length > 0;
  if (settings.origins.includes('*') && !hasKeys) {
    throw new FolioError(
      'invalid_parameter',
      'FOLIO_ORIGINS is *, but there is no API key: any page in a browser of this machine could use the server. Name the origins, or set FOLIO_API_KEYS.',
      { where: 'FOLIO_ORIGINS', expected: 'origins, or API keys', received: '*' },
    );
  }
  const writeKey = hasKeys ? undefined : await writeKeyOfUser();
  const store = await openStore(settings.store);
  const limits = limitsFrom(settings);
  const admission = new Admission(limits);
  const defaultModel = parseModelReference(settings.model);
  const logger = await createLogger(settings.logLevel);
  const threads = nodeThreads(settings.threads);
  const models = openModels(
    store,
    settings,
    threads,
    ({ level, message, ...line }) => logger[level](line, message),
    (name) => (name === defaultModel.name ? defaultAlphabet : undefined),
  );
  const trainings = new LocalTrainingJobs(store, {
    command: train,
    log: (message, error) => logger.error(describeError(error), message),
  });
  void trainings.recover();
  // Loaded before its first request. A store may have to wait for its first training: that is reported, and no more.
  const defaultModelFault = models.acquire(defaultModel).then(
    (lease): Error | undefined => void lease.release(),
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  );
  const kernel = { build: kernelBuild(), threads: threads.count };
  const signer = new ContinuationSigner(settings.signingKey ?? randomBytes(32));
  const metrics = new ServerMetrics({
    kernel,
    precision: settings.precision,
    completions: () => admission.running,
    models: () => models.loaded(),
    trainings: () => trainings.counts,
  });
  const write = log ?? logRequests(logger);
  const deps: AppDeps = {
    store,
    limits,
    authorise: authoriseByKeys(
      { read: settings.apiKeys, write: settings.writeKeys },
      { origins: settings.origins, localWriteKey: writeKey?.key },
    ),
    generator: {
      defaultModel,
      acquire: (reference, precision) => models.acquire(reference, precision),
      maximumModelBytes: settings.modelCacheBytes,
      kernel,
      admission,
      signer: () => Promise.resolve(signer),
    },
    requests: {
      strict: settings.strictRequests,
      unknown: settings.unknownCharacters,
      chatTemplate: settings.chatTemplate?.replaceAll('\\n', '\n'),
    },
    trainings,
    corpora: {
      kind: 'direct',
      maximumBytes: settings.maximumCorpusBytes,
      places: new Places(4, 'uploads of corpora', 5),
    },
    imports: {
      maximumBytes: settings.maximumCorpusBytes,
      places: new Places(2, 'imports of models', 5),
      // The formats' readers are loaded when they are needed.
      publish: async (name, bytes, options) => {
        const { publishImportInWorker } = await import('../import/publish-import-in-worker.ts');
        return publishImportInWorker({ store: settings.store, name, bytes, options });
      },
    },
    origins: settings.origins,
    pages: pages(),
    log: (line) => {
      write(line);
      metrics.observe(line);
    },
    metrics,
  };
  return {
    app: createApp(deps),
    defaultModelFault,
    writeKey,
    stop: () => admission.stop(),
    close: async () => {
      admission.close();
      await trainings.close();
      models.clear();
    },
  };
};
