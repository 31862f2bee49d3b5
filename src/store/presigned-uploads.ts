import { S3Client } from '@aws-sdk/client-s3';
import { createPresignedPost } from '@aws-sdk/s3-presigned-post';
import { readSettings } from '../settings.ts';
import { corpusKey } from './keys.ts';

const validSeconds = 900;

/** What an upload says of its training; it stands in the object's metadata. */
export interface UploadOptions {
  readonly preset?: string | undefined;
  /** The model to start from: NAME, NAME@VERSION or `none`. */
  readonly from?: string | undefined;
  /** The models to learn from: NAME or NAME@VERSION. */
  readonly teachers?: readonly string[] | undefined;
  /** Of products while training: f32 or bf16. */
  readonly precision?: string | undefined;
}

/** A form by which a browser or curl puts one corpus into a bucket, and nothing else anywhere else. */
export interface UploadForm {
  readonly url: string;
  readonly method: 'POST';
  readonly fields: Readonly<Record<string, string>>;
  readonly maximumBytes: number;
  readonly expiresAt: string; // ISO 8601
}

/**
 * Uploads that the bucket itself takes; its notice of the new object starts the training.
 *
 * @param bucket `s3://BUCKET`
 */
export const presignedUploads = (bucket: string, maximumBytes: number) => {
  const { s3Endpoint, awsEndpoint } = readSettings();
  const client = new S3Client({ forcePathStyle: (s3Endpoint ?? awsEndpoint) !== undefined });
  return {
    kind: 'presigned' as const,
    maximumBytes,
    async presign(corpus: string, options: UploadOptions): Promise<UploadForm> {
      const { preset, from, teachers, precision } = options;
      const metadata: Record<string, string> = {
        ...(preset !== undefined && { 'x-amz-meta-preset': preset }),
        ...(from !== undefined && { 'x-amz-meta-from': from }),
        ...(teachers !== undefined && { 'x-amz-meta-teachers': teachers.join(' ') }),
        ...(precision !== undefined && { 'x-amz-meta-precision': precision }),
      };
      const { url, fields } = await createPresignedPost(client, {
        Bucket: bucket.replace('s3://', ''),
        Key: corpusKey(corpus),
        Fields: metadata,
        Conditions: [['content-length-range', 1, maximumBytes]],
        Expires: validSeconds,
      });
      const expiresAt = new Date(Date.now() + validSeconds * 1000).toISOString();
      return { url, method: 'POST', fields, maximumBytes, expiresAt };
    },
  };
};
