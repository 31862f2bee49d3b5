import type { KnipConfig } from 'knip';

/** Finds files, exports, members and packages that nothing uses. Entries are what is started by name, from outside imports. */
const config: KnipConfig = {
  entry: [
    '.ci/count.mjs',
    'bench/cold/*.ts',
    'cdk/app.ts',
    'functions/{admin,authorise,authorise-by-gateway,bulk,generate,install-model,publish-best}.ts',
    'functions/lambda-credentials.ts',
    'scripts/*.{ts,mjs}',
    'src/{browser,index}.ts',
    'src/client/client.ts',
    'src/import/import-worker.ts',
    'src/server/middleware.ts',
    'src/web/{main,engine,service-worker}.ts',
    'src/web/style/page.css',
    'test/{increment,publish-forever}.ts',
    'test/*/set-up.ts',
    'test/cloud/emulated-app.ts',
    'test/runtimes/*.mjs',
  ],
  project: ['**/*.{ts,mjs,css}', '!src/model/kernel/assembly/**'],
  // A type that only its own file uses may still be part of an exported function's signature.
  ignoreExportsUsedInFile: { interface: true, type: true },
  // Routes name their answers' schemas, and the description finds them by name.
  ignoreIssues: { 'src/api/response/responses.ts': ['nsExports', 'exports'] },
  ignoreBinaries: ['cc', 'apt-get', 'script', 'WebKitWebDriver', 'Xvfb'],
  ignoreDependencies: [
    'publint', // with the next, started by scripts/check-package.ts
    '@arethetypeswrong/cli',
    'kernel.wasm', // with the next two, files that a test puts beside its worker
    'model.json',
    'weights-1-of-1.bin',
    'node-api-headers', // with the next, of the workspace standalone
    'express',
    'pino',
    '@aws-sdk/client-s3',
    '@tensorflow/tfjs-backend-wasm', // of bench/, which installs its rivals when they are to run
  ],
  ignoreWorkspaces: ['standalone'], // a list of packages alone, which the checkout's code imports
  compilers: {
    css: (text) =>
      [...text.matchAll(/(?:url\(|@import )["'](?!data:)([^"']+)/g)]
        .map((match) => `import '${match[1]}';`)
        .join('\n'),
  },
};

export default config;
