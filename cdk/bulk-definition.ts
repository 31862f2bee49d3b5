import { pointerKey } from '../src/store/keys.ts';
import { jsonata, keyExpression } from './run-trainer.ts';

const infrastructure = {
  ErrorEquals: [
    'Lambda.ServiceException',
    'Lambda.AWSLambdaException',
    'Lambda.SdkClientException',
    'Lambda.TooManyRequestsException',
    'States.TaskFailed',
  ],
  IntervalSeconds: 2,
  MaxAttempts: 5,
  BackoffRate: 2,
  JitterStrategy: 'FULL',
};

/**
 * The state machine of a bulk job. Input:
 * `{ "task": "generate" | "score", "input": "bulk/NAME.jsonl", "output": "bulk/NAME-out", "model": "shakespeare",
 * "defaults": {}, "seed": 0, "concurrency": 10 }`, keys of the model bucket; all but task and input may be left out.
 *
 * An execution that failed is redriven: batches that were done are not done again.
 */
export function bulkDefinition({ item, models }: { readonly item: string; readonly models: string }) {
  return {
    Comment: 'Rows of JSON from S3 through the model and back to S3',
    QueryLanguage: 'JSONata',
    StartAt: 'Read the job',
    States: {
      'Read the job': {
        Type: 'Pass',
        Assign: {
          task: jsonata('$states.input.task'),
          input: jsonata('$states.input.input'),
          output: jsonata(
            "$exists($states.input.output) ? $states.input.output : $replace($states.input.input, /\\.jsonl$/, '') & '-out'",
          ),
          model: jsonata("$exists($states.input.model) ? $states.input.model : 'shakespeare'"),
          defaults: jsonata('$exists($states.input.defaults) ? $states.input.defaults : {}'),
          seed: jsonata('$exists($states.input.seed) ? $states.input.seed : 0'),
          concurrency: jsonata('$exists($states.input.concurrency) ? $states.input.concurrency : 10'),
        },
        Next: 'Is it a job?',
      },
      'Is it a job?': {
        Type: 'Choice',
        Choices: [
          {
            Condition: jsonata(
              "$task in ['generate', 'score'] and $contains($input, /^bulk\\/.+\\.jsonl$/) and $contains($output, /^bulk\\/.+/)",
            ),
            Next: 'Is the version pinned?',
          },
        ],
        Default: 'Refused',
      },
      Refused: {
        Type: 'Fail',
        Error: 'invalid_parameter',
        Cause: 'Expected a task of generate or score, and an input like bulk/NAME.jsonl in the model bucket.',
      },
      'Is the version pinned?': {
        Type: 'Choice',
        Choices: [{ Condition: jsonata("$contains($model, '@')"), Next: 'Rows' }],
        Default: 'Pin the version',
      },
      // One version for every row, whatever is published meanwhile.
      'Pin the version': {
        Type: 'Task',
        Resource: 'arn:aws:states:::aws-sdk:s3:getObject',
        Arguments: { Bucket: models, Key: jsonata(keyExpression(pointerKey, '$model')) },
        Assign: { model: jsonata("$model & '@' & $parse($states.result.Body).version") },
        Next: 'Rows',
      },
      Rows: {
        Type: 'Map',
        Label: 'Rows',
        MaxConcurrency: jsonata('$concurrency'),
        ItemReader: {
          Resource: 'arn:aws:states:::s3:getObject',
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
          },
        },
        ItemProcessor: {
          ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'EXPRESS' },
          StartAt: 'Batch',
          States: {
            Batch: {
              Type: 'Task',
              Resource: 'arn:aws:states:::lambda:invoke',
              Arguments: { FunctionName: item, Payload: jsonata('$states.input') },
              Output: jsonata('$states.result.Payload'),
              Retry: [infrastructure],
              TimeoutSeconds: 290, // express executions live for 300
              End: true,
            },
          },
        },
        ResultWriter: {
          Resource: 'arn:aws:states:::s3:putObject',
          Arguments: { Bucket: models, Prefix: jsonata('$output') },
          WriterConfig: { OutputType: 'JSONL', Transformation: 'FLATTEN' },
        },
        Output: {
          model: jsonata('$model'),
          results: jsonata('$states.result.ResultWriterDetails'),
        },
        End: true,
      },
    },
  };
}
