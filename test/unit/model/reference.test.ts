import { describe, expect, it } from 'vitest';
import type { Network } from '../../../src/model/network.ts';
import { quantiseInt4 } from '../../oracles/quantise.ts';
import { createQuantisedReferenceStepper } from '../../oracles/quantised-reference-stepper.ts';
import { createReferenceStepper } from '../../oracles/reference-stepper.ts';
import { numbers } from '../../random-network.ts';
import { stepCases } from '../../step.cases.ts';

describe('the plain f32 stepper', () => {
  stepCases(createReferenceStepper);

  /** One unit, two characters; the figures below are worked out by hand. */
  const one = {
    name: 'layer',
    inputs: 2,
    units: 1,
    activation: 'tanh',
    recurrentActivation: 'sigmoid',
  } as const;
  const common = {
    vocabulary: 2,
    input: { kind: 'one-hot' },
    output: { name: 'dense', inputs: 1, kernel: Float32Array.of(2, -2), bias: Float32Array.of(0.5, 0) },
  } as const;
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

  it('computes an LSTM as the formulas say', () => {
    const network: Network = {
      ...common,
      layers: [
        {
          ...one,
          kind: 'lstm',
          kernel: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8).map((x) => x / 8),
          recurrent: Float32Array.of(0.5, -0.5, 1, -1),
          bias: Float32Array.of(0, 1, 0, 0),
        },
      ],
    };
    const c1 = sigmoid(1 / 8) * Math.tanh(3 / 8);
    const h1 = sigmoid(4 / 8) * Math.tanh(c1);
    const c2 = sigmoid(6 / 8 + 1 - 0.5 * h1) * c1 + sigmoid(5 / 8 + 0.5 * h1) * Math.tanh(7 / 8 + h1);
    const h2 = sigmoid(1 - h1) * Math.tanh(c2);
    const stepper = createReferenceStepper(network);
    const slot = stepper.open();
    stepper.step([slot], [0]);
    const logits = stepper.step([slot], [1]);
    expect(logits[0]).toBeCloseTo(2 * h2 + 0.5, 6);
    expect(logits[1]).toBeCloseTo(-2 * h2, 6);
    expect(stepper.read(slot)[0]).toBeCloseTo(h2, 6);
    expect(stepper.read(slot)[1]).toBeCloseTo(c2, 6);
  });

  it.each([true, false])('computes a GRU as the formulas say, resetAfter %s', (resetAfter) => {
    const network: Network = {
      ...common,
      layers: [
        {
          ...one,
          kind: 'gru',
          resetAfter,
          kernel: Float32Array.of(1, 2, 3, 4, 5, 6).map((x) => x / 8),
          recurrent: Float32Array.of(0.5, -0.5, 1),
          bias: Float32Array.of(0, 0.25, 0),
          recurrentBias: resetAfter ? Float32Array.of(0, 0, 0.125) : new Float32Array(3),
        },
      ],
    };
    const recurrentBias = resetAfter ? 0.125 : 0;
    const z1 = sigmoid(1 / 8);
    const r1 = sigmoid(2 / 8 + 0.25);
    const h1 = (1 - z1) * Math.tanh(3 / 8 + r1 * recurrentBias);
    const z2 = sigmoid(4 / 8 + 0.5 * h1);
    const r2 = sigmoid(5 / 8 + 0.25 - 0.5 * h1);
    const h2 = z2 * h1 + (1 - z2) * Math.tanh(6 / 8 + r2 * (h1 + recurrentBias));
    const stepper = createReferenceStepper(network);
    const slot = stepper.open();
    stepper.step([slot], [0]);
    stepper.step([slot], [1]);
    expect(stepper.read(slot)[0]).toBeCloseTo(h2, 6);
  });
});

describe.each(['int8', 'int4'] as const)('the plain %s stepper', (precision) => {
  stepCases((network) => createQuantisedReferenceStepper(network, precision));
});

it('rounds weights to 4 bits with a scale for each 32 inputs of an output', () => {
  const random = numbers(1);
  const inputs = 80;
  const outputs = 7;
  const sizeOf = (at: number): number => (at < 32 * outputs ? 1 : 0.1); // of the first 32 inputs, and of the others
  const matrix = Float32Array.from({ length: inputs * outputs }, (_, at) => (2 * random() - 1) * sizeOf(at));
  const { values, scales } = quantiseInt4(matrix, outputs);
  for (const [at, weight] of matrix.entries()) {
    const rounded = values[at]! * scales[at % outputs]! * 63;
    // Half of a step is a fifteenth of its group's largest weight; steps grow where sums would overflow.
    expect(Math.abs(rounded - weight)).toBeLessThan((3 * sizeOf(at)) / 15);
  }
});
