import { SAMPLING_PARAMETERS, snakeCase } from '../model/sampling/parameters.ts';
import { type GenerationSettings, sliderParameterNames } from './generation.ts';

/** The API's defaults, which a body may leave out. */
const apiDefaults: Readonly<Record<string, unknown>> = {
  n: 1,
  ...Object.fromEntries(
    sliderParameterNames.map((name) => [snakeCase(name), SAMPLING_PARAMETERS[name].default]),
  ),
  copy_guard: 0,
  stop: '',
  pattern: '',
  unknown: 'error',
};

/** The body of `POST /v1/completions`, without the values that are the API's defaults. */
export const completionBody = (model: string, settings: GenerationSettings): Record<string, unknown> => {
  const body = {
    model,
    prompt: settings.prompt,
    max_tokens: settings.length,
    seed: settings.seed,
    n: settings.n,
    ...Object.fromEntries(sliderParameterNames.map((name) => [snakeCase(name), settings[name]])),
    copy_guard: settings.copyGuard,
    stop: settings.stop,
    pattern: settings.pattern,
    unknown: settings.unknown,
  };
  return Object.fromEntries(Object.entries(body).filter(([name, value]) => apiDefaults[name] !== value));
};

/** The parameters that OpenAI's clients have; Python's takes the others in `extra_body`. */
export const standardParameters: ReadonlySet<string> = new Set([
  'model',
  'prompt',
  'max_tokens',
  'seed',
  'n',
  'temperature',
  'top_p',
  'frequency_penalty',
  'stop',
]);
