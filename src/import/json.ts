import { invalid } from '../model/format/invalid.ts';

/** @throws FolioError `model_invalid` */
export const parseJson = (bytes: Uint8Array, where: string): unknown => {
  const text = new TextDecoder().decode(bytes);
  try {
    return JSON.parse(text);
  } catch {
    throw invalid(where, 'JSON', text.slice(0, 40));
  }
};
