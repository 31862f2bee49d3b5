/** A Cloudflare Worker that opens the model once, while it is loaded. */
import { openModel } from 'folio';
import kernel from 'kernel.wasm';
import json from 'model.json';
import weights from 'weights-1-of-1.bin';
import { program } from './program.mjs';

const files = { 'model.json': json, 'weights-1-of-1.bin': weights };
const model = await openModel(async (file) => files[file] && new Uint8Array(files[file]), { kernel });

// HEAD asks only whether the Worker has started: with the older date, a request that joins another's work on a model fails.
export default {
  fetch: async ({ method }) => (method === 'HEAD' ? new Response() : Response.json(await program(model))),
};
