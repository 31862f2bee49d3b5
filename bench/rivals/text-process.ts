import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { LstmNetwork } from '../networks.ts';
import { TEMPERATURE } from '../sampling.ts';
import { checkLogits } from './check-logits.ts';
import { builtByCargo, compiledWithOneDnn, pythonWith } from './install.ts';
import { networkFiles, onnxModels } from './network-files.ts';

/** An engine that generates in a process of its own. */
export interface TextProcess {
  /** @returns characters a second */
  measure(milliseconds: number): Promise<number>;
  dispose(): void;
}

interface Program {
  readonly precisions: readonly ('f32' | 'int8')[];
  /** The network's folder. */
  readonly files: (network: LstmNetwork) => string;
  /** Installs or builds it when it is missing. */
  readonly command: () => readonly [string, ...string[]];
}

const script = (name: string): string => new URL(name, import.meta.url).pathname;

/**
 * Each is started as `PROGRAM FOLDER PRECISION THREADS TEMPERATURE VOCABULARY UNITS...` and writes one line of JSON: the
 * logits of its first characters from a state of zeros, [20][vocabulary], fed with id 0 and then with the likeliest of each
 * row. From then on it answers each line of milliseconds: it generates for so long, each character sampled at the temperature
 * and fed back, and writes the characters a second.
 */
const programs: Record<string, Program> = {
  'onnxruntime-loop': {
    precisions: ['f32', 'int8'],
    files: onnxModels,
    command: () => [pythonWith('onnx'), script('onnx_loop.py')],
  },
  openvino: {
    precisions: ['f32', 'int8'],
    files: networkFiles,
    command: () => [pythonWith('openvino'), script('openvino_text.py')],
  },
  onednn: {
    precisions: ['f32', 'int8'],
    files: networkFiles,
    command: () => [compiledWithOneDnn(script('onednn_text.cpp'))],
  },
  rten: { precisions: ['f32', 'int8'], files: onnxModels, command: () => [builtByCargo('rten_text')] },
  tract: { precisions: ['f32'], files: onnxModels, command: () => [builtByCargo('tract_text')] },
  numpy: {
    precisions: ['f32'],
    files: networkFiles,
    command: () => [pythonWith('onnx'), script('numpy_text.py')],
  },
};

const startText = async (
  { files, command }: Program,
  network: LstmNetwork,
  precision: 'f32' | 'int8',
  threads: number,
): Promise<TextProcess> => {
  const { vocabulary, layers } = network;
  const folder = files(network);
  const [program, ...first] = command();
  const shape = [threads, TEMPERATURE, vocabulary, ...layers.map(({ units }) => units)];
  const { stdin, stdout } = spawn(program, [...first, folder, precision, ...shape.map(String)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value } = await lines.next();
    if (value === undefined) throw new Error(`${program} ended`);
    return value;
  };
  const text: TextProcess = {
    async measure(milliseconds) {
      stdin.write(`${milliseconds}\n`);
      return Number(await next());
    },
    dispose: () => void stdin.end(),
  };
  try {
    checkLogits(JSON.parse(await next()), network, precision);
    await text.measure(50); // warm
  } catch (error) {
    text.dispose();
    throw error;
  }
  return text;
};

/** An engine to race, in its strongest form. */
export interface TextRival {
  /** `onednn-int8`, or `onednn-int8-threads` where it may use several. */
  readonly subject: string;
  start(network: LstmNetwork): Promise<TextProcess>;
}

/** All engines in processes of their own: on one thread, and on so many. */
export const textRivals = (most: number): readonly TextRival[] =>
  Object.entries(programs).flatMap(([name, program]) =>
    program.precisions.flatMap((precision) =>
      [...new Set([1, most])].map((threads) => ({
        subject: `${name}-${precision}${threads > 1 ? '-threads' : ''}`,
        start: (network) => startText(program, network, precision, threads),
      })),
    ),
  );
