import type { Limits } from './limits.ts';
import { type Body, type BodyRules, isObject, isUnset, shown } from './openai-values.ts';
import type { ValidationErrors } from './validation-errors.ts';

/**
 * A body as OpenAI's clients and those of compatible servers send it, in the terms of the route's schema: values that
 * mean "unset" are left out, known aliases renamed, parameters without effect dropped, others ignored with a warning.
 * A name that is nearly one of ours is a fault: it was meant to act.
 *
 * @returns The body, and a sentence for each thing that was not done as asked.
 */
export const openAiBody = async (
  sent: Body,
  rules: BodyRules,
  limits: Limits,
  faults: ValidationErrors,
): Promise<{ readonly body: Body; readonly warnings: readonly string[] }> => {
  const { known, lengthName, strict } = rules;
  const warnings: string[] = [];
  const isKnown = Object.keys(sent).every((name) => known.has(name));
  const named = isKnown ? sent : (await otherNames()).inOurNames(sent, rules, faults, warnings);
  const result = Object.fromEntries(Object.entries(named).filter(([name, value]) => !isUnset(name, value)));
  if (typeof result.seed === 'number' && result.seed < 0) result.seed = String(result.seed);
  if (Array.isArray(result.stop)) result.stop = result.stop.filter((one) => one !== '');
  if (!strict) {
    ignoreStreamOptions(result, warnings);
    const length = result[lengthName];
    if (typeof length === 'number' && length > limits.length) {
      result[lengthName] = limits.length;
      warnings.push(`${lengthName}: lowered from ${length} to ${limits.length}, this server's maximum.`);
    }
  }
  return { body: result, warnings };
};

/** Loaded with the first request that has a parameter which the route does not know by its name. */
const otherNames = () => import('./other-names.ts');

const streamOptions = new Set(['include_usage', 'include_obfuscation', 'continuous_usage_stats']);

const ignoreStreamOptions = (body: Record<string, unknown>, warnings: string[]): void => {
  const { stream_options: options } = body;
  if (!isObject(options)) return;
  const entries = Object.entries(options).filter(([, value]) => value !== null);
  body.stream_options = Object.fromEntries(entries.filter(([name]) => streamOptions.has(name)));
  for (const [name] of entries) {
    if (!streamOptions.has(name)) {
      warnings.push(`stream_options.${shown(name)}: ignored, since there is no such option here.`);
    }
  }
};
