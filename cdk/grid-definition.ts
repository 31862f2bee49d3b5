import { corpusKey, prefixes } from '../src/store/keys.ts';
import { busy, jsonata, keyExpression, runTrainer, type TrainerFacts } from './run-trainer.ts';

export interface GridFacts extends TrainerFacts {
  readonly corpora: string; // bucket
  readonly models: string; // bucket
  readonly publishBest: string; // function
  readonly spot: boolean;
  readonly trainingsAtOnce: number;
}

/**
 * The state machine of a map of trainings over a grid of settings. Input:
 * `{ "model": "shakespeare", "grid": [{ "preset": "standard", "seed": 1 }, { "preset": "standard", "epochs": 30 }] }`.
 * Each training publishes below `grids/EXECUTION/PLACE`; the best of them is published as the model's next version.
 */
export function gridDefinition(facts: GridFacts) {
  const place = `'${prefixes.grids}' & $states.context.Execution.Name & '/'`;
  return {
    Comment: 'Train with every setting of a grid, publish the best',
    QueryLanguage: 'JSONata',
    StartAt: 'Read the grid',
    States: {
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
            '[$map($states.input.grid, function($point, $i) { $merge([{"preset": "standard"}, $point, {"place": ' +
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
                preset: jsonata('$states.input.preset'),
                epochs: jsonata("$exists($states.input.epochs) ? $string($states.input.epochs) : ''"),
                seed: jsonata("$exists($states.input.seed) ? $string($states.input.seed) : '1'"),
                attempt: 0,
              },
              Next: 'Train',
            },
            Train: {
              Type: 'Task',
              ...runTrainer(facts, {
                spot: facts.spot ? '$attempt = 0' : 'false',
                training:
                  "$replace($substringBefore($states.context.Execution.StartTime, '.'), /[-:Z]/, '') & 'Z-0000-' & $model",
                command: [
                  '--corpus',
                  jsonata(`'s3://${facts.corpora}/' & $corpus`),
                  '--name',
                  jsonata('$model'),
                  '--store',
                  jsonata(`'s3://${facts.models}/' & $place`),
                  '--preset',
                  jsonata('$preset'),
                  '--seed',
                  jsonata('$seed'),
                ],
              }),
              Output: jsonata('$place'),
              Catch: [
                {
                  ErrorEquals: ['States.ALL'],
                  Assign: { attempt: jsonata('$attempt + 1') },
                  Output: jsonata('$place'),
                  Next: 'Should retry?',
                },
              ],
              End: true,
            },
            // On demand then, from the last checkpoint. A setting that fails again takes no part.
            'Should retry?': {
              Type: 'Choice',
              Choices: [{ Condition: jsonata('$attempt < 2'), Next: 'Train' }],
              Default: 'Point failed',
            },
            'Point failed': { Type: 'Pass', Output: jsonata('$place'), End: true },
          },
        },
        Next: 'Publish the best',
      },
      'Publish the best': {
        Type: 'Task',
        Resource: 'arn:aws:states:::lambda:invoke',
        Arguments: {
          FunctionName: facts.publishBest,
          Payload: { places: jsonata('$states.input'), model: jsonata('$model') },
        },
        Retry: [busy],
        Output: jsonata('$states.result.Payload'),
        End: true,
      },
    },
  };
}
