import { type Synthesised, synthesise } from '../synth.ts';

/**
 * The synthesized templates as CloudFormation would deploy them: every reference replaced by the name, ARN or
 * attribute that the resource would have in this account and region.
 */
const account = '123456789012';
const region = 'eu-central-1';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type Properties = Readonly<Record<string, unknown>>;

export interface Resource {
  readonly type: string;
  readonly properties: Properties;
}

/** Stack name -> logical id -> resource with every reference resolved. */
export type Deployed = Readonly<Record<string, Readonly<Record<string, Resource>>>>;

interface RawTemplate {
  readonly Resources: Readonly<Record<string, { readonly Type: string; readonly Properties?: Json }>>;
  readonly Outputs?: Readonly<Record<string, { readonly Value: Json; readonly Export?: { Name: Json } }>>;
}

const pseudo: Readonly<Record<string, string>> = {
  'AWS::AccountId': account,
  'AWS::Region': region,
  'AWS::Partition': 'aws',
  'AWS::URLSuffix': 'amazonaws.com',
};

const arn = (service: string, resource: string, inRegion = region, ofAccount = account): string =>
  `arn:aws:${service}:${inRegion}:${ofAccount}:${resource}`;

/** The name that CloudFormation would make up, without its random part. */
const nameOf = (type: string, stack: string, id: string): string =>
  type === 'AWS::S3::Bucket' ? `${stack}-${id}`.toLowerCase() : `${stack}-${id}`;

const arnOf = (type: string, name: string): string => {
  switch (type) {
    case 'AWS::S3::Bucket':
      return `arn:aws:s3:::${name}`;
    case 'AWS::Lambda::Function':
      return arn('lambda', `function:${name}`);
    case 'AWS::StepFunctions::StateMachine':
      return arn('states', `stateMachine:${name}`);
    case 'AWS::SNS::Topic':
      return arn('sns', name);
    case 'AWS::SQS::Queue':
      return arn('sqs', name);
    case 'AWS::ECS::Cluster':
      return arn('ecs', `cluster/${name}`);
    case 'AWS::ECS::TaskDefinition':
      return arn('ecs', `task-definition/${name}:1`);
    case 'AWS::IAM::Role':
      return `arn:aws:iam::${account}:role/${name}`;
    case 'AWS::Logs::LogGroup':
      return `${arn('logs', `log-group:${name}`)}:*`;
    case 'AWS::Events::Rule':
      return arn('events', `rule/${name}`);
    default:
      return `${type}/${name}`;
  }
};

/** Types whose `Ref` is the ARN; that of the others is the name. */
const refersByArn = new Set([
  'AWS::StepFunctions::StateMachine',
  'AWS::SNS::Topic',
  'AWS::ECS::TaskDefinition',
]);

class Resolver {
  readonly #templates: Readonly<Record<string, RawTemplate>>;

  constructor(templates: Readonly<Record<string, RawTemplate>>) {
    this.#templates = templates;
  }

  resolve(stack: string, value: Json): unknown {
    if (Array.isArray(value)) return value.map((one) => this.resolve(stack, one as Json));
    if (value === null || typeof value !== 'object') return value;
    const entries = Object.entries(value as Record<string, Json>);
    const [[key, argument] = ['', null]] = entries;
    if (entries.length === 1 && (key === 'Ref' || key.startsWith('Fn::'))) {
      return this.#intrinsic(stack, key, argument);
    }
    return Object.fromEntries(
      entries
        .map(([name, one]) => [name, this.resolve(stack, one)] as const)
        .filter(([, one]) => one !== undefined),
    );
  }

  #intrinsic(stack: string, name: string, argument: Json): unknown {
    const resolved = () => this.resolve(stack, argument) as readonly unknown[];
    switch (name) {
      case 'Ref':
        return this.#ref(stack, String(argument));
      case 'Fn::GetAtt': {
        const [id = '', attribute = ''] = argument as readonly string[];
        return this.#attribute(stack, id, attribute);
      }
      case 'Fn::Join': {
        const [separator, parts] = resolved() as [string, unknown[]];
        return parts.join(separator);
      }
      case 'Fn::Select': {
        const [index, list] = resolved() as [number, unknown[]];
        return list[index];
      }
      case 'Fn::Split': {
        const [separator, text] = resolved() as [string, string];
        return text.split(separator);
      }
      case 'Fn::GetAZs':
        return ['a', 'b', 'c'].map((zone) => region + zone);
      case 'Fn::Sub': {
        const text = Array.isArray(argument) ? String(argument[0]) : String(argument);
        return text.replace(/\$\{([^}]+)\}/g, (_, id: string) => String(this.#ref(stack, id)));
      }
      case 'Fn::ImportValue':
        return this.#export(String(this.resolve(stack, argument)));
      case 'Fn::GetStackOutput': {
        const { StackName, OutputName } = argument as Record<string, string>;
        const output = this.#templates[StackName ?? '']?.Outputs?.[OutputName ?? ''];
        if (!output) throw new Error(`There is no output ${OutputName} of ${StackName}.`);
        return this.resolve(StackName ?? '', output.Value);
      }
      default:
        throw new Error(`The rehearsal does not know ${name}.`);
    }
  }

  #ref(stack: string, id: string): unknown {
    if (id === 'AWS::NoValue') return undefined;
    if (id === 'AWS::StackName') return stack;
    if (id === 'AWS::StackId') return arn('cloudformation', `stack/${stack}/1`);
    if (pseudo[id] !== undefined) return pseudo[id];
    const resource = this.#templates[stack]?.Resources[id];
    if (!resource) return `${stack}-parameter-${id}`;
    const name = this.#name(stack, id);
    return refersByArn.has(resource.Type) ? arnOf(resource.Type, name) : name;
  }

  #name(stack: string, id: string): string {
    const resource = this.#templates[stack]?.Resources[id];
    const given = (resource?.Properties as Record<string, Json> | undefined) ?? {};
    const named = given.LogGroupName ?? given.FunctionName ?? given.StateMachineName;
    if (named !== undefined) return String(this.resolve(stack, named as Json));
    return nameOf(resource?.Type ?? '', stack, id);
  }

  #attribute(stack: string, id: string, attribute: string): unknown {
    const resource = this.#templates[stack]?.Resources[id];
    if (!resource) throw new Error(`There is no resource ${id} in ${stack}.`);
    const name = this.#name(stack, id);
    if (/Arn$|^TopicArn$/.test(attribute)) return arnOf(resource.Type, name);
    return attribute === 'Name' || attribute === 'QueueName' ? name : `${name}.${attribute}`;
  }

  #export(name: string): unknown {
    for (const [stack, { Outputs = {} }] of Object.entries(this.#templates)) {
      for (const { Value, Export } of Object.values(Outputs)) {
        if (Export && this.resolve(stack, Export.Name) === name) return this.resolve(stack, Value);
      }
    }
    throw new Error(`No stack exports ${name}.`);
  }
}

/** Synthesizes by settings and resolves what CloudFormation would. */
export async function deployed(context: Readonly<Record<string, unknown>> = {}): Promise<Deployed> {
  return resolveStacks(await synthesise({ 'folio:image': 'example/trainer', ...context }));
}

function resolveStacks(made: Synthesised): Deployed {
  const templates = Object.fromEntries(
    (['data', 'training', 'api'] as const).map((part) => [
      made.names[part],
      made[part].toJSON() as RawTemplate,
    ]),
  );
  const resolver = new Resolver(templates);
  return Object.fromEntries(
    Object.entries(templates).map(([stack, { Resources }]) => [
      stack,
      Object.fromEntries(
        Object.entries(Resources).map(([id, { Type, Properties = {} }]) => [
          id,
          { type: Type, properties: resolver.resolve(stack, Properties) as Properties },
        ]),
      ),
    ]),
  );
}

/** The resources of one type in all stacks, by their logical id. */
export const ofType = (stacks: Deployed, type: string): readonly [id: string, Properties][] =>
  Object.values(stacks).flatMap((resources) =>
    Object.entries(resources)
      .filter(([, resource]) => resource.type === type)
      .map(([id, { properties }]): [string, Properties] => [id, properties]),
  );

/** The one resource of this type whose logical id begins so. */
export function one(stacks: Deployed, type: string, beginning: string): Properties {
  const found = ofType(stacks, type).filter(([id]) => id.startsWith(beginning));
  const [first] = found;
  if (first === undefined || found.length > 1) {
    throw new Error(`Expected one ${type} called ${beginning}…, found ${found.map(([id]) => id).join(', ')}`);
  }
  return first[1];
}

/** A state machine: its definition as deployed, its ARN, its role's policies. */
export interface Machine {
  readonly arn: string;
  readonly role: string;
  readonly definition: Readonly<Record<string, unknown>>;
}

export function machine(stacks: Deployed, beginning: string): Machine {
  const [found] = Object.entries(stacks).flatMap(([stack, resources]) =>
    Object.entries(resources)
      .filter(([id, { type }]) => type === 'AWS::StepFunctions::StateMachine' && id.startsWith(beginning))
      .map(([id, { properties }]) => ({
        arn: arnOf('AWS::StepFunctions::StateMachine', nameOf('', stack, id)),
        role: String(properties.RoleArn),
        definition: JSON.parse(String(properties.DefinitionString)) as Record<string, unknown>,
      })),
  );
  if (!found) throw new Error(`There is no state machine ${beginning}.`);
  return found;
}
