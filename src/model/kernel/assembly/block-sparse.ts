import { Chunk, SparseTile } from './layout';

/** As in pack.ts: what the weights of one sign that meet in a 16-bit lane may come to. */
const LANE_LIMIT: i16 = 258;

/** Outputs of a tile. */
const TILE = 32;

/** Bytes of a whole tile's block of weights in 16 bits. */
const HALVES_BLOCK: usize = 256;

/** In so many of the matrix's tiles, spread over it, a chunk's blocks of 4 inputs that are zero. */
export function zeroBlocks(chunk: Chunk, looks: i32): i32 {
  const tilesOfGate = (chunk.units + TILE - 1) / TILE;
  const tiles = (chunk.rows / chunk.paddedUnits) * tilesOfGate;
  let zero = 0;
  for (let look = 0; look < looks; look++) {
    const tile = ((2 * look + 1) * tiles) / (2 * looks);
    const unit = (tile % tilesOfGate) * TILE;
    const output = (tile / tilesOfGate) * chunk.units + unit;
    const length = min(TILE, chunk.units - unit);
    for (let input = 0; input < chunk.inputs; input += 4) {
      if (isZero(chunk, output, length, input, min(input + 4, chunk.inputs))) zero++;
    }
  }
  return zero;
}

/** Minus zero is zero. */
function isZero(chunk: Chunk, output: i32, length: i32, input: i32, end: i32): bool {
  for (; input < end; input++) {
    const row = chunk.source + input * chunk.stride;
    for (let i = output; i < output + length; i++) {
      const bits = chunk.half ? load<u16>(row + (i << 1)) << 17 : load<u32>(row + (i << 2)) << 1;
      if (bits != 0) return false;
    }
  }
  return true;
}

/**
 * Drops the blocks of packed tiles that are all zero, in place.
 *
 * @param blocks of a tile; `blockBytes` of one in a whole tile, half of that in the rest of 16 rows
 * @param kept where the `SparseTile`s go, `list` where the numbers of the blocks that stay
 * @returns how many stay
 */
export function compress(
  weights: usize, tiles: i32, rest: i32, blocks: i32, blockBytes: usize, kept: usize, list: usize, int8: bool,
): i32 {
  let to = weights;
  let total = 0;
  const size = blockBytes == HALVES_BLOCK ? 0x7fff7fff : 0x7fffffff;
  for (let tile = 0; tile < tiles + (rest > 0 ? 1 : 0); tile++) {
    const bytes = tile < tiles ? blockBytes : blockBytes >> 1;
    const start = to;
    const first = total;
    for (let block = 0; block < blocks; block++) {
      if (keep(weights, to, bytes, size)) {
        store<u16>(list + (total << 1), <u16>block);
        to += bytes;
        total++;
      }
      weights += bytes;
    }
    const entry = changetype<SparseTile>(kept + tile * offsetof<SparseTile>());
    entry.first = first;
    entry.count = total - first;
    entry.grouped = int8 && tile < tiles ? grouped(start, total - first) : 0;
  }
  return total;
}

/** Copies a block to where it is to lie. @param size of a weight without its sign @returns whether one is not zero */
function keep(from: usize, to: usize, bytes: usize, size: i32): bool {
  let some = i32x4.splat(0);
  for (let at: usize = 0; at < bytes; at += 16) {
    const weights = v128.load(from + at);
    some = v128.or(some, weights);
    v128.store(to + at, weights);
  }
  return v128.any_true(v128.and(some, i32x4.splat(size)));
}

/** How many int8 blocks of 32 rows, from the first and a multiple of 4, overflow no 16-bit lane four at a time. */
function grouped(weights: usize, count: i32): i32 {
  let group = 0;
  for (; group + 4 <= count; group += 4) {
    for (let at: usize = 0; at < 128; at += 16) {
      let up = i16x8.splat(0);
      let down = i16x8.splat(0);
      for (let block: usize = at; block < 512; block += 128) {
        const w = v128.load(weights + block);
        up = i16x8.add(up, i16x8.extadd_pairwise_i8x16_s(i8x16.max_s(w, i8x16.splat(0))));
        down = i16x8.add(down, i16x8.extadd_pairwise_i8x16_s(i8x16.min_s(w, i8x16.splat(0))));
      }
      const over = v128.or(i16x8.gt_s(up, i16x8.splat(LANE_LIMIT)), i16x8.lt_s(down, i16x8.splat(-LANE_LIMIT)));
      if (v128.any_true(over)) return group;
    }
    weights += 512;
  }
  return group;
}
