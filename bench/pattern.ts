import { createModel } from '../src/model/create-model.ts';
import { createAlphabet } from '../src/model/format/alphabet.ts';
import type { GenerateOptions } from '../src/model/model.ts';
import { compilePattern } from '../src/pattern/compile-pattern.ts';
import { benchOptions, interleave, type Measured, median, report, type Subject } from './harness.ts';
import { benchNetwork } from './networks.ts';

/**
 * What a pattern costs: characters a second of one text of 1x512 in int8 under patterns over those without, and the
 * milliseconds in which everyday patterns are ready.
 */
const characters = [..."\n !&',-.3:;?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz$"];
const length = 4000;

const model = createModel({
  network: benchNetwork([512]),
  alphabet: createAlphabet(characters, characters.length),
  info: { name: 'bench', version: '1', metadata: {} },
  digest: () => 'sha256:bench',
  precision: 'int8',
});

/** Each of them goes on for as long as it may. */
const texts: Readonly<Record<string, GenerateOptions>> = {
  plain: {},
  'pattern-of-200-states': { pattern: `(?:${'[a-z][ A-Z]'.repeat(99)}[.!?]\n)+` },
  'pattern-lines': { pattern: '(?:[^\n]{1,60}\n)+' },
  'pattern-any': { pattern: '[^]*' },
};

/** Of the kinds that people ask for, over printable ASCII. */
const everyday: readonly string[] = [
  '\\d{4}-\\d\\d-\\d\\d',
  '\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])',
  '\\d{1,2}/\\d{1,2}/\\d{4}',
  '([01]\\d|2[0-3]):[0-5]\\d(:[0-5]\\d)?',
  '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?(Z|[+-]\\d\\d:\\d\\d)',
  '[\\w.+-]+@[\\w-]+\\.[\\w.-]+',
  '[a-z0-9._%+-]{1,64}@[a-z0-9-]{1,63}(\\.[a-z0-9-]{1,63}){1,3}',
  '#[0-9a-f]{6}',
  '#([0-9a-fA-F]{3}){1,2}',
  '0x[0-9A-F]{1,16}',
  '[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}',
  '[0-9a-f]{40}',
  '[0-9a-f]{64}',
  '[A-Z]{2,3}-\\d{3,5}',
  '[A-Z]{3}\\d{4}[A-Z]',
  '(19|20)\\d{2}',
  '\\+?\\d{1,3}[ -]?\\(?\\d{2,4}\\)?([ -]?\\d{2,4}){2,3}',
  '\\d{5}(-\\d{4})?',
  '[A-Z]\\d[A-Z] \\d[A-Z]\\d',
  '-?\\d+(\\.\\d+)?([eE][+-]?\\d+)?',
  '\\$\\d{1,3}(,\\d{3})*\\.\\d\\d',
  '(25[0-5]|2[0-4]\\d|1?\\d?\\d)(\\.(25[0-5]|2[0-4]\\d|1?\\d?\\d)){3}',
  '([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}',
  '([0-9A-F]{2}:){5}[0-9A-F]{2}',
  'https?://[a-z0-9-]+(\\.[a-z0-9-]+)+(/[\\w.~-]*)*(\\?[\\w=&-]*)?',
  '[a-z0-9]+(-[a-z0-9]+)*',
  '[A-Z][a-z]+',
  '[A-Z][a-z]{1,14} [A-Z][a-z]{1,19}',
  '[A-Z][a-z]+( [A-Z]\\.)?( [A-Z][a-z]+){1,2}',
  '(Mr|Mrs|Ms|Dr)\\. [A-Z][a-z]+',
  '[A-Z][a-z]+ of [A-Z][a-z]+',
  'yes|no',
  '(positive|negative|neutral)',
  '(Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)',
  '(January|February|March|April|May|June|July|August|September|October|November|December) \\d{1,2}, \\d{4}',
  '[A-Z][^.!?]{10,120}[.!?]',
  '([A-Z][^.!?]{10,120}[.!?] ){3}',
  '(?:[^\\n]{20,50}\\n){4}',
  '(?:[^\\n]{1,80}\\n){14}',
  '[^\\n]{0,200}',
  '[^]{100,1000}',
  '(\\w+ ){9}\\w+',
  '\\{"name": "[A-Za-z ]{1,40}", "age": \\d{1,3}\\}',
  '\\{"id": \\d+, "tags": \\["[a-z]+"(, "[a-z]+"){0,4}\\], "ok": (true|false)\\}',
  '\\{"title": "([^"\\\\]|\\\\["\\\\/bfnrt]){0,100}", "year": (19|20)\\d\\d, "price": \\d+\\.\\d\\d\\}',
  '"([^"\\\\\\x00-\\x1f]|\\\\(["\\\\/bfnrt]|u[0-9a-fA-F]{4}))*"',
  '([^,\\n"]*,){4}[^,\\n"]*',
  '<([a-z]+)>[^<>]{0,80}</[a-z]+>',
  '(?i:select) [a-z_, ]+ (?i:from) [a-z_]+( (?i:where) [a-z_]+ = \\d+)?;',
  '[a-h][1-8](-|x)[a-h][1-8][+#]?',
];

/** @returns characters a second */
const rate = async (options: GenerateOptions, seed: number): Promise<number> => {
  const { choices, milliseconds } = await model.complete({ length, seed, ...options }).result();
  return (1000 * choices[0]!.generated) / milliseconds;
};

const { json, rounds, wanted } = benchOptions(15);
let seed = 0;
const subjects = Object.entries(texts)
  .filter(([subject]) => wanted('one-text', subject))
  .map(
    ([subject, options]): Subject => ({
      case: 'one-text',
      subject,
      unit: 'characters/s',
      // Until `minLength` a text goes on where its pattern would let it end.
      measure: async () => rate({ ...options, minLength: length }, seed++),
    }),
  );
for (const { measure } of subjects) await measure(); // warm
const cases: Measured[] = [...(await interleave(subjects, rounds))];

const ascii = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).concat('\n');
if (wanted('ready', 'everyday')) {
  const times = everyday.map((source) => {
    const runs = Array.from({ length: rounds }, () => {
      const begin = performance.now();
      const { automaton, fault } = compilePattern(source, '', ascii);
      if (fault !== undefined) throw new Error(`${source}: ${fault.message}`);
      automaton.start.maskFor(length);
      return performance.now() - begin;
    });
    return median(runs);
  });
  const slowest = times.indexOf(Math.max(...times));
  cases.push(
    {
      case: 'ready',
      subject: `${times.length} everyday, median`,
      unit: 'ms',
      median: median(times),
      runs: times,
    },
    {
      case: 'ready',
      subject: 'the slowest of them',
      unit: 'ms',
      median: times[slowest]!,
      runs: [times[slowest]!],
    },
  );
}

report(cases, {
  json,
  ratios: Object.keys(texts)
    .slice(1)
    .map((subject) => ({ what: `${subject} over plain`, case: 'one-text', a: subject, b: 'plain' })),
});
