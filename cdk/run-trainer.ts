/** The task that trains, and the network that it runs in. */
export interface TrainerFacts {
  readonly cluster: string;
  readonly taskDefinition: string;
  readonly container: string;
  readonly subnets: readonly string[];
  readonly securityGroup: string;
  readonly trainingSeconds: number;
}

export const jsonata = (expression: string) => `{% ${expression} %}`;

/** An expression for a key of the store. @param keyOf From `src/store/keys.ts`. @param variables For its arguments. */
export const keyExpression = (keyOf: (...names: string[]) => string, ...variables: string[]) =>
  `'${keyOf(...variables.map((variable) => `' & ${variable} & '`))}'`;

/** Of services that are busy: tried again, at growing and scattered intervals. */
export const busy = {
  ErrorEquals: ['States.TaskFailed'],
  IntervalSeconds: 2,
  MaxAttempts: 4,
  BackoffRate: 2,
  JitterStrategy: 'FULL',
};

/**
 * The fields of a state that runs the trainer and waits for its end.
 *
 * @param run `spot` and `training` are JSONata expressions: whether spare capacity will do, and the record's id.
 */
export const runTrainer = (
  facts: TrainerFacts,
  run: { readonly spot: string; readonly training: string; readonly command: readonly string[] },
) => ({
  Resource: 'arn:aws:states:::ecs:runTask.sync',
  TimeoutSeconds: facts.trainingSeconds,
  Arguments: {
    Cluster: facts.cluster,
    TaskDefinition: facts.taskDefinition,
    CapacityProviderStrategy: [
      { CapacityProvider: jsonata(`${run.spot} ? 'FARGATE_SPOT' : 'FARGATE'`), Weight: 1 },
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
          Command: [...run.command, '--log', 'json'],
          Environment: [{ Name: 'FOLIO_TRAINING_ID', Value: jsonata(run.training) }],
        },
      ],
    },
  },
});
