import { type Answer, type Call, executionArn } from './interpreter.ts';

/** How a task ends that the state machine starts. */
export interface TaskEnd {
  /** Of the container; absent where it never ran. */
  readonly exit?: number;
  readonly stopped?: string; // StoppedReason of the task
  readonly reason?: string; // Reason of the container
  readonly stopCode?: string;
  /** RunTask itself is refused with this error. */
  readonly refused?: string;
  readonly cause?: string;
  readonly seconds?: number;
  /** What the trainer writes into its record before it ends. */
  readonly record?: Readonly<Record<string, unknown>>;
}

export interface StoredObject {
  readonly body: string;
  readonly version?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface OtherExecution {
  readonly name: string;
  readonly start: string; // ISO 8601
  readonly input: unknown;
  status: 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'ABORTED';
  /** It ends by itself at this time. */
  readonly ends?: string;
}

interface RunTask {
  readonly Cluster: string;
  readonly CapacityProviderStrategy: readonly { readonly CapacityProvider: string }[];
  readonly Overrides: {
    readonly ContainerOverrides: readonly {
      readonly Command: readonly string[];
      readonly Environment: readonly { readonly Name: string; readonly Value: string }[];
    }[];
  };
}

/** A task as it was asked for. */
export interface StartedTask {
  readonly provider: string;
  readonly command: readonly string[];
  readonly training: string;
  readonly at: string;
}

/** The services behind the state machines, as far as these call them; every call is kept. */
export class World {
  readonly objects = new Map<string, StoredObject>();
  readonly executions: OtherExecution[] = [];
  readonly mails: { readonly Subject: string; readonly Message: string }[] = [];
  readonly tasks: StartedTask[] = [];
  readonly calls: Call[] = [];
  /** Ends of the tasks to come, in their order; the last one is that of all later ones. */
  ends: readonly TaskEnd[] = [{ exit: 0 }];
  /** Answers in place of the service's own. */
  fault: (call: Call, count: number) => Answer | undefined = () => undefined;
  /** What a function answers. */
  lambda: (payload: unknown, call: Call) => unknown = () => ({});
  /** Models bucket, in which trainers write their records. */
  models = '';
  machine = '';

  read(key: string): unknown {
    const object = this.objects.get(`${this.models}/${key}`);
    return object === undefined ? undefined : JSON.parse(object.body);
  }

  answer = (call: Call): Answer => {
    this.calls.push(call);
    const count = this.calls.filter(({ state }) => state === call.state).length;
    const fault = this.fault(call, count);
    if (fault) return fault;
    const action = call.resource.replace('arn:aws:states:::', '').replace('aws-sdk:', '');
    switch (action) {
      case 's3:getObject':
      case 's3:headObject':
        return this.#get(call);
      case 's3:putObject':
        return this.#put(call);
      case 's3:deleteObject':
        this.objects.delete(this.#key(call));
        return { result: {} };
      case 'sfn:listExecutions':
        return this.#list(call);
      case 'sfn:describeExecution':
        return this.#describe(call);
      case 'sfn:stopExecution':
        return this.#stop(call);
      case 'states:startExecution':
        return { result: {} };
      case 'sns:publish': {
        const { Subject, Message } = call.arguments as { Subject: string; Message: string };
        if (!/^[\x20-\x7e]{1,99}$/.test(Subject)) {
          return { error: 'SNS.InvalidParameterException', cause: 'Invalid parameter: Subject' };
        }
        this.mails.push({ Subject, Message });
        return { result: { MessageId: '1' } };
      }
      case 'ecs:runTask.sync':
        return this.#run(call);
      case 'lambda:invoke':
        return this.#invoke(call);
      default:
        throw new Error(`No service answers ${action}.`);
    }
  };

  #invoke(call: Call): Answer {
    try {
      return { result: { StatusCode: 200, Payload: this.lambda(call.arguments.Payload, call) } };
    } catch (error) {
      const { name, message } = error as Error;
      return { error: name, cause: JSON.stringify({ errorType: name, errorMessage: message }) };
    }
  }

  #key({ arguments: { Bucket, Key } }: Call): string {
    return `${String(Bucket)}/${String(Key)}`;
  }

  #get(call: Call): Answer {
    const object = this.objects.get(this.#key(call));
    if (!object) {
      return { error: 'S3.NoSuchKeyException', cause: '(Service: S3, Status Code: 404, Request ID: 1)' };
    }
    const { body, version, metadata = {} } = object;
    return {
      result: {
        ContentLength: body.length,
        Metadata: metadata,
        ...(version !== undefined && { VersionId: version }),
        ...(call.resource.includes('getObject') && { Body: body }),
      },
    };
  }

  #put(call: Call): Answer {
    const { Body } = call.arguments;
    this.objects.set(this.#key(call), { body: typeof Body === 'string' ? Body : JSON.stringify(Body) });
    return { result: { ETag: '"1"' } };
  }

  #running(now: string): OtherExecution[] {
    return this.executions.filter(
      ({ status, ends, start }) => status === 'RUNNING' && start <= now && (ends === undefined || ends > now),
    );
  }

  #list({ arguments: { MaxResults = 100, NextToken }, now }: Call): Answer {
    const newest = this.#running(now).sort((a, b) => b.start.localeCompare(a.start));
    const from = Number(NextToken ?? 0);
    const page = newest.slice(from, from + Number(MaxResults));
    return {
      result: {
        Executions: page.map(({ name, start, status }) => ({
          ExecutionArn: executionArn(this.machine, name),
          Name: name,
          StartDate: start,
          StateMachineArn: this.machine,
          Status: status,
          RedriveCount: 0,
        })),
        ...(from + page.length < newest.length && { NextToken: String(from + page.length) }),
      },
    };
  }

  #of({ arguments: { ExecutionArn } }: Call): OtherExecution | undefined {
    return this.executions.find(({ name }) => executionArn(this.machine, name) === ExecutionArn);
  }

  #describe(call: Call): Answer {
    const execution = this.#of(call);
    if (!execution) return { error: 'Sfn.ExecutionDoesNotExistException' };
    const { name, start, input, status } = execution;
    return { result: { Name: name, StartDate: start, Input: JSON.stringify(input), Status: status } };
  }

  #stop(call: Call): Answer {
    const execution = this.#of(call);
    if (!execution) return { error: 'Sfn.ExecutionDoesNotExistException' };
    execution.status = 'ABORTED';
    return { result: { StopDate: call.now } };
  }

  #run(call: Call): Answer {
    const { CapacityProviderStrategy, Overrides } = call.arguments as unknown as RunTask;
    const [override] = Overrides.ContainerOverrides;
    const training = override?.Environment.find(({ Name }) => Name === 'FOLIO_TRAINING_ID')?.Value ?? '';
    const end = this.ends[Math.min(this.tasks.length, this.ends.length - 1)] ?? {};
    this.tasks.push({
      provider: CapacityProviderStrategy[0]?.CapacityProvider ?? '',
      command: override?.Command ?? [],
      training,
      at: call.now,
    });
    const seconds = end.seconds ?? 60;
    if (end.refused !== undefined) {
      return { error: end.refused, ...(end.cause !== undefined && { cause: end.cause }), seconds };
    }
    if (end.record) {
      this.objects.set(`${this.models}/trainings/${training}.json`, {
        body: JSON.stringify({ id: training, history: [], samples: [], logTail: [], ...end.record }),
      });
    }
    const task = {
      Containers: [
        {
          Name: 'trainer',
          ...(end.exit !== undefined && { ExitCode: end.exit }),
          ...(end.reason && { Reason: end.reason }),
        },
      ],
      StopCode: end.stopCode ?? (end.exit === undefined ? 'TaskFailedToStart' : 'EssentialContainerExited'),
      StoppedReason: end.stopped ?? 'Essential container in task exited',
    };
    if (end.exit === 0) return { result: task, seconds };
    return { error: 'States.TaskFailed', cause: end.cause ?? JSON.stringify(task), seconds };
  }
}
