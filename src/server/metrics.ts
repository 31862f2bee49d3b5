import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Metrics } from '../api/deps.ts';
import type { GenerationSummary } from '../api/generation-summary.ts';
import type { LogLine } from '../api/log.ts';
import type { KernelInfo, Precision } from '../model/stepper.ts';
import type { LoadedModel } from '../store/model-cache.ts';
import { folioVersion } from '../version.ts';

/** What a server knows at the moment when it is asked. */
export interface ServerState {
  readonly kernel: Pick<KernelInfo, 'build' | 'threads'>;
  readonly precision: Precision;
  /** Completions under way. */
  completions(): number;
  models(): readonly LoadedModel[];
  trainings(): { readonly running: number; readonly queued: number };
}

const seconds = {
  toFirstCharacter: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10],
  perCharacter: [0.000_01, 0.000_02, 0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.1],
  request: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
};

/**
 * Counts what the log lines say, and adds what a server knows of itself: models, trainings, process and event loop. No
 * label has more values than the server has routes, models or ways to end.
 */
export class ServerMetrics implements Metrics {
  readonly #registry = new Registry();
  readonly contentType = this.#registry.contentType;
  readonly #requests = this.#counter('requests_total', 'Requests answered', ['method', 'route', 'status']);
  readonly #requestSeconds = this.#histogram(
    'request_duration_seconds',
    'From a request until its answer is ready; of a text, until it has been taken',
    ['route'],
    seconds.request,
  );
  readonly #generations = this.#counter('generations_total', 'Texts, by how they ended', ['model', 'ended']);
  readonly #characters = this.#counter('generated_characters_total', 'Characters generated', ['model']);
  readonly #promptCharacters = this.#counter('prompt_characters_total', 'Characters of prompts', ['model']);
  readonly #cachedCharacters = this.#counter(
    'prompt_cached_characters_total',
    'Of these, characters whose state the prefix cache held',
    ['model'],
  );
  readonly #prefixHits = this.#counter(
    'prefix_cache_hits_total',
    'Texts whose prompt began with what the prefix cache held',
    ['model'],
  );
  readonly #firstCharacterSeconds = this.#histogram(
    'time_to_first_character_seconds',
    'From a request to its first character',
    ['model'],
    seconds.toFirstCharacter,
  );
  readonly #characterSeconds = this.#histogram(
    'time_per_character_seconds',
    'Of a text, the mean time of a character after the first, waits for its reader included',
    ['model'],
    seconds.perCharacter,
  );

  constructor(state: ServerState) {
    collectDefaultMetrics({ register: this.#registry });
    this.#gauge('build_info', 'What serves: 1', ['version', 'kernel', 'threads', 'precision'], (gauge) => {
      const { build, threads } = state.kernel;
      gauge.set({ version: folioVersion, kernel: build, threads, precision: state.precision }, 1);
    });
    this.#gauge('completions_running', 'Completions under way', [], (gauge) =>
      gauge.set(state.completions()),
    );
    this.#gauge(
      'model_loaded_bytes',
      'Memory of each model that is loaded',
      ['model', 'version', 'precision'],
      (gauge) => {
        gauge.reset();
        for (const { name, version, precision, bytes } of state.models()) {
          gauge.set({ model: name, version, precision }, bytes);
        }
      },
    );
    this.#gauge('models_loaded', 'Models in memory', [], (gauge) => gauge.set(state.models().length));
    this.#gauge('trainings', 'Trainings of this server that are not over', ['state'], (gauge) => {
      for (const [name, count] of Object.entries(state.trainings())) gauge.set({ state: name }, count);
    });
  }

  /** Counts a request that has been answered. */
  observe({ method, route, status, milliseconds, generation }: LogLine): void {
    this.#requests.inc({ method, route, status });
    this.#requestSeconds.observe({ route }, milliseconds / 1000);
    if (generation !== undefined) this.#observeText(generation);
  }

  render(): Promise<string> {
    return this.#registry.metrics();
  }

  #observeText(text: GenerationSummary): void {
    const { model, characters, promptCharacters = 0, cachedCharacters = 0, ended } = text;
    this.#generations.inc({ model, ended });
    this.#characters.inc({ model }, characters);
    this.#promptCharacters.inc({ model }, promptCharacters);
    this.#cachedCharacters.inc({ model }, cachedCharacters);
    this.#prefixHits.inc({ model }, cachedCharacters > 0 ? 1 : 0);
    const { firstCharacterMilliseconds, decodeMilliseconds } = text;
    if (firstCharacterMilliseconds !== undefined) {
      this.#firstCharacterSeconds.observe({ model }, firstCharacterMilliseconds / 1000);
    }
    if (decodeMilliseconds !== undefined && characters > 1) {
      this.#characterSeconds.observe({ model }, decodeMilliseconds / 1000 / (characters - 1));
    }
  }

  #counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
    return new Counter({ name: `folio_${name}`, help, labelNames, registers: [this.#registry] });
  }

  #histogram<Label extends string>(
    name: string,
    help: string,
    labelNames: Label[],
    buckets: number[],
  ): Histogram<Label> {
    return new Histogram({ name: `folio_${name}`, help, labelNames, buckets, registers: [this.#registry] });
  }

  /** @param collect Called when the metrics are asked for. */
  #gauge<Label extends string>(
    name: string,
    help: string,
    labelNames: Label[],
    collect: (gauge: Gauge<Label>) => void,
  ): void {
    new Gauge({
      name: `folio_${name}`,
      help,
      labelNames,
      registers: [this.#registry],
      collect() {
        collect(this);
      },
    });
  }
}
