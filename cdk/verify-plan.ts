/** One line of the table that `npm run verify:aws` prints and keeps. */
export interface VerifiedStep {
  readonly step: string;
  readonly expected: string;
  readonly seen: string;
  readonly passed: boolean;
  readonly seconds: number;
}

/** Limits of an account that a deployment needs, as `verify:aws` looks them up. */
export interface AccountLimits {
  readonly concurrentExecutions: number; // Lambda, of the whole account and region
  readonly fargateVcpus: number | undefined; // undefined where the quota cannot be read
  readonly ecsRole: boolean; // whether ECS's service-linked role exists
  readonly bootstrapped: boolean; // by the CDK, in this region
  readonly stageInUse: boolean; // a deployment of this stage is there already
  readonly docker: string | undefined; // platform of the builder; undefined where there is none
}

export interface Wanted {
  readonly stage: string;
  readonly concurrency: number; // folio:concurrency
  readonly trainingVcpus: number; // of one training
  readonly trainingsAtOnce: number;
  readonly image: string | undefined; // folio:image
}

/** What stands in the way of a deployment, each with what to do; nothing where it can begin. */
export function obstacles(limits: AccountLimits, wanted: Wanted): readonly string[] {
  const found: string[] = [];
  if (limits.stageInUse) {
    found.push(
      `There is a deployment of the stage ${wanted.stage}, which this run would remove at its end: name another with --stage.`,
    );
  }
  if (!limits.bootstrapped) {
    found.push('The account and region are not prepared for the CDK: npx cdk bootstrap');
  }
  const kept = limits.concurrentExecutions >= 1_000 ? 100 : 10;
  if (wanted.concurrency > 0 && limits.concurrentExecutions - wanted.concurrency < kept) {
    found.push(
      `folio:concurrency is ${wanted.concurrency}, and the account may run ${limits.concurrentExecutions} functions at once, of which ` +
        `${kept} cannot be reserved: set -c folio:concurrency=0, or ask for 1,000 concurrent executions in Service Quotas.`,
    );
  }
  const vcpus = wanted.trainingVcpus * wanted.trainingsAtOnce;
  if (limits.fargateVcpus !== undefined && limits.fargateVcpus < vcpus) {
    found.push(
      `${wanted.trainingsAtOnce} trainings at once need ${vcpus} vCPU of Fargate, and the account has ${limits.fargateVcpus}: ` +
        'lower folio:trainings-at-once or folio:trainer-cpu, or ask for more in Service Quotas.',
    );
  }
  if (!limits.ecsRole) {
    found.push(
      "ECS's service-linked role is missing: aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com",
    );
  }
  if (wanted.image === undefined && limits.docker === undefined) {
    found.push(
      'There is no Docker to build the image of the trainer: start it, or name an image with -c folio:image=….',
    );
  }
  if (wanted.image === undefined && limits.docker !== undefined && !/amd64|x86_64/.test(limits.docker)) {
    found.push(
      `Docker builds for ${limits.docker}; the trainer is x86-64 and loads TensorFlow while it is built: use an emulation with AVX ` +
        '(Rosetta), or build on x86-64 and name the image with -c folio:image=….',
    );
  }
  return found;
}

/** The outcomes as a table in Markdown. */
export const tableOf = (outcomes: readonly VerifiedStep[]): string =>
  [
    '| step | expected | seen | s | |',
    '|---|---|---|---|---|',
    ...outcomes.map(
      ({ step, expected, seen, passed, seconds }) =>
        `| ${step} | ${expected} | ${seen.replaceAll('|', '\\|').slice(0, 160)} | ${seconds.toFixed(1)} | ${passed ? 'passed' : '**failed**'} |`,
    ),
  ].join('\n');
