import { corpusDeletedKey, prefixes, recordKey } from '../src/store/keys.ts';
import { busy, jsonata, keyExpression, runTrainer, type TrainerFacts } from './run-trainer.ts';

/**
 * The state machine of a retraining, in the Amazon States Language with JSONata. It is data, so that it can be read
 * from top to bottom and its expressions can be tried without an account.
 *
 * Input: the event that S3 sends about an object under `corpora/`.
 */
export interface RetrainingFacts extends TrainerFacts {
  readonly models: string; // bucket
  readonly topic: string;
  readonly region: string;
  readonly preset: string;
  readonly spot: boolean;
  readonly trainingsAtOnce: number;
}

/** Tasks started for one training at most: one on spare capacity, then on demand. */
const attempts = 4;

/** What another try cannot mend: bad arguments, corpora and checkpoints, divergence, the gate (`src/errors.ts`). */
const finalExitCodes = [2, 3, 4, 5, 6, 7];

/** States of a record (`src/training-jobs/training-jobs.ts`) after which it does not change. */
const finalStates = "['published', 'rejected', 'failed']";

/** The model that an event is about: the corpus' own name, unless the caller named another. */
const nameOf = (event: string) =>
  `$exists(${event}.model) ? ${event}.model : $replace(${event}.detail.object.key, /^corpora\\/|\\.txt$/, '')`;

/** As `src/training-jobs/records.ts` makes them: time, four digits, name. */
const trainingId =
  "$replace($substringBefore($states.context.Execution.StartTime, '.'), /[-:Z]/, '') & 'Z-'" +
  " & $substring($replace($states.context.Execution.Name, /[^0-9a-f]/, '') & '0000', 0, 4)" +
  ` & '-' & (${nameOf('$states.input')})`;

/** A record that nobody has written anything into yet. */
const emptyRecord =
  '{"id": $training, "model": $name, "preset": $preset, "corpus": {"source": "s3://" & $bucket & "/" & $key},' +
  ' "startedAt": $started, "history": [], "samples": [], "logTail": []}';

/** A task that writes the training's record. @param parts An array of objects in JSONata, merged in their order */
const writeRecord = (facts: RetrainingFacts, parts: string) => ({
  Type: 'Task',
  Resource: 'arn:aws:states:::aws-sdk:s3:putObject',
  Arguments: {
    Bucket: facts.models,
    Key: jsonata(keyExpression(recordKey, '$training')),
    ContentType: 'application/json',
    Body: jsonata(`$merge(${parts})`),
  },
  Retry: [busy],
});

export function retrainingDefinition(facts: RetrainingFacts) {
  return {
    Comment: 'A corpus was uploaded: train on it. It was deleted: say so beside the models made from it.',
    QueryLanguage: 'JSONata',
    StartAt: 'Read the event',
    States: {
      'Read the event': {
        Type: 'Pass',
        Assign: {
          key: jsonata('$states.input.detail.object.key'),
          bucket: jsonata('$states.input.detail.bucket.name'),
          // Absent where a training of an object that is there already was requested.
          objectVersion: jsonata(
            "$exists($states.input.detail.object.'version-id') ? $states.input.detail.object.'version-id' : ''",
          ),
          name: jsonata(nameOf('$states.input')),
          deleted: jsonata("$states.input.'detail-type' = 'Object Deleted'"),
          training: jsonata(`$exists($states.input.training) ? $states.input.training : ${trainingId}`),
          preset: jsonata(`$exists($states.input.preset) ? $states.input.preset : '${facts.preset}'`),
          started: jsonata('$states.context.Execution.StartTime'),
          attempt: 0,
        },
        Next: 'Is it a corpus?',
      },
      'Is it a corpus?': {
        Type: 'Choice',
        Choices: [
          {
            Condition: jsonata('$contains($key, /^corpora\\/[A-Za-z0-9][A-Za-z0-9_.-]{0,63}\\.txt$/)'),
            Next: 'Wait for later uploads',
          },
          { Condition: jsonata('$contains($key, /\\/$/) or $deleted'), Next: 'Nothing to do' },
        ],
        Default: 'Name cannot be used',
      },
      'Nothing to do': { Type: 'Succeed', Output: { state: 'ignored' } },
      'Name cannot be used': {
        Type: 'Pass',
        Assign: {
          outcome: 'failed',
          code: 'invalid_parameter',
          reason: jsonata(
            "'The object ' & $key & ' is no corpus: expected corpora/NAME.txt, NAME of up to 64 letters, digits, dots, dashes and underscores.'",
          ),
          record: {},
        },
        Next: 'Notify',
      },
      'Wait for later uploads': { Type: 'Wait', Seconds: 5, Next: 'List executions' },

      // The later upload of a name wins: whoever is not the latest ends, and the latest stops the others.
      'List executions': {
        Type: 'Task',
        Resource: 'arn:aws:states:::aws-sdk:sfn:listExecutions',
        Arguments: {
          StateMachineArn: jsonata('$states.context.StateMachine.Id'),
          StatusFilter: 'RUNNING',
          MaxResults: 1000,
        },
        Retry: [busy],
        Assign: {
          earlier: jsonata(
            '[$states.result.Executions[ExecutionArn != $states.context.Execution.Id' +
              ' and $toMillis(StartDate) < $toMillis($started)].ExecutionArn]',
          ),
        },
        Next: 'Stop earlier trainings of this name',
      },
      'Stop earlier trainings of this name': {
        Type: 'Map',
        Items: jsonata('$earlier'),
        MaxConcurrency: 5,
        ItemProcessor: {
          ProcessorConfig: { Mode: 'INLINE' },
          StartAt: 'Earlier execution',
          States: {
            'Earlier execution': {
              Type: 'Task',
              Resource: 'arn:aws:states:::aws-sdk:sfn:describeExecution',
              Arguments: { ExecutionArn: jsonata('$states.input') },
              Retry: [busy],
              Output: {
                arn: jsonata('$states.input'),
                same: jsonata(`($event := $parse($states.result.Input); (${nameOf('$event')}) = $name)`),
                running: jsonata("$states.result.Status = 'RUNNING'"),
              },
              Next: 'Same name?',
            },
            'Same name?': {
              Type: 'Choice',
              Choices: [
                {
                  Condition: jsonata('$states.input.same and $states.input.running'),
                  Next: 'Stop earlier execution',
                },
              ],
              Default: 'Keep running',
            },
            'Stop earlier execution': {
              Type: 'Task',
              Resource: 'arn:aws:states:::aws-sdk:sfn:stopExecution',
              Arguments: {
                ExecutionArn: jsonata('$states.input.arn'),
                Error: 'superseded',
                Cause: 'A later event of the same corpus replaced this one.',
              },
              Retry: [busy],
              Output: 0,
              End: true,
            },
            'Keep running': {
              Type: 'Pass',
              Output: jsonata('$states.input.running and $not($states.input.same) ? 1 : 0'),
              End: true,
            },
          },
        },
        Assign: { ahead: jsonata('$count($states.result) = 0 ? 0 : $sum($states.result)') },
        Next: 'Uploaded or deleted?',
      },
      'Uploaded or deleted?': {
        Type: 'Choice',
        Choices: [{ Condition: jsonata('$deleted'), Next: 'Mark the models' }],
        Default: 'Look at the object',
      },

      // A deleted corpus: models made from it stay, and say that their source is gone.
      'Mark the models': {
        Type: 'Task',
        Resource: 'arn:aws:states:::aws-sdk:s3:putObject',
        Arguments: {
          Bucket: facts.models,
          Key: jsonata(keyExpression(corpusDeletedKey, '$name')),
          ContentType: 'application/json',
          Body: {
            corpus: jsonata("'s3://' & $bucket & '/' & $key"),
            deletedAt: jsonata('$started'),
          },
        },
        Retry: [busy],
        Assign: {
          outcome: 'corpus deleted',
          code: null,
          reason: 'Versions made from it stay, and are marked. docs/operations.md says how to remove them.',
          record: {},
        },
        Next: 'Notify',
      },

      'Look at the object': {
        Type: 'Task',
        Resource: 'arn:aws:states:::aws-sdk:s3:headObject',
        Arguments: { Bucket: jsonata('$bucket'), Key: jsonata('$key') },
        Retry: [{ ...busy, ErrorEquals: ['S3.SlowDownException', 'S3.SdkClientException'] }],
        Catch: [{ ErrorEquals: ['States.TaskFailed'], Next: 'Superseded' }],
        // The form of an upload may carry the name of a preset.
        Assign: {
          preset: jsonata(
            '$exists($states.result.Metadata.preset) ? $states.result.Metadata.preset : $preset',
          ),
        },
        Output: {
          latest: jsonata("$objectVersion = '' or $states.result.VersionId = $objectVersion"),
        },
        Next: 'Is it the latest?',
      },
      'Is it the latest?': {
        Type: 'Choice',
        Choices: [
          { Condition: jsonata('$not($states.input.latest)'), Next: 'Superseded' },
          { Condition: jsonata(`$ahead >= ${facts.trainingsAtOnce}`), Next: 'Wait for a place' },
        ],
        Default: 'Record as queued',
      },
      'Record as queued': {
        ...writeRecord(facts, `[${emptyRecord}, {"state": "queued", "updatedAt": $now()}]`),
        Next: 'Train',
      },
      Superseded: { Type: 'Succeed', Output: { state: 'superseded' } },
      'Wait for a place': { Type: 'Wait', Seconds: 60, Next: 'List executions' },

      Train: {
        Type: 'Task',
        ...runTrainer(facts, {
          spot: facts.spot ? '$attempt = 0' : 'false',
          training: '$training',
          command: [
            '--corpus',
            jsonata("'s3://' & $bucket & '/' & $key"),
            '--name',
            jsonata('$name'),
            '--preset',
            jsonata('$preset'),
          ],
        }),
        Assign: { outcome: 'published', code: null, exitCode: 0, reason: '' },
        Catch: [
          {
            ErrorEquals: ['States.ALL'],
            Assign: {
              attempt: jsonata('$attempt + 1'),
              outcome: 'failed',
              code: jsonata('$states.errorOutput.Error'),
              exitCode: jsonata(
                '($task := $contains($states.errorOutput.Cause, \'"Containers"\') ? $parse($states.errorOutput.Cause) : {};' +
                  ' $exists($task.Containers[0].ExitCode) ? $task.Containers[0].ExitCode : -1)',
              ),
              reason: jsonata(
                '($task := $contains($states.errorOutput.Cause, \'"Containers"\') ? $parse($states.errorOutput.Cause) : {};' +
                  ' $exists($task.StoppedReason) ? $task.StoppedReason : $states.errorOutput.Cause)',
              ),
            },
            Next: 'Should retry?',
          },
        ],
        Next: 'Read record',
      },
      'Should retry?': {
        Type: 'Choice',
        Choices: [
          {
            Condition: jsonata(
              `$exitCode in ${JSON.stringify(finalExitCodes)} or $code = 'States.Timeout' or $attempt >= ${attempts}`,
            ),
            Next: 'Read record',
          },
        ],
        Default: 'Wait before the next try',
      },
      'Wait before the next try': { Type: 'Wait', Seconds: 30, Next: 'Train' },

      // The trainer's own record, if it wrote one.
      'Read record': {
        Type: 'Task',
        Resource: 'arn:aws:states:::aws-sdk:s3:getObject',
        Arguments: { Bucket: facts.models, Key: jsonata(keyExpression(recordKey, '$training')) },
        Assign: { record: jsonata('$parse($states.result.Body)') },
        Retry: [{ ...busy, ErrorEquals: ['S3.SlowDownException', 'S3.SdkClientException'] }],
        Catch: [{ ErrorEquals: ['States.ALL'], Assign: { record: {} }, Next: 'Reconcile record' }],
        Next: 'Reconcile record',
      },
      'Reconcile record': {
        Type: 'Pass',
        Assign: { outcome: jsonata(`$record.state in ${finalStates} ? $record.state : $outcome`) },
        Next: 'Needs closing?',
      },
      // A task that was killed could not say that it ended.
      'Needs closing?': {
        Type: 'Choice',
        Choices: [
          {
            Condition: jsonata(`$outcome = 'failed' and $not($record.state in ${finalStates})`),
            Next: 'Record as failed',
          },
        ],
        Default: 'Notify',
      },
      'Record as failed': {
        ...writeRecord(
          facts,
          `[${emptyRecord}, $record, {"state": "failed", "updatedAt": $now(),` +
            ' "failure": {"code": $code = "States.Timeout" ? "time_limit" : "unavailable", "message": $reason}}]',
        ),
        Next: 'Notify',
      },

      Notify: {
        Type: 'Task',
        Resource: 'arn:aws:states:::sns:publish',
        Arguments: {
          TopicArn: facts.topic,
          Subject: jsonata(
            `$substring('Folio: ' & $name & ': ' & ($outcome = 'rejected' ? 'kept as a candidate' : $outcome), 0, 99)`,
          ),
          Message: jsonata(message(facts)),
        },
        Retry: [busy],
        Output: {
          state: jsonata('$outcome'),
          model: jsonata('$name'),
          training: jsonata('$training'),
          code: jsonata('$exists($record.failure) ? $record.failure.code : $code'),
          reason: jsonata('$exists($record.failure) ? $record.failure.message : $reason'),
        },
        Next: 'Failed or done?',
      },
      'Failed or done?': {
        Type: 'Choice',
        Choices: [{ Condition: jsonata("$states.input.state = 'failed'"), Next: 'Failed' }],
        Default: 'Done',
      },
      Failed: {
        Type: 'Fail',
        Error: jsonata('$states.input.code'),
        Cause: jsonata('$states.input.reason'),
      },
      Done: { Type: 'Succeed' },
    },
  };
}

/** The text of the mail: what happened, the figures of the report, and where the whole report is. */
const message = ({ models, region }: RetrainingFacts) => `(
  $failure := $record.failure;
  $last := $record.history[-1];
  $kept := $outcome = 'rejected' ? '${prefixes.candidates}' : '${prefixes.models}';
  $join([
    'Model:    ' & $name,
    'Corpus:   s3://' & $bucket & '/' & $key,
    'Training: ' & $training,
    'Outcome:  ' & ($outcome = 'rejected' ? 'not published, kept as a candidate' : $outcome),
    $exists($failure.message) ? 'Reason:   ' & $failure.code & ': ' & $failure.message
      : $reason != '' ? 'Reason:   ' & ($code != null ? $code & ': ' : '') & $reason : [],
    $exists($last.validationLoss) ? 'Loss:     ' & $string($last.loss) & ' nats per character, '
      & $string($last.validationLoss) & ' on the held-out part, after ' & $string($last.epoch) & ' epochs' : [],
    $exists($record.version) ? 'Report:   https://${region}.console.aws.amazon.com/s3/object/${models}?prefix='
      & $kept & $name & '/' & $record.version & '/report.html' : []
  ], '\\n')
)`;
