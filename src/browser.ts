export { type ErrorCode, type ErrorDetails, FolioError, isFolioError } from './errors.ts';
export { buildCopyIndex, type CopyIndex, openCopyIndex } from './model/copy-index.ts';
export { type FetchOptions, fetchModel as loadModel } from './model/fetch-model.ts';
export type { Alphabet, Replaced, UnknownRule } from './model/format/alphabet.ts';
export type { ReadFile } from './model/format/artefact.ts';
export type { Threads } from './model/kernel/threads/worker-pool.ts';
export type * from './model/model.ts';
export { type OpenOptions, openModel } from './model/open-model.ts';
export type { KernelInfo, MatrixDensity, Precision } from './model/stepper.ts';
