import { ApiError, FolioClient, type GenerateRequest } from '../client/client.ts';
import { type ErrorCode, errorCodes, FolioError } from '../errors.ts';
import { readSettings } from '../settings.ts';
import { folioLine } from './command-line.ts';
import { fromSignals, onInterrupt } from './on-interrupt.ts';
import { count, print, printStatus, several } from './print.ts';

export interface RemoteFlags {
  readonly model?: string;
  readonly echo?: true;
  readonly json?: true;
  readonly quiet?: true;
}

/**
 * Has a deployment write a text: `folio generate --store https://ENDPOINT`.
 *
 * @param parameters Of `POST /generate`.
 * @param unsupported Options that were given and that only a model on this machine can heed.
 * @throws FolioError with the code of the API's answer
 */
export async function generateRemotely(
  endpoint: string,
  flags: RemoteFlags,
  parameters: GenerateRequest,
  unsupported: readonly string[],
): Promise<void> {
  const [option] = unsupported;
  if (option !== undefined) {
    const model = flags.model ?? 'MODEL';
    throw new FolioError(
      'invalid_parameter',
      `${option} does not go with a deployment: ${folioLine('pull', model, '--from', endpoint)} brings the model here.`,
      { where: option, expected: 'a store on this machine or in S3', received: endpoint },
    );
  }
  const interrupt = new AbortController();
  const letGo = onInterrupt(() => interrupt.abort(), fromSignals('SIGINT'));
  const { key } = readSettings();
  const client = new FolioClient({ baseUrl: endpoint, ...(key === undefined ? {} : { apiKey: key }) });
  const request = { ...parameters, ...(flags.model === undefined ? {} : { model: flags.model }) };
  try {
    if (flags.json) {
      const answer = await client.generate(request, { signal: interrupt.signal });
      await print(`${JSON.stringify(answer, null, 2)}\n`);
      return;
    }
    const began = performance.now();
    const stream = await client.stream(request, { signal: interrupt.signal });
    let last = flags.echo ? (parameters.prompt ?? '') : '';
    let characters = 0;
    await print(last);
    for await (const text of stream) {
      await print(text);
      last = text;
      characters += [...text].length;
    }
    if (!last.endsWith('\n')) await print('\n');
    if (flags.quiet) return;
    const { model, version, seed } = stream.receipt;
    const speed = (1000 * characters) / (performance.now() - began);
    printStatus(
      `${model}@${version}  seed ${seed}  ${several(characters, 'character')}, ${count(speed)} a second`,
    );
  } catch (error) {
    if (interrupt.signal.aborted) throw new FolioError('interrupted', 'Stopped.');
    throw faultOf(error, endpoint);
  } finally {
    letGo();
  }
}

const faultOf = (error: unknown, endpoint: string): unknown => {
  if (error instanceof ApiError) {
    const code = error.code in errorCodes ? (error.code as ErrorCode) : 'unavailable';
    const hint = error.status === 401 || error.status === 403 ? ' FOLIO_KEY is the key that is sent.' : '';
    return new FolioError(code, `${error.message}${hint}`, { where: error.param ?? 'store', cause: error });
  }
  return error instanceof TypeError // fetch's, where nobody answers
    ? new FolioError('unavailable', `${endpoint} cannot be reached.`, { where: 'store', cause: error })
    : error;
};
