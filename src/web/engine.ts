import { type CopyIndex, openCopyIndex } from '../model/copy-index.ts';
import { fetchModel } from '../model/fetch-model.ts';
import type { CharacterDetail, CompletionEvent, GenerateOptions, Model } from '../model/model.ts';
import type { WorkerRequest, WorkerResponse } from './engine-messages.ts';
import type { GeneratedCharacter, GenerationEvent, GenerationSettings } from './generation.ts';

/** The worker in which models run: the same engine as the server's, bundled for the browser. */
interface Loaded {
  readonly model: Promise<Model>;
  /** Fetched for a text that is guarded by it; the browser keeps the file. */
  copyIndex(): Promise<CopyIndex>;
}

const loaded = new Map<string, Loaded>();
const running = new Map<number, AbortController>();

const report = (message: WorkerResponse): void => postMessage(message);

const letterOf = ({ character, logprob, top }: CharacterDetail): GeneratedCharacter => ({
  character,
  logprob,
  top: top.some((other) => other.character === character)
    ? top
    : [...top, { character, logprob }].toSorted((a, b) => b.logprob - a.logprob),
});

/** The request as the model takes it; what is off is left to the model's own default, as the server leaves it. */
const optionsOf = (request: GenerationSettings): GenerateOptions => ({
  prompt: request.prompt,
  length: request.length,
  seed: request.seed,
  n: request.n,
  temperature: request.temperature,
  topP: request.topP,
  unknown: request.unknown,
  logprobs: 5,
  ...(request.topK > 0 ? { topK: request.topK } : {}),
  ...(request.minP > 0 ? { minP: request.minP } : {}),
  ...(request.typicalP < 1 ? { typicalP: request.typicalP } : {}),
  ...(request.repetitionPenalty !== 1 ? { repetitionPenalty: request.repetitionPenalty } : {}),
  ...(request.frequencyPenalty !== 0 ? { frequencyPenalty: request.frequencyPenalty } : {}),
  ...(request.stop === '' ? {} : { stop: [request.stop] }),
});

const lettersOf = ({ index, characters = [] }: CompletionEvent): GenerationEvent[] =>
  characters.length === 0 ? [] : [{ kind: 'letters', index, letters: characters.map(letterOf) }];

const open = ({ model, url, headers }: Extract<WorkerRequest, { kind: 'load' }>): Loaded => {
  const [name = '', version = ''] = model.split('@');
  const get = (address: URL): Promise<Response> => fetch(address, { headers });
  const readIndex = async (): Promise<CopyIndex> => {
    const response = await get(new URL('copy-index.bin', url));
    if (!response.ok) throw new Error('This model was published without an index of its corpus.');
    return openCopyIndex(new Uint8Array(await response.arrayBuffer()));
  };
  return { model: fetchModel(url, { name, version, precision: 'int8', fetch: get }), copyIndex: readIndex };
};

/** One model at a time: another one takes its place. */
const load = async (order: Extract<WorkerRequest, { kind: 'load' }>): Promise<number> => {
  const { model } = order;
  for (const [name, old] of loaded) {
    if (name === model) continue;
    loaded.delete(name);
    (await old.model).dispose();
  }
  const entry = loaded.get(model) ?? open(order);
  loaded.set(model, entry);
  entry.model.catch(() => loaded.delete(model));
  return (await entry.model).info.byteLength;
};

const guardOf = async (entry: Loaded, length: number): Promise<GenerateOptions> => {
  if (length === 0) return {};
  const index = await entry.copyIndex();
  return { copyGuard: { index, length }, overlap: index };
};

const generate = async ({
  id,
  model,
  request,
  from,
}: Extract<WorkerRequest, { kind: 'generate' }>): Promise<void> => {
  const stop = new AbortController();
  running.set(id, stop);
  try {
    const entry = loaded.get(model);
    if (!entry) throw new Error('The model is not loaded.');
    const completions = (await entry.model).complete({
      ...optionsOf(request),
      ...(await guardOf(entry, request.copyGuard)),
      ...(from === undefined ? {} : { from }),
      signal: stop.signal,
    });
    for await (const event of completions) {
      for (const letters of lettersOf(event)) report({ id, kind: 'event', event: letters });
    }
    const result = await completions.result();
    for (const [index, { finishReason, state, overlap }] of result.choices.entries()) {
      const told = overlap === undefined ? {} : { overlap };
      report({ id, kind: 'event', event: { kind: 'end', index, reason: finishReason, state, ...told } });
    }
    const { milliseconds, replaced } = result;
    report({ id, kind: 'event', event: { kind: 'receipt', milliseconds, replaced } });
  } finally {
    running.delete(id);
  }
};

addEventListener('message', ({ data }: MessageEvent<WorkerRequest>) => {
  const fail = (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    report({ id: data.id, kind: 'failed', message });
  };
  if (data.kind === 'stop') running.get(data.id)?.abort();
  else if (data.kind === 'load') {
    load(data).then((bytes) => report({ id: data.id, kind: 'done', bytes }), fail);
  } else generate(data).then(() => report({ id: data.id, kind: 'done' }), fail);
});
