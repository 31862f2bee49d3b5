import type { Model } from '../../src/model/model.ts';

export declare const program: (model: Model) => Promise<unknown>;
