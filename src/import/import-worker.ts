import { parentPort, workerData } from 'node:worker_threads';
import { isFolioError } from '../errors.ts';
import { openStore } from '../store/open-store.ts';
import { publishImport } from './publish-import.ts';
import type { ImportReply, ImportWork } from './publish-import-in-worker.ts';

/** The program of the thread that `publishImportInWorker` starts: one import, then it ends. */
const { store, name, bytes, options } = workerData as ImportWork;
const reply = await publishImport(await openStore(store), name, bytes, options).then(
  (published): ImportReply => ({ published }),
  (error: unknown): ImportReply => {
    if (!isFolioError(error)) throw error;
    const { cause: _, ...details } = error.details; // may be what no thread can send
    return { fault: { code: error.code, message: error.message, details } };
  },
);
parentPort?.postMessage(reply);
