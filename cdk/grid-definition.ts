import { corpusKey, prefixes } from '../src/store/keys.ts';
import {
  action,
  busyExcept,
  jsonata,
  keyExpression,
  longestTraining,
  type TrainerFacts,
  trainingStart,
  trainStates,
} from './run-trainer.ts';

export interface GridFacts extends TrainerFacts {
  readonly corpora: string; // bucket
  readonly models: string; // bucket
  readonly publishBest: string; // function
  readonly preset: string;
  readonly presets: readonly string[];
  readonly trainingsAtOnce: number;
}

/** Points of one grid at most. */
const mostPoints = 100;

/** What a point may set. */
const parameters = ['preset', 'epochs', 'seed'];

/**
 * The state machine of a map of trainings over a grid of settings. Input:
 * `{ "model": "shakespeare", "grid": [{ "preset": "standard", "seed": 1 }, { "preset": "standard", "epochs": 30 }] }`.
 * Each training publishes below `grids/EXECUTION/PLACE`; the best of them is published as the model's next version.
 */
export function gridDefinition(facts: GridFacts) {
  const place = `'${prefixes.grids}' & $states.context.Execution.Name & '/'`;
  const isPoint =
    `function($point) { $type($point) = 'object' and $count($keys($point)[$not($ in ${JSON.stringify(parameters)})]) = 0` +
    ` and ($exists($point.preset) ? $point.preset in ${JSON.stringify(facts.presets)} : true)` +
    " and ($exists($point.epochs) ? $type($point.epochs) = 'number' : true)" +
    " and ($exists($point.seed) ? $type($point.seed) = 'number' : true) }";
  return {
    Comment: 'Train with every setting of a grid, publish the best',
    QueryLanguage: 'JSONata',
    TimeoutSeconds: Math.min(
      Math.ceil(mostPoints / facts.trainingsAtOnce) * longestTraining(facts.trainingSeconds),
      364 * 86_400, // Step Functions keeps an execution for a year at most
    ),
    StartAt: 'Is it a grid?',
    States: {
      'Is it a grid?': {
        Type: 'Choice',
        Choices: [
          {
            Condition: jsonata(
              "$type($states.input.model) = 'string' and $contains($states.input.model, /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/)" +
                ` and $type($states.input.grid) = 'array' and $count($states.input.grid) in [1..${mostPoints}]` +
                ` and $count($filter($states.input.grid, ${isPoint})) = $count($states.input.grid)`,
            ),
            Next: 'Read the grid',
          },
        ],
        Default: 'Refused',
      },
      Refused: {
        Type: 'Fail',
        Error: 'invalid_parameter',
        Cause: `Expected {"model": NAME, "grid": [POINT, …]} with 1 to ${mostPoints} points of ${parameters.join(', ')}; preset one of ${facts.presets.join(', ')}, epochs and seed numbers.`,
      },
      'Read the grid': {
        Type: 'Pass',
        Assign: {
          model: jsonata('$states.input.model'),
          corpus: jsonata(
            `$exists($states.input.corpus) ? $states.input.corpus : ${keyExpression(corpusKey, '$states.input.model')}`,
          ),
        },
        Output: {
          points: jsonata(
            `[$map($states.input.grid, function($point, $i) { $merge([{"preset": "${facts.preset}"}, $point, {"place": ` +
              `${place} & $string($i)` +
              '}]) })]',
          ),
        },
        Next: 'Trainings',
      },
      Trainings: {
        Type: 'Map',
        Items: jsonata('$states.input.points'),
        MaxConcurrency: facts.trainingsAtOnce,
        ItemProcessor: {
          ProcessorConfig: { Mode: 'INLINE' },
          StartAt: 'Arguments',
          States: {
            Arguments: {
              Type: 'Pass',
              Assign: {
                place: jsonata('$states.input.place'),
                arguments: jsonata(
                  "$append(['--preset', $states.input.preset], $append(" +
                    "$exists($states.input.epochs) ? ['--epochs', $string($states.input.epochs)] : []," +
                    " $exists($states.input.seed) ? ['--seed', $string($states.input.seed)] : []))",
                ),
                ...trainingStart,
              },
              Next: 'Train',
            },
            ...trainStates(facts, {
              training:
                "$replace($substringBefore($states.context.Execution.StartTime, '.'), /[-:Z]/, '') & 'Z-0000-' & $model",
              command:
                `$append(['--corpus', 's3://${facts.corpora}/' & $corpus, '--name', $model,` +
                ` '--store', 's3://${facts.models}/' & $place], $arguments)`,
              output: jsonata('$place'),
              ended: 'Point ended',
            }),
            // A setting whose training failed takes no part: nothing is published at its place.
            'Point ended': { Type: 'Pass', Output: jsonata('$place'), End: true },
          },
        },
        Next: 'Publish the best',
      },
      'Publish the best': {
        Type: 'Task',
        Resource: action('lambda:invoke'),
        Arguments: {
          FunctionName: facts.publishBest,
          Payload: { places: jsonata('$states.input'), model: jsonata('$model') },
        },
        Retry: busyExcept('not_found'),
        Output: jsonata('$states.result.Payload'),
        End: true,
      },
    },
  };
}
