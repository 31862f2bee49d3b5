import { corpusDeletedKey, prefixes, recordKey } from '../src/store/keys.ts';
import { corpusKeyPattern, modelNameExpression, namePattern } from './model-name-expression.ts';
import {
  action,
  busy,
  busyExcept,
  jsonata,
  keyExpression,
  longestTraining,
  noSuchKey,
  type TrainerFacts,
  trainingStart,
  trainStates,
} from './run-trainer.ts';

/**
 * The state machine of a retraining, in the Amazon States Language with JSONata. It is data, so that it can be read
 * from top to bottom and its expressions can be tried without an account.
 *
 * Input: the event that S3 sends about an object under `corpora/`, or what `StateMachineTrainings` makes like one.
 */
export interface RetrainingFacts extends TrainerFacts {
  readonly models: string; // bucket
  readonly topic: string;
  readonly region: string;
  readonly preset: string;
  readonly presets: readonly string[];
  /** The model to start from, where neither the request nor the upload says it. Default: as the preset says. */
  readonly from?: string | undefined;
  readonly trainingsAtOnce: number;
}

/** Times that a training waits for a place: 10 minutes by minutes, then 5 minutes each, a week in all. */
const waits = 2_024;
const waitingSeconds = 7 * 86_400;

/** NAME or NAME@VERSION, within a regular expression. */
const modelPattern = `${namePattern}(@${namePattern})?`;

/** States of a record (`src/training-jobs/training-jobs.ts`) after which it does not change. */
const finalStates = "['published', 'rejected', 'failed']";

/** The model that an event is about: the one that its corpus makes, unless the caller named another. */
const nameOf = (event: string) =>
  `($exists(${event}.model) ? ${event}.model : ${modelNameExpression(`${event}.detail.object.key`)})`;

/**
 * The id of a training, as `src/training-jobs/records.ts` makes them: time, four digits, name.
 *
 * @param input JSONata of the execution's input; `start` of its start, ISO 8601; `name` of its name
 */
export const trainingIdOf = (input: string, start: string, name: string) =>
  `($exists(${input}.training) ? ${input}.training` +
  ` : $replace($substringBefore(${start}, '.'), /[-:Z]/, '') & 'Z-'` +
  ` & $substring($replace(${name}, /[^0-9a-f]/, '') & '0000', 0, 4) & '-' & ${nameOf(input)})`;

/** A record that nobody has written anything into yet. */
const emptyRecord =
  '{"id": $training, "model": $name, "preset": $preset, "corpus": {"source": "s3://" & $bucket & "/" & $key},' +
  ' "startedAt": $started, "history": [], "samples": [], "logTail": []}';

/** A task that writes the training's record. @param parts An array of objects in JSONata, merged in their order */
export const writeRecord = (models: string, parts: string) => ({
  Type: 'Task',
  Resource: action('aws-sdk:s3:putObject'),
  Arguments: {
    Bucket: models,
    Key: jsonata(keyExpression(recordKey, '$training')),
    ContentType: 'application/json',
    Body: jsonata(`$merge(${parts})`),
  },
  Retry: [busy],
});

/** A task that lists running executions of this machine, page by page, by `$token`. */
const listExecutions = () => ({
  Type: 'Task',
  Resource: action('aws-sdk:sfn:listExecutions'),
  Arguments: jsonata(
    '$merge([{"StateMachineArn": $states.context.StateMachine.Id, "StatusFilter": "RUNNING", "MaxResults": 100},' +
      ' $token = "" ? {} : {"NextToken": $token}])',
  ),
  Retry: [busy],
});

/** JSONata: of a page, the executions that started before this one; the ARN decides within a millisecond. */
const earlier =
  '$states.result.Executions[ExecutionArn != $states.context.Execution.Id and ($toMillis(StartDate) < $toMillis($started)' +
  ' or ($toMillis(StartDate) = $toMillis($started) and ExecutionArn < $states.context.Execution.Id))]';

/** JSONata: the token of the next page, or nothing. */
const nextPage = "$exists($states.result.NextToken) ? $states.result.NextToken : ''";

const ignoreMissing = 'Sfn.ExecutionDoesNotExistException';

const failure = (code: string, reason: string) => ({ outcome: 'failed', code, reason });

const caught =
  "($type($states.errorOutput.Cause) = 'string' ? $states.errorOutput.Cause : $states.errorOutput.Error)";

export function retrainingDefinition(facts: RetrainingFacts) {
  return {
    Comment: 'A corpus was uploaded: train on it. It was deleted: say so beside the models made from it.',
    QueryLanguage: 'JSONata',
    TimeoutSeconds: waitingSeconds + longestTraining(facts.trainingSeconds) + 86_400,
    StartAt: 'Read the event',
    States: {
      'Read the event': {
        Type: 'Pass',
        Assign: {
          key: jsonata("$exists($states.input.detail.object.key) ? $states.input.detail.object.key : ''"),
          bucket: jsonata(
            "$exists($states.input.detail.bucket.name) ? $states.input.detail.bucket.name : ''",
          ),
          // Absent where a training of an object that is there already was requested.
          objectVersion: jsonata(
            "$exists($states.input.detail.object.'version-id') ? $states.input.detail.object.'version-id' : ''",
          ),
          name: jsonata(`($name := ${nameOf('$states.input')}; $exists($name) ? $name : '')`),
          deleted: jsonata("$states.input.'detail-type' = 'Object Deleted'"),
          // The end of an old version is no deletion of the corpus.
          oldVersion: jsonata("$states.input.detail.'deletion-type' = 'Permanently Deleted'"),
          requested: jsonata('$exists($states.input.training)'),
          training: jsonata(
            trainingIdOf(
              '$states.input',
              '$states.context.Execution.StartTime',
              '$states.context.Execution.Name',
            ),
          ),
          preset: jsonata(`$exists($states.input.preset) ? $states.input.preset : '${facts.preset}'`),
          from: jsonata(`$exists($states.input.from) ? $states.input.from : '${facts.from ?? ''}'`),
          teachers: jsonata("$exists($states.input.teachers) ? $states.input.teachers : ''"),
          precision: jsonata("$exists($states.input.precision) ? $states.input.precision : ''"),
          started: jsonata('$states.context.Execution.StartTime'),
          record: {},
          unreadable: false,
          waits: 0,
          token: '',
          ...trainingStart,
        },
        Next: 'Is it a corpus?',
      },
      'Is it a corpus?': {
        Type: 'Choice',
        Choices: [
          { Condition: jsonata('$deleted and $oldVersion'), Next: 'Nothing to do' },
          {
            Condition: jsonata(
              `$contains($key, /${corpusKeyPattern}/) and $contains($name, /^${namePattern}$/)`,
            ),
            Next: 'Wait for later uploads',
          },
          { Condition: jsonata('$contains($key, /\\/$/) or $deleted'), Next: 'Nothing to do' },
        ],
        Default: 'Name cannot be used',
      },
      'Nothing to do': { Type: 'Succeed', Output: { state: 'ignored' } },
      'Name cannot be used': {
        Type: 'Pass',
        Assign: failure(
          'invalid_parameter',
          jsonata(
            "'The object ' & $key & ', for a model ' & $name & ', is no corpus: expected corpora/NAME.txt, NAME with a letter from a to z or a digit, in no folder.'",
          ),
        ),
        Next: 'Notify',
      },
      'Wait for later uploads': { Type: 'Wait', Seconds: 5, Next: 'Look at the object' },

      'Look at the object': {
        Type: 'Task',
        Resource: action('aws-sdk:s3:headObject'),
        Arguments: { Bucket: jsonata('$bucket'), Key: jsonata('$key') },
        Retry: busyExcept(noSuchKey),
        Catch: [
          { ErrorEquals: [noSuchKey], Assign: { found: false, latest: false }, Next: 'What is there?' },
          {
            ErrorEquals: ['States.ALL'],
            // The answer to a HEAD has no body that would name the error: its status may be all there is.
            Assign: {
              found: false,
              latest: false,
              unreadable: jsonata(`$not($contains(${caught}, /status( code:)? 404/i))`),
              ...failure('store_failed', jsonata(`'The corpus cannot be read: ' & ${caught}`)),
            },
            Next: 'What is there?',
          },
        ],
        Assign: {
          found: true,
          latest: jsonata("$objectVersion = '' or $states.result.VersionId = $objectVersion"),
          // The form of an upload may carry the names of a preset, of the model to start from, of those to learn from and of a precision.
          preset: jsonata(
            '$exists($states.result.Metadata.preset) ? $states.result.Metadata.preset : $preset',
          ),
          from: jsonata('$exists($states.result.Metadata.from) ? $states.result.Metadata.from : $from'),
          teachers: jsonata(
            '$exists($states.result.Metadata.teachers) ? $states.result.Metadata.teachers : $teachers',
          ),
          precision: jsonata(
            '$exists($states.result.Metadata.precision) ? $states.result.Metadata.precision : $precision',
          ),
        },
        Next: 'What is there?',
      },
      'What is there?': {
        Type: 'Choice',
        Choices: [
          { Condition: jsonata('$unreadable'), Next: 'Record as failed' },
          { Condition: jsonata('$deleted and $found'), Next: 'Nothing to do' },
          { Condition: jsonata('$deleted'), Next: 'List executions' },
          {
            Condition: jsonata('$requested and $not($found)'),
            Assign: failure(
              'corpus_not_found',
              jsonata("'There is no corpus s3://' & $bucket & '/' & $key & '.'"),
            ),
            Next: 'Record as failed',
          },
          // A later upload has an execution of its own, whichever of the two events came first; so has a deletion.
          { Condition: jsonata('$not($latest)'), Next: 'Superseded' },
          {
            Condition: jsonata(`$not($preset in ${JSON.stringify(facts.presets)})`),
            Assign: failure(
              'invalid_parameter',
              jsonata(`'There is no preset ' & $preset & ': expected one of ${facts.presets.join(', ')}.'`),
            ),
            Next: 'Record as failed',
          },
          {
            Condition: jsonata(`$not($contains($from, /^(${modelPattern})?$/))`),
            Assign: failure(
              'invalid_parameter',
              jsonata(
                "'There can be no model ' & $from & ' to start from: expected NAME, NAME@VERSION or none.'",
              ),
            ),
            Next: 'Record as failed',
          },
          {
            Condition: jsonata(`$not($contains($teachers, /^(${modelPattern}( ${modelPattern}){0,7})?$/))`),
            Assign: failure(
              'invalid_parameter',
              jsonata(
                "'There can be no models ' & $teachers & ' to learn from: expected up to eight times NAME or NAME@VERSION, separated by spaces.'",
              ),
            ),
            Next: 'Record as failed',
          },
          {
            Condition: jsonata("$not($precision in ['', 'f32', 'bf16'])"),
            Assign: failure(
              'invalid_parameter',
              jsonata("'There is no precision ' & $precision & ': expected f32 or bf16.'"),
            ),
            Next: 'Record as failed',
          },
        ],
        Default: 'List executions',
      },
      Superseded: { Type: 'Succeed', Output: { state: 'superseded' } },

      // The latest upload of a name, or its deletion, stops what trains or waits for the same name.
      'List executions': {
        ...listExecutions(),
        Assign: { earlier: jsonata(`[${earlier}.ExecutionArn]`), token: jsonata(nextPage) },
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
              Resource: action('aws-sdk:sfn:describeExecution'),
              Arguments: { ExecutionArn: jsonata('$states.input') },
              Retry: busyExcept(ignoreMissing),
              Catch: [{ ErrorEquals: [ignoreMissing], Output: 0, Next: 'Keep running' }],
              Output: {
                arn: jsonata('$states.input'),
                same: jsonata(
                  `($event := $parse($states.result.Input); ${nameOf('$event')} = $name or ($deleted and $event.detail.object.key = $key))`,
                ),
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
              Resource: action('aws-sdk:sfn:stopExecution'),
              Arguments: {
                ExecutionArn: jsonata('$states.input.arn'),
                Error: 'superseded',
                Cause: 'A later event of the same corpus replaced this one.',
              },
              Retry: busyExcept(ignoreMissing),
              Catch: [{ ErrorEquals: [ignoreMissing], Output: 0, Next: 'Keep running' }],
              Output: 0,
              End: true,
            },
            'Keep running': { Type: 'Pass', Output: 0, End: true },
          },
        },
        Output: {},
        Next: 'More executions?',
      },
      'More executions?': {
        Type: 'Choice',
        Choices: [
          { Condition: jsonata("$token != ''"), Next: 'List executions' },
          { Condition: jsonata('$deleted'), Next: 'Mark the models' },
        ],
        Default: 'Record as queued',
      },

      // A deleted corpus: models made from it stay, and say that their source is gone.
      'Mark the models': {
        Type: 'Task',
        Resource: action('aws-sdk:s3:putObject'),
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
          code: '',
          reason: 'Versions made from it stay, and are marked. docs/operations.md says how to remove them.',
        },
        Next: 'Notify',
      },

      'Record as queued': {
        ...writeRecord(facts.models, `[${emptyRecord}, {"state": "queued", "updatedAt": $now()}]`),
        Catch: [
          {
            ErrorEquals: ['States.ALL'],
            Assign: failure('store_failed', jsonata(`'The record cannot be written: ' & ${caught}`)),
            Next: 'Record as failed',
          },
        ],
        Next: 'Count executions ahead',
      },

      // First come, first served: it trains once fewer than trainings-at-once of those before it are left.
      'Count executions ahead': {
        ...listExecutions(),
        Assign: {
          ahead: jsonata(`($token = '' ? 0 : $ahead) + $count(${earlier})`),
          token: jsonata(nextPage),
        },
        Output: {},
        Next: 'Is there a place?',
      },
      'Is there a place?': {
        Type: 'Choice',
        Choices: [
          {
            Condition: jsonata(`$ahead >= ${facts.trainingsAtOnce} and $waits >= ${waits}`),
            Assign: failure(
              'unavailable',
              'It waited a week for a place among the trainings that run at once.',
            ),
            Next: 'Record as failed',
          },
          { Condition: jsonata(`$ahead >= ${facts.trainingsAtOnce}`), Next: 'Wait for a place' },
          { Condition: jsonata("$token != ''"), Next: 'Count executions ahead' },
        ],
        Default: 'Train',
      },
      'Wait for a place': {
        Type: 'Wait',
        Seconds: jsonata('$waits < 10 ? 60 : 300'),
        Assign: { waits: jsonata('$waits + 1'), token: '' },
        Next: 'Count executions ahead',
      },

      ...trainStates(facts, {
        training: '$training',
        command:
          "$append($append($append(['--corpus', 's3://' & $bucket & '/' & $key, '--name', $name, '--preset', $preset]," +
          " $from = '' ? [] : ['--from', $from]), $teachers = '' ? [] : $append(['--teacher'], $split($teachers, ' '))), " +
          " $precision = '' ? [] : ['--precision', $precision])",
        ended: 'Read record',
      }),

      // The trainer's own record, if it wrote one.
      'Read record': {
        Type: 'Task',
        Resource: action('aws-sdk:s3:getObject'),
        Arguments: { Bucket: facts.models, Key: jsonata(keyExpression(recordKey, '$training')) },
        Assign: { record: jsonata('$parse($states.result.Body)') },
        Output: {},
        Retry: busyExcept(noSuchKey, 'States.DataLimitExceeded', 'States.QueryEvaluationError'),
        Catch: [
          // States.ALL does not cover it.
          { ErrorEquals: ['States.DataLimitExceeded'], Output: {}, Next: 'Reconcile record' },
          { ErrorEquals: ['States.ALL'], Output: {}, Next: 'Reconcile record' },
        ],
        Next: 'Reconcile record',
      },
      'Reconcile record': {
        Type: 'Pass',
        Assign: { outcome: jsonata(`$record.state in ${finalStates} ? $record.state : $outcome`) },
        Next: 'Needs closing?',
      },
      'Needs closing?': {
        Type: 'Choice',
        Choices: [
          { Condition: jsonata("$outcome = 'published'"), Next: 'Remove the mark of a deletion' },
          // A task that was killed could not say that it ended.
          {
            Condition: jsonata(`$outcome = 'failed' and $not($record.state in ${finalStates})`),
            Next: 'Record as failed',
          },
        ],
        Default: 'Notify',
      },
      'Remove the mark of a deletion': {
        Type: 'Task',
        Resource: action('aws-sdk:s3:deleteObject'),
        Arguments: {
          Bucket: facts.models,
          Key: jsonata(keyExpression(corpusDeletedKey, '$name')),
        },
        Retry: [busy],
        Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Notify' }],
        Next: 'Notify',
      },
      'Record as failed': {
        ...writeRecord(
          facts.models,
          `[${emptyRecord}, $record, {"state": "failed", "updatedAt": $now(),` +
            ' "failure": {"code": $code, "message": $reason}}]',
        ),
        Catch: [{ ErrorEquals: ['States.ALL'], Next: 'Notify' }],
        Next: 'Notify',
      },

      Notify: {
        Type: 'Task',
        Resource: action('sns:publish'),
        Arguments: {
          TopicArn: facts.topic,
          Subject: jsonata(
            `$substring('Folio: ' & $replace($name, /[^ -~]/, '?'), 0, 70) & ': ' & ($outcome = 'rejected' ? 'kept as a candidate' : $outcome)`,
          ),
          Message: jsonata(message(facts)),
        },
        Retry: [busy],
        Output: {
          state: jsonata('$outcome'),
          model: jsonata('$name'),
          training: jsonata('$training'),
          code: jsonata('$exists($record.failure.code) ? $record.failure.code : $code'),
          reason: jsonata('$exists($record.failure.message) ? $record.failure.message : $reason'),
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
      : $reason != '' ? 'Reason:   ' & ($code != '' ? $code & ': ' : '') & $reason : [],
    $exists($last.validationLoss) ? 'Loss:     ' & $string($last.loss) & ' nats per character, '
      & $string($last.validationLoss) & ' on the held-out part, after ' & $string($last.epoch) & ' epochs' : [],
    $exists($record.version) ? 'Report:   https://${region}.console.aws.amazon.com/s3/object/${models}?prefix='
      & $kept & $name & '/' & $record.version & '/report.html' : []
  ], '\\n')
)`;
