import { loadModel } from '../model/load.ts';
import type { CharacterDetail, CompletionEvent, GenerateOptions, Model } from '../model/model.ts';
import type { Order, Report } from './engine-messages.ts';
import type { GenerationEvent, Letter, Request } from './generation.ts';

/** The worker in which models run: the same engine as the server's, bundled for the browser. */
const models = new Map<string, Promise<Model>>();
const running = new Map<number, AbortController>();

const report = (message: Report): void => postMessage(message);

const letterOf = ({ character, logprob, top }: CharacterDetail): Letter => ({
  character,
  logprob,
  top: top.some((other) => other.character === character)
    ? top
    : [...top, { character, logprob }].toSorted((a, b) => b.logprob - a.logprob),
});

/** The request as the model takes it; what is off is left to the model's own default, as the server leaves it. */
const optionsOf = (request: Request): GenerateOptions => ({
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

const load = async ({ model, url, headers }: Extract<Order, { kind: 'load' }>): Promise<number> => {
  for (const [name, old] of models) {
    if (name === model) continue;
    models.delete(name);
    (await old).dispose();
  }
  const loading =
    models.get(model) ??
    loadModel(new URL(url), { precision: 'int8', fetch: (from) => fetch(from, { headers }) });
  models.set(model, loading);
  loading.catch(() => models.delete(model));
  return (await loading).info.byteLength;
};

const generate = async ({
  id,
  model,
  request,
  from,
}: Extract<Order, { kind: 'generate' }>): Promise<void> => {
  const stop = new AbortController();
  running.set(id, stop);
  try {
    const loaded = await models.get(model);
    if (!loaded) throw new Error('The model is not loaded.');
    const completions = loaded.complete({
      ...optionsOf(request),
      ...(from === undefined ? {} : { from }),
      signal: stop.signal,
    });
    for await (const event of completions) {
      for (const letters of lettersOf(event)) report({ id, kind: 'event', event: letters });
    }
    const result = await completions.result();
    for (const [index, { finishReason, state }] of result.choices.entries()) {
      report({ id, kind: 'event', event: { kind: 'end', index, reason: finishReason, state } });
    }
    const { milliseconds, replaced } = result;
    report({ id, kind: 'event', event: { kind: 'receipt', milliseconds, replaced } });
  } finally {
    running.delete(id);
  }
};

addEventListener('message', ({ data }: MessageEvent<Order>) => {
  const fail = (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    report({ id: data.id, kind: 'failed', message });
  };
  if (data.kind === 'stop') running.get(data.id)?.abort();
  else if (data.kind === 'load') {
    load(data).then((bytes) => report({ id: data.id, kind: 'done', bytes }), fail);
  } else generate(data).then(() => report({ id: data.id, kind: 'done' }), fail);
});
