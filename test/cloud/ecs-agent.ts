import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { root } from '../../functions/bundle.ts';
import type { Emulator } from './emulator.ts';

/** Of a task that ECS has accepted, what the agent needs. */
export interface Task {
  readonly taskArn: string;
  readonly taskDefinitionArn: string;
  readonly capacityProviderName?: string;
  readonly overrides: {
    containerOverrides: { command: string[]; environment: { name: string; value: string }[] }[];
  };
}

interface TaskDefinition {
  readonly containerDefinitions: { environment: { name: string; value: string }[] }[];
}

/**
 * What ECS's agent does and the emulator does not: runs a task's command, with the environment of its definition and of
 * its overrides. No container: the trainer's image is run by the set `image`.
 */
export class EcsAgent {
  readonly #emulator: Emulator;

  constructor(emulator: Emulator) {
    this.#emulator = emulator;
  }

  /**
   * Waits for the running task that trains a model.
   *
   * @param other ARN of a task that is not meant.
   * @param seconds At most.
   */
  async taskFor(model: string, other?: string, seconds = 60): Promise<Task> {
    for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
      const tasks = await this.#tasks();
      const found = tasks.find(
        ({ taskArn, overrides }) =>
          taskArn !== other && overrides.containerOverrides[0]?.command.includes(model),
      );
      if (found !== undefined) return found;
      await delay(500);
    }
    throw new Error(`ECS was not asked for a task that trains ${model} within ${seconds} seconds.`);
  }

  /** @returns the exit code of the task's command */
  async run({ taskArn, taskDefinitionArn, overrides }: Task): Promise<number> {
    const described = await this.#call('DescribeTaskDefinition', { taskDefinition: taskDefinitionArn });
    const [container] = (described.taskDefinition as TaskDefinition).containerDefinitions;
    const [override] = overrides.containerOverrides;
    const variables = [...(container?.environment ?? []), ...(override?.environment ?? [])];
    const child = spawn(process.execPath, ['src/cli/main.ts', 'train', ...(override?.command ?? [])], {
      cwd: root,
      stdio: ['ignore', 'ignore', 'ignore'],
      env: {
        ...process.env,
        ...this.#emulator.environment,
        ...Object.fromEntries(variables.map(({ name, value }) => [name, value])),
      },
    });
    const [code] = (await once(child, 'exit')) as [number];
    await this.#call('StopTask', { cluster: await this.#cluster(), task: taskArn });
    return code;
  }

  async #tasks(): Promise<readonly Task[]> {
    const cluster = await this.#cluster();
    if (cluster === undefined) return []; // it is being deployed
    const { taskArns = [] } = (await this.#call('ListTasks', { cluster })) as { taskArns?: string[] };
    if (taskArns.length === 0) return [];
    return ((await this.#call('DescribeTasks', { cluster, tasks: taskArns })) as { tasks: Task[] }).tasks;
  }

  async #cluster(): Promise<string | undefined> {
    return ((await this.#call('ListClusters', {})).clusterArns as string[])[0];
  }

  async #call(action: string, body: object): Promise<Record<string, unknown>> {
    const response = await fetch(this.#emulator.endpoint, {
      method: 'POST',
      headers: {
        ...this.#emulator.signed('ecs'),
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': `AmazonEC2ContainerServiceV20141113.${action}`,
      },
      body: JSON.stringify(body),
    });
    return (await response.json()) as Record<string, unknown>;
  }
}
