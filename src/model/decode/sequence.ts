import type { Sequence } from '../model.ts';
import type { Engine } from './engine.ts';
import { RewindBuffer } from './rewind-buffer.ts';
import { decodeState, encodeState, type Snapshot } from './state.ts';

/** A sequence that its owner advances, character by character. */
export const startSequence = (engine: Engine, from?: Snapshot): Sequence => {
  const { stepper, owner } = engine;
  const slot = stepper.open();
  let rewindBuffer: RewindBuffer;

  const put = (snapshot: Snapshot): void => {
    stepper.write(slot, snapshot.hidden);
    rewindBuffer = new RewindBuffer(stepper, slot, snapshot);
    feedLast(snapshot);
  };
  const feedLast = ({ last }: Snapshot): void => {
    if (last !== undefined) stepper.step([slot], [last]);
  };
  /** The slot is left as it was found. */
  const snapshot = (): Snapshot => {
    const taken = rewindBuffer.snapshot();
    feedLast(taken);
    return taken;
  };

  put(from ?? { hidden: stepper.read(slot), last: undefined });
  return {
    step(id) {
      rewindBuffer.push(id);
      rewindBuffer.advance();
      try {
        return stepper.step([slot], [id]);
      } catch (error) {
        rewindBuffer.drop(1);
        throw error;
      }
    },
    save: () => encodeState(snapshot(), owner),
    restore: (bytes) => put(decodeState(bytes, owner, stepper.stateLength, stepper.vocabulary)),
    fork: () => startSequence(engine, snapshot()),
    close: () => stepper.close(slot),
  };
};
