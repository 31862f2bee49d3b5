import { loadModel } from '../../src/load-model.ts';

const model = await loadModel(process.argv[2]!);
for await (const text of model.generate({ prompt: '\n', length: 1, temperature: 0 }))
  process.stdout.write(text);
