import type { RunningServer } from '../server/server.ts';
import type { WriteKey } from '../server/write-key.ts';
import type { Settings } from '../settings.ts';
import { parseModelReference } from '../store/model-name.ts';
import { currentVersion } from '../store/models.ts';
import { openStore } from '../store/open-store.ts';
import { suggestedPromptOf } from '../store/suggested-prompt.ts';
import { folioLine } from './command-line.ts';
import { columns } from './print.ts';
import { contentsOf, placeOf } from './store-contents.ts';

/**
 * What `folio serve` prints once it listens: where it is, what it serves, and a command that works as it stands. Where
 * the default model cannot be opened, that comes first, with the place that was looked in and what is there.
 *
 * The page's address carries the key to write, where the server has no keys of its own.
 *
 * @param fault Why the default model cannot be opened.
 */
export const startBanner = async (
  settings: Settings,
  { url, writeKey }: Pick<RunningServer, 'url' | 'writeKey'>,
  fault?: Error,
): Promise<string> => {
  const store = await openStore(settings.store);
  const place = placeOf(store);
  const { name, version = await currentVersion(store, name).catch(() => undefined) } = parseModelReference(
    settings.model,
  );
  const rows = columns([
    ['  playground', `${url}/${writeKey === undefined ? '' : `#key=${writeKey.key}`}`],
    ['  API', `${url}/docs`],
    ['  model', version === undefined ? `${name}: none yet` : `${name}@${version}`],
    ['  store', place],
  ]);
  const head = `Folio is at ${url}\n\n${rows}${writeKey === undefined ? '' : aboutKey(writeKey)}\n`;
  if (version === undefined) {
    return (
      `There is no model ${name} in ${place}.\n${await contentsOf(store, name)}\n\n` +
      'Choose another with --model or --store; train one on the page below, or with\n\n' +
      `  ${folioLine('train', '--corpus', 'FILE.txt', '--name', name, '--store', place)}\n\n${head}`
    );
  }
  if (fault !== undefined) return `The model ${settings.model} cannot be opened: ${fault.message}\n\n${head}`;
  const prompt = await suggestedPromptOf(store, name, version);
  const hasKeys = settings.apiKeys.length + settings.writeKeys.length > 0;
  const hint = hasKeys ? 'Try it, with FOLIO_KEY set to one of its keys:' : 'Try it:';
  return `${head}${hint}\n\n  ${curlLine(url, prompt, hasKeys)}\n\n`;
};

const aboutKey = ({ file }: WriteKey): string =>
  'With the key in that address one may train, publish and remove; else only read.\n' +
  (file === undefined ? '' : `It is kept in ${file}.\n`);

const curlLine = (url: string, prompt: string, hasKeys: boolean): string => {
  const query = new URLSearchParams({ ...(prompt === '' ? {} : { prompt }), length: '300' });
  return [
    "curl -N -H 'Accept: text/plain'",
    ...(hasKeys ? ['-H "Authorization: Bearer $FOLIO_KEY"'] : []),
    `'${url}/generate?${query.toString().replaceAll('%3A', ':')}'`, // quotes are escaped in a query
  ].join(' \\\n    ');
};
