import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from '../../src/cache-folder.ts';
import type { LstmNetwork } from '../networks.ts';
import { pythonWith } from './install.ts';

/** Writes `network.json` and `weights.bin`: float32, layer by layer kernel, recurrent kernel, bias, as Keras orders them. @returns their folder */
export const networkFiles = ({ vocabulary, layers, output }: LstmNetwork): string => {
  const arrays = [
    ...layers.flatMap(({ kernel, recurrent, bias }) => [kernel, recurrent, bias]),
    output.kernel,
    output.bias,
  ];
  const weights = Buffer.concat(
    arrays.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength)),
  );
  const digest = createHash('sha256').update(weights).digest('hex').slice(0, 16);
  const folder = cacheFolder('onnx', 'models', digest);
  if (!existsSync(join(folder, 'network.json'))) {
    const shape = { vocabulary, units: layers.map(({ units }) => units) };
    writeFileSync(join(folder, 'weights.bin'), weights);
    writeFileSync(join(folder, 'network.json'), JSON.stringify(shape));
  }
  return folder;
};

const converter = new URL('onnx_models.py', import.meta.url).pathname;

/** Writes the network in the forms that `onnx_models.py` lists, too. @returns their folder */
export const onnxModels = (network: LstmNetwork): string => {
  const folder = networkFiles(network);
  const last = join(folder, 'int8-loop.onnx');
  if (!existsSync(last) || statSync(last).mtimeMs < statSync(converter).mtimeMs) {
    execFileSync(pythonWith('onnx'), [converter, folder], { stdio: ['ignore', 'ignore', 'pipe'] });
  }
  return folder;
};
