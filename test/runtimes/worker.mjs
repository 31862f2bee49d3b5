/** A Cloudflare Worker that opens the model for each request, with the kernel that the host compiled. */
import { openModel } from 'folio';
import kernel from 'kernel.wasm';
import json from 'model.json';
import weights from 'weights-1-of-1.bin';
import { program } from './program.mjs';

const files = { 'model.json': json, 'weights-1-of-1.bin': weights };
const read = async (file) => files[file] && new Uint8Array(files[file]);

export default {
  async fetch(request) {
    const options = new URL(request.url).pathname === '/without-kernel' ? {} : { kernel };
    try {
      return Response.json(await program(await openModel(read, options)));
    } catch (error) {
      return Response.json({ code: error.code, message: error.message, stack: error.stack }, { status: 500 });
    }
  },
};
