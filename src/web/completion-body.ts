import { SAMPLING_PARAMETERS, snakeCase } from '../model/sampling/parameters.ts';
import { type GenerationSettings, linesOf, sliderParameterNames } from './generation.ts';

/** The API's defaults, which a body may leave out. */
const apiDefaults: Readonly<Record<string, unknown>> = {
  n: 1,
  ...Object.fromEntries(
    sliderParameterNames.map((name) => [snakeCase(name), SAMPLING_PARAMETERS[name].default]),
  ),
  copy_guard: 0,
  stop: '',
  min_tokens: 0,
  pattern: '',
  unknown: 'error',
};

const listed = (name: string, lines: string): Record<string, readonly string[]> => {
  const texts = linesOf(lines);
  return texts.length === 0 ? {} : { [name]: texts };
};

/** What is no JSON is sent as it is: the server says so. */
const schemaOf = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
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
    min_tokens: settings.minLength,
    ...listed('banned', settings.banned),
    pattern: settings.pattern,
    ...listed('choices', settings.choices),
    ...(settings.jsonSchema === '' ? {} : { json_schema: schemaOf(settings.jsonSchema) }),
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
