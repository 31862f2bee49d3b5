import { expect, onTestFinished, test, vi } from 'vitest';

test('a host without WebAssembly, as Node with --jitless, is an error that says so', async () => {
  const path = '../../../src/model/kernel/kernel-module.ts?without-webassembly'; // a module of its own, which knows nothing yet
  const { compileKernel, instantiateKernel, kernelBuild } = (await import(
    path
  )) as typeof import('../../../src/model/kernel/kernel-module.ts');
  vi.stubGlobal('WebAssembly', undefined);
  onTestFinished(() => {
    vi.unstubAllGlobals();
  });
  expect(compileKernel).not.toThrow();
  expect(kernelBuild()).toBe('plain');
  expect(() => instantiateKernel()).toThrow(
    expect.objectContaining({
      code: 'model_unsupported',
      message: expect.stringMatching(/^This host has no WebAssembly/),
    }),
  );
});
