import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { foreignAnswer } from './s3-errors.ts';

/** Makes a call to S3 within a time. `bytes`: how many it sends. */
type Call = <Result>(
  bytes: number,
  send: (client: S3Client, abortSignal: AbortSignal) => Promise<Result>,
) => Promise<Result>;

/** One object that is sent in parts. Until `complete` it is no object, and after `abort` nothing of it is left. */
export class MultipartUpload {
  readonly #place: { readonly Bucket: string; readonly Key: string };
  readonly #contentType: string;
  readonly #call: Call;
  readonly #parts: CompletedPart[] = [];
  #uploadId: string | undefined;

  constructor(place: { readonly Bucket: string; readonly Key: string }, contentType: string, call: Call) {
    this.#place = place;
    this.#contentType = contentType;
    this.#call = call;
  }

  /** @param bytes At least 5 MiB, but for the last part. */
  async send(bytes: Uint8Array): Promise<void> {
    this.#uploadId ??= await this.#create();
    const PartNumber = this.#parts.length + 1;
    const command = new UploadPartCommand({ ...this.#upload(), PartNumber, Body: bytes });
    const { $metadata, ...sent } = await this.#call(bytes.length, (client, abortSignal) =>
      client.send(command, { abortSignal }),
    );
    if (sent.ETag === undefined) throw foreignAnswer($metadata.httpStatusCode);
    const { ETag, ChecksumCRC32 } = sent; // the checksum that the client computes unless it is set otherwise
    this.#parts.push({ PartNumber, ETag, ...(ChecksumCRC32 === undefined ? {} : { ChecksumCRC32 }) });
  }

  /** Makes an object of the parts. @returns its etag */
  async complete(): Promise<string> {
    const command = new CompleteMultipartUploadCommand({
      ...this.#upload(),
      MultipartUpload: { Parts: this.#parts },
    });
    const { ETag, $metadata } = await this.#call(0, (client, abortSignal) =>
      client.send(command, { abortSignal }),
    );
    if (ETag === undefined) throw foreignAnswer($metadata.httpStatusCode);
    return ETag;
  }

  /** Removes the parts; what cannot be removed is left to the bucket's own rule. */
  async abort(): Promise<void> {
    if (this.#uploadId === undefined) return;
    const command = new AbortMultipartUploadCommand(this.#upload());
    await this.#call(0, (client, abortSignal) => client.send(command, { abortSignal })).catch(
      () => undefined,
    );
  }

  #upload(): { Bucket: string; Key: string; UploadId: string | undefined } {
    return { ...this.#place, UploadId: this.#uploadId };
  }

  async #create(): Promise<string> {
    const { UploadId, $metadata } = await this.#call(0, async (client, abortSignal) => {
      // As the client sends the parts: the server has to expect their checksums from the start.
      const isChecked = (await client.config.requestChecksumCalculation()) === 'WHEN_SUPPORTED';
      const command = new CreateMultipartUploadCommand({
        ...this.#place,
        ContentType: this.#contentType,
        ...(isChecked && { ChecksumAlgorithm: 'CRC32' }),
      });
      return client.send(command, { abortSignal });
    });
    if (UploadId === undefined) throw foreignAnswer($metadata.httpStatusCode);
    return UploadId;
  }
}

/** The same bytes in chunks of exactly `size` bytes, the last of which may be shorter. Each is a buffer of its own. */
export async function* inParts(
  chunks: AsyncIterable<Uint8Array>,
  size: number,
): AsyncGenerator<Uint8Array, void> {
  let part = new Uint8Array(size);
  let filled = 0;
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.length; ) {
      const taken = chunk.subarray(from, from + size - filled);
      part.set(taken, filled);
      filled += taken.length;
      from += taken.length;
      if (filled < size) continue;
      yield part;
      part = new Uint8Array(size);
      filled = 0;
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
}
