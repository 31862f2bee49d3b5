import { type CopyIndex, openCopyIndex } from '../model/copy-index.ts';
import { fetchModel } from '../model/fetch-model.ts';
import type { CharacterDetail, CompletionEvent, GenerateOptions, Model } from '../model/model.ts';
import type { WorkerRequest, WorkerResponse } from './engine-messages.ts';
import {
  forSliderParameters,
  type GeneratedCharacter,
  type GenerationEvent,
  type GenerationSettings,
  linesOf,
} from './generation.ts';

/** The worker in which models run: the same engine as the server's, bundled for the browser. */
interface LoadedModel {
  readonly model: Promise<Model>;
  /** For the copy guard. @throws Error where it cannot be fetched */
  copyIndex(): Promise<CopyIndex>;
}

const loaded = new Map<string, LoadedModel>();
const running = new Map<number, AbortController>();

const respond = (response: WorkerResponse): void => postMessage(response);

const generatedCharacter = ({ character, logprob, top }: CharacterDetail): GeneratedCharacter => ({
  character,
  logprob,
  top: top.some((other) => other.character === character)
    ? top
    : [...top, { character, logprob }].toSorted((a, b) => b.logprob - a.logprob),
});

/** The settings as the model takes them. */
const optionsOf = (settings: GenerationSettings): GenerateOptions => ({
  prompt: settings.prompt,
  length: settings.length,
  seed: settings.seed,
  n: settings.n,
  ...forSliderParameters((name) => settings[name]),
  unknown: settings.unknown,
  logprobs: 5,
  ...(settings.stop === '' ? {} : { stop: [settings.stop] }),
  minLength: settings.minLength,
  ...(settings.banned === '' ? {} : { banned: linesOf(settings.banned) }),
  ...(settings.pattern === '' ? {} : { pattern: settings.pattern }),
  ...(settings.choices === '' ? {} : { choices: linesOf(settings.choices) }),
  ...(settings.jsonSchema === ''
    ? {}
    : { jsonSchema: JSON.parse(settings.jsonSchema) as Readonly<Record<string, unknown>> }),
});

const eventsOf = ({ index, characters = [] }: CompletionEvent): GenerationEvent[] =>
  characters.length === 0
    ? []
    : [{ kind: 'characters', index, characters: characters.map(generatedCharacter) }];

const open = ({ model, url, headers }: Extract<WorkerRequest, { kind: 'load' }>): LoadedModel => {
  const [name = '', version = ''] = model.split('@');
  const get = (address: URL): Promise<Response> => fetch(address, { headers });
  const readIndex = async (): Promise<CopyIndex> => {
    const response = await get(new URL('copy-index.bin', url));
    if (!response.ok) throw new Error('This model was published without an index of its corpus.');
    return openCopyIndex(new Uint8Array(await response.arrayBuffer()));
  };
  let index: Promise<CopyIndex> | undefined;
  return {
    model: fetchModel(url, { name, version, precision: 'int8', fetch: get }),
    copyIndex() {
      index ??= readIndex().catch((error: unknown) => {
        index = undefined; // so that the next text tries again
        throw error;
      });
      return index;
    },
  };
};

/** Keeps one model at a time: another one takes its place. @returns the bytes that the model takes up */
const load = async (request: Extract<WorkerRequest, { kind: 'load' }>): Promise<number> => {
  const { model, indexed } = request;
  for (const [name, old] of loaded) {
    if (name === model) continue;
    loaded.delete(name);
    (await old.model).dispose();
  }
  const entry = loaded.get(model) ?? open(request);
  loaded.set(model, entry);
  entry.model.catch(() => loaded.delete(model));
  // Whoever needs the index meets its failure; here it is fetched while the server can be reached.
  if (indexed) await Promise.allSettled([entry.model, entry.copyIndex()]);
  return (await entry.model).info.byteLength;
};

const copyGuardOptions = async (entry: LoadedModel, length: number): Promise<GenerateOptions> => {
  if (length === 0) return {};
  const index = await entry.copyIndex();
  return { copyGuard: { index, length }, overlap: index };
};

const generate = async ({
  id,
  model,
  settings,
  from,
}: Extract<WorkerRequest, { kind: 'generate' }>): Promise<void> => {
  const stop = new AbortController();
  running.set(id, stop);
  try {
    const entry = loaded.get(model);
    if (!entry) throw new Error('The model is not loaded.');
    const completions = (await entry.model).complete({
      ...optionsOf(settings),
      ...(await copyGuardOptions(entry, settings.copyGuard)),
      ...(from === undefined ? {} : { from }),
      signal: stop.signal,
    });
    for await (const completion of completions) {
      for (const event of eventsOf(completion)) respond({ id, kind: 'event', event });
    }
    const result = await completions.result();
    for (const [
      index,
      { finishReason, stopReason, state, overlap, choiceScores },
    ] of result.choices.entries()) {
      const more = {
        ...(overlap === undefined ? {} : { overlap }),
        ...(choiceScores === undefined ? {} : { choiceScores }),
        ...(stopReason === undefined
          ? {}
          : { stopReason: stopReason.by === 'stop' ? stopReason.text : stopReason.by }),
      };
      respond({ id, kind: 'event', event: { kind: 'end', index, reason: finishReason, state, ...more } });
    }
    const { milliseconds, replaced } = result;
    respond({ id, kind: 'event', event: { kind: 'receipt', milliseconds, replaced } });
  } finally {
    running.delete(id);
  }
};

addEventListener('message', ({ data }: MessageEvent<WorkerRequest>) => {
  const fail = (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    respond({ id: data.id, kind: 'failed', message });
  };
  if (data.kind === 'stop') running.get(data.id)?.abort();
  else if (data.kind === 'load') {
    load(data).then((byteLength) => respond({ id: data.id, kind: 'done', byteLength }), fail);
  } else generate(data).then(() => respond({ id: data.id, kind: 'done' }), fail);
});
