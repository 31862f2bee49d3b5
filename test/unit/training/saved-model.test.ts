import { expect, it } from 'vitest';
import { readSavedModel } from '../../../training/publish/saved-model.ts';
import { tinyModel } from '../../tiny-model.ts';

it('reads a published model with its lineage’s facts: digest, name, version', async () => {
  const model = tinyModel({ name: 'novel' });
  const saved = await readSavedModel((file) => Promise.resolve(model.files.get(file)!));
  expect(saved).toMatchObject({ name: 'novel', version: model.version, alphabet: model.alphabet });
  expect(saved.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
});

it('refuses to start from a model that does not say its alphabet, and says what to do', async () => {
  const { files } = tinyModel();
  const { userDefinedMetadata: _, ...rest } = JSON.parse(new TextDecoder().decode(files.get('model.json')));
  const bare = new TextEncoder().encode(JSON.stringify(rest));
  const read = (file: string) => Promise.resolve(file === 'model.json' ? bare : files.get(file)!);
  await expect(readSavedModel(read)).rejects.toMatchObject({
    code: 'model_invalid',
    message: expect.stringContaining('folio import'),
  });
});
