import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CloudFormationCustomResourceEvent, Context } from 'aws-lambda';
import * as z from 'zod/mini';
import { isFolioError } from '../src/errors.ts';
import { readSettings } from '../src/settings.ts';
import { publishVersion } from '../src/store/models.ts';
import { openStore } from '../src/store/open-store.ts';
import { createSigningSecret } from '../src/store/signing-secret.ts';
import type { Store } from '../src/store/store.ts';

const properties = z.object({ Name: z.string(), Version: z.string() });

export interface Installation {
  readonly name: string;
  readonly version: string;
  /** Files of the version, by name. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** The version that an earlier deployment installed, if there was one. */
  readonly earlier?: string | undefined;
}

/**
 * Uploads the prebuilt version, and points to it if nothing is current yet, or if what is current is the older
 * version of an earlier deployment. What somebody trained or activated meanwhile stays current.
 *
 * @returns whether it is current now
 */
export async function installModel(
  store: Store,
  { name, version, files, earlier }: Installation,
): Promise<boolean> {
  const replaces = earlier !== undefined && earlier < version ? earlier : null;
  try {
    await publishVersion(store, { name, version, files, replaces });
    return true;
  } catch (error) {
    if (isFolioError(error) && error.code === 'conflict') return false;
    throw error;
  }
}

async function bundledFiles(name: string, version: string): Promise<Map<string, Uint8Array>> {
  const folder = join(import.meta.dirname, 'models', name, version);
  const files = await readdir(folder);
  return new Map(
    await Promise.all(files.map(async (file) => [file, await readFile(join(folder, file))] as const)),
  );
}

async function install(event: CloudFormationCustomResourceEvent): Promise<Record<string, string>> {
  if (event.RequestType === 'Delete') return {}; // models outlive the stack
  const store = await openStore(readSettings().store);
  const { Name: name, Version: version } = properties.parse(event.ResourceProperties);
  const current = await installModel(store, {
    name,
    version,
    files: await bundledFiles(name, version),
    earlier:
      event.RequestType === 'Update' ? properties.parse(event.OldResourceProperties).Version : undefined,
  });
  await createSigningSecret(store);
  return { Current: String(current) };
}

/** A custom resource of CloudFormation: does its work and answers at the address that came with the event. */
export async function handler(event: CloudFormationCustomResourceEvent, context: Context): Promise<void> {
  const answer = await install(event).then(
    (data) => ({ Status: 'SUCCESS', Data: data }),
    (error: unknown) => ({ Status: 'FAILED', Reason: String(error) }),
  );
  const body = JSON.stringify({
    ...answer,
    PhysicalResourceId: `folio-${event.LogicalResourceId}`,
    StackId: event.StackId,
    RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId,
  });
  const response = await fetch(event.ResponseURL, { method: 'PUT', body, headers: { 'content-type': '' } });
  if (!response.ok) {
    throw new Error(`CloudFormation did not take the answer of ${context.awsRequestId}: ${response.status}`);
  }
}
