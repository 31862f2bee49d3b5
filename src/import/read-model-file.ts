import type { FolioError } from '../errors.ts';
import { phrase, unsupported } from '../model/format/invalid.ts';
import { isMl5Manifest, notAModel } from '../model/format/other-files.ts';
import { isHdf5 } from './hdf5.ts';
import { readKerasArchive, readKerasH5 } from './keras-file.ts';
import { type ReadSibling, readMl5 } from './ml5.ts';
import { readOnnxModel } from './onnx.ts';
import type { ParsedModel } from './parsed-model.ts';
import { readPyTorch, readSafetensorsModel } from './pytorch.ts';
import { isSafetensors } from './safetensors.ts';
import type { StateDictOptions } from './state-dict.ts';
import { isLegacyTorch } from './torch-file.ts';
import { isZip, unzip } from './zip.ts';

export interface ModelFileOptions extends StateDictOptions {
  /** What the file is called, for messages and where its bytes do not show what it is. */
  readonly name: string;
  /** `model.to_json()`, for an `.h5` of weights alone. */
  readonly config?: Uint8Array | undefined;
  /** Reads a file beside it. Default: there is none. */
  readonly sibling?: ReadSibling | undefined;
}

/**
 * Reads a model of Keras (`.keras`, `.h5`), PyTorch (`.pt`, `.pth`), safetensors, ONNX or ml5, by what its bytes are.
 * Nothing that a file holds is ever executed.
 *
 * @throws FolioError `model_invalid` for a damaged file, `model_unsupported` naming what cannot be run,
 * `invalid_parameter` where an option must say what the file does not
 */
export const readModelFile = async (bytes: Uint8Array, options: ModelFileOptions): Promise<ParsedModel> => {
  const { name, config, sibling = async () => undefined } = options;
  if (isZip(bytes)) {
    const names = new Set<string>();
    unzip(bytes, name, (entry) => {
      names.add(entry);
      return false;
    });
    if (names.has('config.json')) return readKerasArchive(bytes, name);
    const program = torchProgram([...names]);
    if (program !== undefined) {
      throw unsupported(
        name,
        "weights by name: load it in PyTorch and torch.save(model.state_dict(), 'model.pt')",
        phrase(program),
      );
    }
    if ([...names].some((entry) => /(^|\/)data\.pkl$/.test(entry))) return readPyTorch(bytes, name, options);
    throw unsupported(name, 'a .keras archive or a file of torch.save', phrase('another zip archive'));
  }
  if (isHdf5(bytes)) return readKerasH5(bytes, name, config);
  if (isLegacyTorch(bytes)) return readPyTorch(bytes, name, options);
  if (isSafetensors(bytes)) return readSafetensorsModel(bytes, name, options);
  const text = textOf(bytes);
  if (text === undefined) {
    const received = otherBinary(bytes);
    if (received !== undefined) throw unsupported(name, KINDS, phrase(received));
    return readOnnxModel(bytes, name, sibling);
  }
  if (text.includes('"filename"') && isMl5Manifest(jsonIn(text))) return readMl5(bytes, name, sibling);
  throw unknownText(name, text);
};

const KINDS = 'a file of Keras (.keras, .h5), PyTorch (.pt, .pth), safetensors, ONNX or ml5';

/** What a file is that somebody took for a model, by its first bytes; undefined for what may be ONNX. */
const otherBinary = (bytes: Uint8Array): string | undefined => {
  const [first = 0, second = 0] = bytes;
  const textAt = (from: number): string => String.fromCharCode(...bytes.subarray(from, from + 4));
  if (first === 0x80 && second >= 2 && second <= 5)
    return "a pickle that torch.save did not write (torch.save(model.state_dict(), 'model.pt') writes one)";
  if (first === 0x1f && second === 0x8b) return 'a gzip archive, to be unpacked before,';
  if (textAt(1) === 'NUMP') return 'an array of numpy';
  if (textAt(4) === 'TFL3') return 'a model of TensorFlow Lite';
  if (textAt(0) === 'GGUF') return 'a model of llama.cpp (GGUF)';
  return first === ONNX_START ? undefined : 'a file of another kind';
};

const ONNX_START = 0x08; // the tag of ModelProto.ir_version, its first field

/** What a zip archive of PyTorch is that holds a program beside the weights. */
const torchProgram = (names: readonly string[]): string | undefined => {
  if (names.some((entry) => /(^|\/)code\/__torch__/.test(entry)))
    return 'a TorchScript program (torch.jit.save)';
  if (names.some((entry) => /(^|\/)models\/\w+\.json$/.test(entry)))
    return 'an exported program (torch.export.save)';
  return undefined;
};

const jsonIn = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** The file as a text, if it is one. */
const textOf = (bytes: Uint8Array): string | undefined => {
  const head = bytes.subarray(0, 64);
  // A protobuf message starts with the number of a field, and its numbers are no characters.
  if (head.some((byte) => byte < 9)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
};

/** What a text is that somebody took for a model. */
const unknownText = (name: string, text: string): FolioError => {
  const known = notAModel(name, text);
  if (known) return known;
  const isLayersModel = /"(modelTopology|weightsManifest)"/.test(text);
  return unsupported(
    name,
    KINDS,
    phrase(
      isLayersModel
        ? "tfjs' model.json, which is loaded as it is, by its folder,"
        : text === ''
          ? 'an empty file'
          : 'a text',
    ),
  );
};
