import { FolioError } from '../../errors.ts';
import { looksLikeAlphabet } from './alphabet-file.ts';
import { isObject } from './invalid.ts';

/** What ml5's charRNN calls a manifest: `{"variable": {"filename": "…", "shape": […]}}`. */
export const isMl5Manifest = (value: unknown): boolean => {
  if (!isObject(value)) return false;
  const entries = Object.entries(value);
  return (
    entries.length > 0 &&
    entries.every(([, entry]) => isObject(entry) && typeof entry.filename === 'string') &&
    entries.some(([name]) => /basic_lstm_cell/i.test(name))
  );
};

/**
 * What a text is that somebody took for a model, in the words of those who know it.
 *
 * @param file How the file is called, for the message.
 * @returns undefined for a text that may be a damaged model
 */
export const notAModel = (file: string, text: string): FolioError | undefined => {
  const fault = (received: string, advice: string): FolioError =>
    new FolioError('model_unsupported', `${file} is ${received}, not a model${advice}.`, {
      where: file,
      expected: 'a model',
      received,
    });
  if (text.startsWith('version https://git-lfs.github.com/')) {
    return fault('a Git LFS pointer', ': git lfs pull fetches the file that it stands for');
  }
  if (/^\s*<(!doctype|html)\b/i.test(text)) return fault('a web page', '');
  const json = jsonIn(text);
  if (isObject(json) && ('modelTopology' in json || 'weightsManifest' in json)) return undefined; // a model, if a damaged one
  if (isMl5Manifest(json)) {
    return fault('the manifest of an ml5 charRNN', `: folio import ${file} --name NAME makes one of it`);
  }
  if (looksLikeAlphabet(json)) return fault('an alphabet', `: it belongs to one (--alphabet ${file})`);
  if (isObject(json) && 'class_name' in json && 'config' in json) {
    return fault(
      "a Keras model's configuration",
      ': its weights are in another file, which folio import takes',
    );
  }
  return undefined;
};

const jsonIn = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};
