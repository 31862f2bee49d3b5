import { Aws } from 'aws-cdk-lib';

/** The task that trains, and the network that it runs in. */
export interface TrainerFacts {
  readonly cluster: string;
  readonly taskDefinition: string;
  readonly container: string;
  readonly subnets: readonly string[];
  readonly securityGroup: string;
  readonly trainingSeconds: number;
  /** Whether the first task of a training runs on spare capacity. */
  readonly spot: boolean;
}

/** What a state does, by the name of Step Functions' integration. Its ARN has the partition, such as `aws-cn`. */
export const action = (integration: string) => `arn:${Aws.PARTITION}:states:::${integration}`;

export const jsonata = (expression: string) => `{% ${expression} %}`;

/** An expression for a key of the store. @param keyOf From `src/store/keys.ts`. @param variables For its arguments. */
export const keyExpression = (keyOf: (...names: string[]) => string, ...variables: string[]) =>
  `'${keyOf(...variables.map((variable) => `' & ${variable} & '`))}'`;

/** Of services that are busy: tried again, at growing and scattered intervals. */
export const busy = {
  ErrorEquals: ['States.TaskFailed'],
  IntervalSeconds: 2,
  MaxAttempts: 6,
  BackoffRate: 2,
  JitterStrategy: 'FULL',
};

/** As `busy`, but for errors that another try cannot change. */
export const busyExcept = (...errors: readonly string[]) => [{ ErrorEquals: errors, MaxAttempts: 0 }, busy];

/** Of S3, for a key that is not there. */
export const noSuchKey = 'S3.NoSuchKeyException';

/** Seconds beyond the trainer's own limit, after which its task is given up: for the image, and a last checkpoint. */
const margin = 1_800;

/** Tasks started for one training that ran and failed: one on spare capacity, then on demand. */
const attempts = 4;

/** Seconds before another try where there was no capacity, or a limit of the account was reached: 2.6 hours in all. */
const shortageWaits = [30, 300, 900, 2_700, 2_700, 2_700];

/** The longest time from the first task to the last, in seconds: a bound for the limit of an execution. */
export const longestTraining = (trainingSeconds: number): number =>
  attempts * (trainingSeconds + margin) + shortageWaits.reduce((sum, wait) => sum + wait, 0) + 3_600;

/** What another try cannot mend, by exit code (`src/errors.ts`); the codes that stand for it where there is no record. */
const finalExitCodes = {
  2: 'invalid_parameter',
  3: 'not_found',
  4: 'checkpoint_mismatch',
  5: 'corpus_invalid',
  6: 'training_diverged',
  7: 'rejected_by_gate',
  8: 'time_limit',
} as const;

/** JSONata: the cause of the error that was caught, or nothing. Not every error has one. */
const cause = "($type($states.errorOutput.Cause) = 'string' ? $states.errorOutput.Cause : '')";

/** JSONata: the task that ended, as ECS describes it, or an empty object where none was started. */
const task = `($cause := ${cause}; $substring($cause, 0, 1) = '{' and $contains($cause, '"Containers"') ? $parse($cause) : {})`;

const exitCode = `($task := ${task}; $exists($task.Containers[0].ExitCode) ? $task.Containers[0].ExitCode : -1)`;

const outOfMemory = `($task := ${task}; $exists($task.Containers[0].Reason) and $contains($task.Containers[0].Reason, 'OutOfMemory'))`;

/** JSONata: why the task stopped, or was not started, in the words of ECS. */
const stopped =
  `($task := ${task}; $cause := ${cause}; $exists($task.StoppedReason) ? $task.StoppedReason` +
  " : $cause != '' ? $cause : 'The task could not be started: ' & $states.errorOutput.Error)";

/** JSONata: whether it never ran for want of capacity, a limit of the account or of requests. */
const shortage = `(${exitCode} = -1 and $states.errorOutput.Error != 'States.Timeout' and $contains(${stopped} & ' ' & $states.errorOutput.Error, /capacity|limit|throttl|rate exceeded/i))`;

/** Variables that a training begins with. */
export const trainingStart = { attempt: 0, shortages: 0 } as const;

/**
 * The states that train: one task after another until one ends for good. They leave `outcome` (`published` or
 * `failed`), `code` and `reason` in variables of these names.
 *
 * @param run `training` is a JSONata expression, the record's id; `command` one of the trainer's arguments, an array.
 *   `input` is what the state after them receives. `ended` names it.
 */
export const trainStates = (
  facts: TrainerFacts,
  run: {
    readonly training: string;
    readonly command: string;
    readonly ended: string;
    readonly output?: string;
  },
) => {
  const output = run.output === undefined ? {} : { Output: run.output };
  return {
    Train: {
      Type: 'Task',
      Resource: action('ecs:runTask.sync'),
      TimeoutSeconds: facts.trainingSeconds + margin,
      Arguments: {
        Cluster: facts.cluster,
        TaskDefinition: facts.taskDefinition,
        CapacityProviderStrategy: [
          {
            CapacityProvider: facts.spot
              ? jsonata("$attempt = 0 and $shortages = 0 ? 'FARGATE_SPOT' : 'FARGATE'")
              : 'FARGATE',
            Weight: 1,
          },
        ],
        NetworkConfiguration: {
          AwsvpcConfiguration: {
            Subnets: facts.subnets,
            SecurityGroups: [facts.securityGroup],
            AssignPublicIp: 'ENABLED',
          },
        },
        PropagateTags: 'TASK_DEFINITION',
        Overrides: {
          ContainerOverrides: [
            {
              Name: facts.container,
              Command: jsonata(
                `$append(${run.command}, ['--max-seconds', '${facts.trainingSeconds}', '--log', 'json'])`,
              ),
              Environment: [{ Name: 'FOLIO_TRAINING_ID', Value: jsonata(run.training) }],
            },
          ],
        },
      },
      Assign: { outcome: 'published', code: '', reason: '' },
      Catch: [
        {
          ErrorEquals: ['States.ALL'],
          Assign: {
            attempt: jsonata(`${shortage} ? $attempt : $attempt + 1`),
            shortages: jsonata(`${shortage} ? $shortages + 1 : $shortages`),
            shortage: jsonata(shortage),
            outcome: 'failed',
            exitCode: jsonata(exitCode),
            code: jsonata(
              "$states.errorOutput.Error = 'States.Timeout' ? 'time_limit'" +
                ` : ${outOfMemory} ? 'out_of_memory'` +
                ` : ($known := $lookup(${JSON.stringify(finalExitCodes)}, $string(${exitCode}));` +
                " $exists($known) ? $known : 'unavailable')",
            ),
            reason: jsonata(
              "$states.errorOutput.Error = 'States.Timeout' ? 'The training took longer than folio:training-hours allows.'" +
                ` : ${outOfMemory} ? 'The task ran out of memory: raise folio:trainer-memory.'` +
                ` : (${exitCode} >= 0 ? 'The trainer ended with exit code ' & ${exitCode} & '. ' : '') & ${stopped}`,
            ),
          },
          ...output,
          Next: 'Should retry?',
        },
      ],
      ...output,
      Next: run.ended,
    },
    'Should retry?': {
      Type: 'Choice',
      Choices: [
        {
          Condition: jsonata(`$shortage and $shortages <= ${shortageWaits.length}`),
          Next: 'Wait for capacity',
        },
        {
          Condition: jsonata(`$shortage or $code != 'unavailable' or $attempt >= ${attempts}`),
          Next: run.ended,
        },
      ],
      Default: 'Wait before the next try',
    },
    'Wait for capacity': {
      Type: 'Wait',
      Seconds: jsonata(`${JSON.stringify(shortageWaits)}[$shortages - 1]`),
      Next: 'Train',
    },
    'Wait before the next try': { Type: 'Wait', Seconds: 30, Next: 'Train' },
  };
};
