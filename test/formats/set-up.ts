import type { TestProject } from 'vitest/node';
import { pythonTools } from '../python-tools.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Folders of the programs of two virtual environments. */
    readonly kerasTools: string;
    readonly torchTools: string;
  }
}

/** The libraries whose files are imported: Keras with its JAX backend, and PyTorch with ONNX. */
export default async ({ provide }: TestProject): Promise<void> => {
  provide(
    'kerasTools',
    await pythonTools('formats-keras', [
      'keras==3.15.1',
      'jax==0.10.2',
      'h5py==3.16.0',
      'numpy==2.2.6',
      'scipy==1.16.3',
    ]),
  );
  provide(
    'torchTools',
    await pythonTools('formats-torch', [
      'torch==2.15.0',
      'onnx==1.23.2',
      'onnxscript==0.7.2',
      'onnxruntime==1.32.0',
      'safetensors==0.8.0',
      'numpy==2.4.6',
    ]),
  );
};
