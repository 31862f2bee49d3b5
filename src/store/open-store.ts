import { fileURLToPath } from 'node:url';
import { unexpected } from '../errors.ts';
import { withPackage } from '../optional-package.ts';
import { FolderStore } from './folder-store.ts';
import type { Store } from './store.ts';

/**
 * Opens the store at a location: `s3://BUCKET/PREFIX`, a folder by path or `file:` URL, or a deployment by its address. The S3 client is loaded
 * only for the first kind, and nothing is asked of either before the first call.
 *
 * @throws FolioError `invalid_parameter` for a location that is none of these, `unavailable` where the S3 client is not installed
 */
export async function openStore(location: string): Promise<Store> {
  if (location.startsWith('s3://')) {
    const { S3Store } = await withPackage('@aws-sdk/client-s3', () => import('./s3-store.ts'));
    return S3Store.at(location);
  }
  if (/^https?:\/\//i.test(location)) {
    const { HttpStore } = await import('./http-store.ts');
    return new HttpStore(location);
  }
  if (location.startsWith('file:')) return new FolderStore(fileURLToPath(location));
  if (location.trim() === '' || /^[a-z][a-z0-9+.-]+:\/\//i.test(location)) {
    throw unexpected(
      'invalid_parameter',
      'store',
      'a folder, s3://BUCKET/PREFIX, or https://ENDPOINT',
      location,
    );
  }
  return new FolderStore(location);
}
