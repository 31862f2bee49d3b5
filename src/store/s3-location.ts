import { unexpected } from '../errors.ts';
import { isKey } from './valid-key.ts';

/**
 * Bucket and prefix of a store in S3; the prefix is empty, or ends in a slash.
 *
 * @param location `s3://BUCKET` or `s3://BUCKET/PREFIX`
 * @throws FolioError `invalid_parameter`
 */
export const parseS3Location = (location: string): { bucket: string; prefix: string } => {
  const [, bucket, path = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(location) ?? [];
  const folder = path.replace(/\/$/, '');
  if (bucket === undefined || (folder !== '' && !isKey(folder))) {
    throw unexpected('invalid_parameter', 'store', 's3://BUCKET or s3://BUCKET/PREFIX', location);
  }
  return { bucket, prefix: folder === '' ? '' : `${folder}/` };
};
