export { type ErrorCode, type ErrorDetails, FolioError, isFolioError } from './errors.ts';
export { type LoadOptions, loadModel, type StoreEntry } from './load-model.ts';
export { buildCopyIndex, type CopyIndex, openCopyIndex } from './model/copy-index.ts';
export type { Alphabet, Replaced, UnknownRule } from './model/format/alphabet.ts';
export type { Threads } from './model/kernel/threads/worker-pool.ts';
export type * from './model/model.ts';
export { type OpenOptions, openModel, type ReadFile } from './model/open-model.ts';
export type { Precision } from './model/stepper.ts';
