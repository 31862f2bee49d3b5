import type * as z from 'zod/mini';
import type { RareParameters } from './rare-fields.ts';
import type * as requests from './requests.ts';

/* What requests say, once checked. */

export type GenerateParameters = z.output<typeof requests.GenerateRequestSchema> & RareParameters;
export type CompletionParameters = z.output<typeof requests.CompletionRequestSchema> & RareParameters;
export type ChatParameters = z.output<typeof requests.ChatRequestSchema> & RareParameters;
export type ResponsesParameters = z.output<typeof requests.ResponsesRequestSchema> & RareParameters;
export type LinesParameters = z.output<typeof requests.LinesRequestSchema> & Omit<RareParameters, 'blend'>;
export type ScoreParameters = z.output<typeof requests.ScoreRequestSchema>;
export type TokenizeParameters = z.output<typeof requests.TokenizeRequestSchema>;
export type ChatMessage = ChatParameters['messages'][number];
/** A seed of 64 bits, as digits where a number cannot hold it. */
export type Seed = number | string;
/** What every generating request has. */
export type CommonParameters = Omit<GenerateParameters, 'prompt' | 'length' | 'min_length' | 'model'>;
