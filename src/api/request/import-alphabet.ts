import { FolioError } from '../../errors.ts';
import { type AnyAlphabet, alphabetOfText, parseAlphabet } from '../../model/format/alphabet-file.ts';
import { corpusKey } from '../../store/keys.ts';
import type { GivenAlphabet } from '../../store/open-models.ts';
import type { Store } from '../../store/store.ts';

/**
 * The alphabet of a request's parameters `alphabet` and `alphabet_from`, as `--alphabet` and `--alphabet-from` of the command line.
 *
 * @returns nothing where neither is given
 * @throws FolioError `invalid_parameter`, `model_invalid`, `corpus_not_found`
 */
export const importAlphabet = async (
  store: Store,
  alphabet: string | undefined,
  corpus: string | undefined,
): Promise<GivenAlphabet | undefined> => {
  if (alphabet !== undefined && corpus !== undefined) {
    throw new FolioError('invalid_parameter', 'Give alphabet or alphabet_from, not both.', {
      where: 'alphabet',
    });
  }
  const given = (value: AnyAlphabet, alphabetName: string) => ({ alphabet: value, alphabetName });
  if (alphabet !== undefined) return given(parseAlphabet(Buffer.from(alphabet), 'alphabet'), 'alphabet');
  if (corpus === undefined) return undefined;
  const stored = await store.read(corpusKey(corpus));
  if (stored === undefined) {
    throw new FolioError('corpus_not_found', `There is no corpus ${corpus}.`, { where: 'alphabet_from' });
  }
  return given(alphabetOfText(new TextDecoder().decode(stored.bytes)), `corpus ${corpus}`);
};
