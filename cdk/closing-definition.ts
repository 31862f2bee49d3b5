import { recordKey } from '../src/store/keys.ts';
import { trainingIdOf, writeRecord } from './retraining-definition.ts';
import { action, busy, busyExcept, jsonata, keyExpression, noSuchKey } from './run-trainer.ts';

/** Seconds for which a task that was stopped may still write its record: `stopTimeout` of the container, and some. */
const lastWords = 130;

/**
 * The state machine that closes the record of a retraining whose execution ended from outside: stopped, superseded,
 * out of its time, or failed in a state that no handler foresaw. Such an execution can write nothing itself.
 *
 * Input: EventBridge's "Step Functions Execution Status Change".
 */
export function closingDefinition({ models }: { readonly models: string }) {
  return {
    Comment: 'An execution of Retraining was ended from outside: close the record of its training',
    QueryLanguage: 'JSONata',
    TimeoutSeconds: 3_600,
    StartAt: 'Read the event',
    States: {
      'Read the event': {
        Type: 'Pass',
        Assign: {
          training: jsonata(
            '($input := $parse($states.input.detail.input);' +
              ` ${trainingIdOf('$input', '$fromMillis($states.input.detail.startDate)', '$states.input.detail.name')})`,
          ),
          state: jsonata("$states.input.detail.status = 'ABORTED' ? 'stopped' : 'failed'"),
          code: jsonata(
            "$states.input.detail.status = 'TIMED_OUT' ? 'time_limit'" +
              " : $type($states.input.detail.error) = 'string' ? $states.input.detail.error : 'stopped'",
          ),
          reason: jsonata(
            "$states.input.detail.status = 'TIMED_OUT' ? 'The execution took longer than it may.'" +
              " : $type($states.input.detail.cause) = 'string' ? $states.input.detail.cause : 'The execution was stopped.'",
          ),
          waited: false,
        },
        Next: 'Read record',
      },
      'Read record': {
        Type: 'Task',
        Resource: action('aws-sdk:s3:getObject'),
        Arguments: { Bucket: models, Key: jsonata(keyExpression(recordKey, '$training')) },
        Retry: busyExcept(noSuchKey),
        Catch: [{ ErrorEquals: [noSuchKey], Next: 'Nothing to close' }],
        Assign: { record: jsonata('$parse($states.result.Body)') },
        Output: {},
        Next: 'Is it open?',
      },
      'Is it open?': {
        Type: 'Choice',
        Choices: [
          // The trainer writes every few seconds: let it end first.
          {
            Condition: jsonata("$record.state = 'running' and $not($waited)"),
            Next: 'Wait for the task to end',
          },
          { Condition: jsonata("$record.state in ['running', 'queued']"), Next: 'Close record' },
        ],
        Default: 'Nothing to close',
      },
      'Wait for the task to end': {
        Type: 'Wait',
        Seconds: lastWords,
        Assign: { waited: true },
        Next: 'Read record',
      },
      'Close record': {
        ...writeRecord(
          models,
          '[$record, {"state": $state, "updatedAt": $now(), "failure": {"code": $code, "message": $reason}}]',
        ),
        Retry: [busy],
        Next: 'Closed',
      },
      Closed: { Type: 'Succeed' },
      'Nothing to close': { Type: 'Succeed' },
    },
  };
}
