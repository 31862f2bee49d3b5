import { describe, expect, it } from 'vitest';
import { obstacles, tableOf } from '../../cdk/verify-plan.ts';

const limits = {
  concurrentExecutions: 1_000,
  fargateVcpus: 30,
  ecsRole: true,
  bootstrapped: true,
  stageInUse: false,
  docker: 'linux/amd64',
};
const wanted = { stage: 'verify', concurrency: 0, trainingVcpus: 4, trainingsAtOnce: 2, image: undefined };

describe('what stands in the way of a deployment', () => {
  it('is nothing in an account of usual limits', () => {
    expect(obstacles(limits, wanted)).toEqual([]);
    expect(obstacles(limits, { ...wanted, concurrency: 900 })).toEqual([]);
  });

  it.each([
    [{ concurrentExecutions: 10 }, { concurrency: 1 }, /folio:concurrency/],
    [{}, { concurrency: 901 }, /folio:concurrency/],
    [{ fargateVcpus: 6 }, {}, /8 vCPU of Fargate/],
    [{ bootstrapped: false }, {}, /cdk bootstrap/],
    [{ stageInUse: true }, {}, /the stage verify.*--stage/],
    [{ ecsRole: false }, {}, /create-service-linked-role/],
    [{ docker: undefined }, {}, /no Docker/],
    [{ docker: 'linux/arm64' }, {}, /Rosetta/],
  ])('names what to do: %j %j', (account, deployment, complaint) => {
    const found = obstacles({ ...limits, ...account }, { ...wanted, ...deployment });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(complaint);
  });

  it('asks for no Docker where an image is named, and for no quota that cannot be read', () => {
    const account = { ...limits, docker: undefined, fargateVcpus: undefined };
    expect(obstacles(account, { ...wanted, image: 'x' })).toEqual([]);
  });
});

it('keeps the outcomes as a table', () => {
  const table = tableOf([{ step: 'a', expected: 'b', seen: 'c|d', passed: false, seconds: 1.25 }]);
  expect(table.split('\n').at(-1)).toBe('| a | b | c\\|d | 1.3 | **failed** |');
});
