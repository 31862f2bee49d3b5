import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TrainingPrecision } from '../../src/training-jobs/training-jobs.ts';

export interface TrainingCase {
  readonly name: string;
  readonly vocabulary: number;
  readonly layers: number;
  readonly units: number;
  readonly batch: number;
  readonly length: number;
}

export interface Training {
  /** Trains for some steps. @returns characters a second */
  rate(steps: number): number | Promise<number>;
  close(): void;
}

/** PyTorch in a Python of its own, where `python3` has it. */
export const openPyTorch = async () => {
  const found = await promisify(execFile)('python3', ['-c', 'import torch; print(torch.__version__)']).catch(
    () => undefined,
  );
  if (found === undefined) return undefined;
  const script = fileURLToPath(new URL('pytorch-training.py', import.meta.url));
  const child = spawn('python3', [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout });
  return {
    version: found.stdout.trim(),
    /** @param precision `bf16` by its own autocast. */
    training: ({ name: _, ...network }: TrainingCase, precision: TrainingPrecision): Training => ({
      rate: async (steps) => {
        child.stdin.write(`${JSON.stringify({ ...network, precision, steps })}\n`);
        const [line] = (await once(lines, 'line')) as [string];
        return Number(line);
      },
      close: () => {},
    }),
    close: () => void child.stdin.end(),
  };
};
