/** A Cloudflare Worker that opens the model once, while it is loaded: `/` runs the program, `/?length=N` gives a text. */
import { openModel } from 'folio';
import kernel from 'kernel.wasm';
import json from 'model.json';
import weights from 'weights-1-of-1.bin';
import { program } from './program.mjs';

const files = { 'model.json': json, 'weights-1-of-1.bin': weights };
const model = await openModel(async (file) => files[file] && new Uint8Array(files[file]), { kernel });

const textOf = async (length) => {
  let text = '';
  for await (const piece of model.generate({ prompt: 'ROMEO:', length, seed: 1 })) text += piece;
  return text;
};

// HEAD asks only whether the Worker has started.
export default {
  async fetch({ method, url }) {
    if (method === 'HEAD') return new Response();
    const length = new URL(url).searchParams.get('length');
    return length === null ? Response.json(await program(model)) : new Response(await textOf(Number(length)));
  },
};
