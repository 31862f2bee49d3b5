import { modelFile, pointerKey, prefixes } from '../src/store/keys.ts';
import { action, busyExcept, jsonata, keyExpression, noSuchKey } from './run-trainer.ts';

/** Faults of the job, not of the moment: every batch would meet them, and every try. */
const faultsOfTheJob = [
  'model_not_found',
  'model_invalid',
  'model_unsupported',
  'invalid_parameter',
  'ZodError',
];

/** An express execution lives for 300 s: tries and waits have to fit. */
const retry = [
  { ErrorEquals: faultsOfTheJob, MaxAttempts: 0 },
  {
    // Functions of the account are all at work: with less than ten of them, a job of ten waits for its own.
    ErrorEquals: ['Lambda.TooManyRequestsException'],
    IntervalSeconds: 3,
    MaxAttempts: 8,
    BackoffRate: 2,
    MaxDelaySeconds: 30,
    JitterStrategy: 'FULL',
  },
  {
    ErrorEquals: ['States.TaskFailed'],
    IntervalSeconds: 2,
    MaxAttempts: 4,
    BackoffRate: 2,
    JitterStrategy: 'FULL',
  },
];

/**
 * The state machine of a bulk job. Input:
 * `{ "task": "generate" | "score", "input": "bulk/NAME.jsonl", "output": "bulk/NAME-out", "model": "shakespeare",
 * "defaults": {}, "seed": 0, "concurrency": 10 }`, keys of the model bucket; all but task and input may be left out.
 *
 * Each batch writes its results itself, since the data of a state is bounded by 256 KiB. An execution that failed is
 * redriven: batches that were done are not done again.
 */
export function bulkDefinition({ item, models }: { readonly item: string; readonly models: string }) {
  const given = (field: string, type: string, otherwise: string) =>
    jsonata(`$type($states.input.${field}) = '${type}' ? $states.input.${field} : ${otherwise}`);
  const fits = (field: string, type: string, more = 'true') =>
    `($exists($states.input.${field}) ? $type($states.input.${field}) = '${type}' and ${more} : true)`;
  return {
    Comment: 'Rows of JSON from S3 through the model and back to S3',
    QueryLanguage: 'JSONata',
    TimeoutSeconds: 7 * 86_400,
    StartAt: 'Is it a job?',
    States: {
      'Is it a job?': {
        Type: 'Choice',
        Choices: [
          {
            Condition: jsonata(
              [
                "$states.input.task in ['generate', 'score']",
                "$type($states.input.input) = 'string' and $contains($states.input.input, /^bulk\\/.+\\.jsonl$/)",
                fits('output', 'string', '$contains($states.input.output, /^bulk\\/.*[^\\/]$/)'),
                fits('model', 'string', '$contains($states.input.model, /^[A-Za-z0-9][A-Za-z0-9_.@-]*$/)'),
                fits('defaults', 'object'),
                fits('seed', 'number'),
                fits(
                  'concurrency',
                  'number',
                  '$states.input.concurrency = $floor($states.input.concurrency) and $states.input.concurrency >= 1 and $states.input.concurrency <= 1000',
                ),
              ].join(' and '),
            ),
            Next: 'Read the job',
          },
        ],
        Default: 'Refused',
      },
      Refused: {
        Type: 'Fail',
        Error: 'invalid_parameter',
        Cause:
          'Expected {"task": "generate" or "score", "input": "bulk/NAME.jsonl"}, and where they are given: "output" like "bulk/NAME", ' +
          '"model" like NAME or NAME@VERSION, "defaults" an object, "seed" a number, "concurrency" from 1 to 1000.',
      },
      'Read the job': {
        Type: 'Pass',
        Assign: {
          task: jsonata('$states.input.task'),
          input: jsonata('$states.input.input'),
          output: given('output', 'string', "$replace($states.input.input, /\\.jsonl$/, '') & '-out'"),
          model: given('model', 'string', "'shakespeare'"),
          defaults: given('defaults', 'object', '{}'),
          seed: given('seed', 'number', '0'),
          concurrency: given('concurrency', 'number', '10'),
        },
        Next: 'Is the version pinned?',
      },
      'Is the version pinned?': {
        Type: 'Choice',
        Choices: [{ Condition: jsonata("$contains($model, '@')"), Next: 'Is the version there?' }],
        Default: 'Pin the version',
      },
      // One version for every row, whatever is published meanwhile.
      'Pin the version': {
        Type: 'Task',
        Resource: action('aws-sdk:s3:getObject'),
        Arguments: { Bucket: models, Key: jsonata(keyExpression(pointerKey, '$model')) },
        Retry: busyExcept(noSuchKey),
        Catch: [{ ErrorEquals: [noSuchKey], Next: 'No such model' }],
        Assign: { model: jsonata("$model & '@' & $parse($states.result.Body).version") },
        Output: {},
        Next: 'Rows',
      },
      'Is the version there?': {
        Type: 'Task',
        Resource: action('aws-sdk:s3:headObject'),
        Arguments: {
          Bucket: models,
          Key: jsonata(`'${prefixes.models}' & $replace($model, '@', '/') & '/${modelFile}'`),
        },
        Retry: busyExcept(noSuchKey),
        Catch: [{ ErrorEquals: [noSuchKey], Next: 'No such model' }],
        Output: {},
        Next: 'Rows',
      },
      'No such model': {
        Type: 'Fail',
        Error: 'model_not_found',
        Cause: jsonata("'There is no model ' & $model & '.'"),
      },
      Rows: {
        Type: 'Map',
        Label: 'Rows',
        MaxConcurrency: jsonata('$concurrency'),
        ItemReader: {
          Resource: action('s3:getObject'),
          ReaderConfig: { InputType: 'JSONL' },
          Arguments: { Bucket: models, Key: jsonata('$input') },
        },
        ItemSelector: {
          index: jsonata('$states.context.Map.Item.Index'),
          row: jsonata('$states.context.Map.Item.Value'),
        },
        ItemBatcher: {
          MaxItemsPerBatch: 100,
          MaxInputBytesPerBatch: 200_000,
          BatchInput: {
            task: jsonata('$task'),
            model: jsonata('$model'),
            defaults: jsonata('$defaults'),
            seed: jsonata('$seed'),
            output: jsonata('$output'),
          },
        },
        ItemProcessor: {
          ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'EXPRESS' },
          StartAt: 'Batch',
          States: {
            Batch: {
              Type: 'Task',
              Resource: action('lambda:invoke'),
              Arguments: { FunctionName: item, Payload: jsonata('$states.input') },
              Output: jsonata('$states.result.Payload'),
              Retry: retry,
              TimeoutSeconds: 290,
              End: true,
            },
          },
        },
        // What each batch says of itself; without a writer it would pass through this state, whose data is bounded.
        ResultWriter: {
          Resource: action('s3:putObject'),
          Arguments: { Bucket: models, Prefix: jsonata("$output & '-summary'") },
          WriterConfig: { OutputType: 'JSONL', Transformation: 'FLATTEN' },
        },
        Output: {
          model: jsonata('$model'),
          results: { Bucket: models, Prefix: jsonata("$output & '/'") },
          summary: jsonata('$states.result.ResultWriterDetails'),
        },
        End: true,
      },
    },
  };
}
