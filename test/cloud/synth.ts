import { cp, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import { inject } from 'vitest';
import { suppressFindings } from '../../cdk/nag-suppressions.ts';
import { addStacks } from '../../cdk/stacks.ts';
import cdkJson from '../../cdk.json' with { type: 'json' };
import { bundlesIn } from '../built-functions.ts';

/** The app as `cdk synth` makes it, by settings, with or without its acknowledgements. */
export async function synthesise(context: Readonly<Record<string, unknown>> = {}, acknowledged = true) {
  const outdir = await mkdtemp(join(tmpdir(), 'folio-cdk-'));
  const app = new App({
    outdir,
    context: { ...cdkJson.context, 'folio:alarm-email': 'me@example.com', ...context },
  });
  const shared = bundlesIn(inject('functionBundles'));
  // The stack puts the model beside this bundle, and other test files read and make theirs at the same time.
  const installer = join(outdir, 'bundles/install-model');
  await cp(shared['install-model'], installer, { recursive: true });
  const stacks = addStacks(app, { ...shared, 'install-model': installer });
  if (acknowledged) suppressFindings(app, stacks.names);
  const { data, training, api, names } = stacks;
  return {
    app,
    outdir,
    names,
    data: Template.fromStack(data),
    training: Template.fromStack(training),
    api: Template.fromStack(api),
  };
}

export type Synthesised = Awaited<ReturnType<typeof synthesise>>;
