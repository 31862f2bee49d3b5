import { FolioError } from '../errors.ts';
import { generateLines, type LinesOptions } from '../model/lines/generate-lines.ts';
import { type LineIndex, openLineIndex } from '../model/lines/line-index.ts';
import { lineIndexFile } from '../store/keys.ts';
import type { OpenedModel } from './open-model.ts';
import { count, print, printStatus, several } from './print.ts';

/**
 * `folio generate --lines N`: whole lines on stdout as they are written, or one JSON object a line.
 *
 * @param onlyNew Writes none that stands in the corpus, and none twice.
 * @throws FolioError `model_unsupported` where the model has no index of its corpus' lines; as `generateLines`
 */
export const writeLines = async (
  opened: OpenedModel,
  options: Omit<LinesOptions, 'newTo'>,
  { onlyNew, json, quiet }: { readonly onlyNew: boolean; readonly json: boolean; readonly quiet: boolean },
): Promise<void> => {
  const newTo = onlyNew ? await lineIndexOf(opened) : undefined;
  const began = performance.now();
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 32);
  const written = generateLines(opened.model, {
    ...options,
    seed,
    ...(newTo === undefined ? {} : { newTo }),
  });
  let lines = 0;
  for await (const line of written) {
    await print(json ? `${JSON.stringify({ line })}\n` : `${line}\n`);
    lines++;
  }
  if (!quiet && !json)
    printStatus(
      `${opened.name}@${opened.version}  seed ${seed}  ${several(lines, 'line')}${newTo === undefined ? '' : ` not among the ${count(newTo.lines)} of the corpus`}, ${count((1000 * lines) / (performance.now() - began))} a second`,
    );
};

const lineIndexOf = async ({ name, version, readFile }: OpenedModel): Promise<LineIndex> => {
  const bytes = await readFile(lineIndexFile);
  if (bytes !== undefined) return openLineIndex(bytes);
  throw new FolioError(
    'model_unsupported',
    `${name}@${version} has no index of its corpus' lines: it was trained on running text, or by a Folio older than the index. Train it again (\`folio train --kind lines\`), or leave --new out.`,
    { where: '--new', expected: lineIndexFile, received: 'none' },
  );
};
