import { accepts } from 'hono/accepts';
import { streamSSE } from 'hono/streaming';
import { FolioError } from '../../errors.ts';
import { corpusKey } from '../../store/keys.ts';
import type { Store } from '../../store/store.ts';
import type {
  StartTraining,
  TrainingJobs,
  TrainingPrecision,
  TrainingRecord,
  TrainingState,
} from '../../training-jobs/training-jobs.ts';
import type { TrainingDeps } from '../deps.ts';
import { readJson } from '../request/body.ts';
import { parse } from '../request/parse.ts';
import { present } from '../request/present.ts';
import { TrainingRequestSchema } from '../request/requests.ts';
import type { TrainingModels } from '../request/training-models.ts';
import { ValidationErrors } from '../request/validation-errors.ts';
import { eventStreamHeaders } from '../response/sse.ts';
import { events, json, type Route, route } from './route.ts';

const heartbeatMs = 15_000; // between comments that keep a quiet connection open

/** Trainings: their state, progress, losses, samples, log tail and failure, once or live. */
export const trainingRoutes: readonly Route<TrainingDeps>[] = [
  route(
    {
      method: 'get',
      path: '/v1/trainings',
      group: 'Trainings',
      id: 'listTrainings',
      summary: 'List the trainings, newest first',
      answers: { 200: { description: 'The trainings', content: { [json]: 'TrainingListSchema' } } },
      errors: ['store_failed'],
    },
    async (context, { trainings, store }) =>
      context.json({
        object: 'list',
        data: (await trainings.list()).map((record) => trainingObject(record, store)),
      }),
  ),
  route(
    {
      method: 'post',
      path: '/v1/trainings',
      group: 'Trainings',
      id: 'startTraining',
      summary: 'Train on a corpus that was uploaded already',
      write: true,
      body: { [json]: TrainingRequestSchema },
      example: { model: 'novel', preset: 'standard', from: 'shakespeare' },
      answers: { 202: { description: 'The training is queued', content: { [json]: 'TrainingSchema' } } },
      errors: [
        'invalid_request',
        'invalid_parameter',
        'model_not_found',
        'corpus_not_found',
        'too_large',
        'overloaded',
        'unavailable',
        'store_failed',
      ],
    },
    async (context, { limits, store, trainings }) => {
      const faults = new ValidationErrors();
      const parameters = parse(TrainingRequestSchema, await readJson(context, limits), faults);
      if (!parameters) return faults.raise();
      const { model, corpus = model } = parameters;
      const { checkTrainingModels } = await import('../request/training-models.ts');
      await checkTrainingModels(store, parameters);
      const record = await trainings.start({
        model,
        corpusKey: corpusKey(corpus),
        ...trainingOptions(parameters),
      });
      return context.json(trainingObject(record, store), 202);
    },
  ),
  route(
    {
      method: 'get',
      path: '/v1/trainings/:id',
      group: 'Trainings',
      id: 'retrieveTraining',
      summary: 'Retrieve a training, or follow it',
      description:
        'With `Accept: text/event-stream`, an event `training` whenever it changes and `end` when it is over.',
      answers: {
        200: {
          description: 'The training',
          content: { [json]: 'TrainingSchema', [events]: 'TrainingSchema' },
        },
      },
      errors: ['not_found', 'store_failed'],
    },
    async (context, { trainings, store, live }) => {
      const { id } = context.req.param();
      const record = await found(trainings, id);
      const type = accepts(context, { header: 'Accept', supports: [json, events], default: json });
      if (type === json) return context.json(trainingObject(record, store));
      const response = streamSSE(context, async (stream) => {
        let sent = ''; // updatedAt of the last record that was sent
        let sentAt = 0;
        let now: TrainingRecord | undefined = record;
        while (now && !stream.aborted) {
          if (now.updatedAt !== sent) {
            sent = now.updatedAt;
            sentAt = performance.now();
            await stream.writeSSE({ event: 'training', data: JSON.stringify(trainingObject(now, store)) });
          } else if (performance.now() - sentAt > heartbeatMs) {
            sentAt = performance.now();
            await stream.write(': still there\n\n');
          }
          if (hasEnded(now.state)) {
            await stream.writeSSE({ event: 'end', data: JSON.stringify({ state: now.state }) });
            return;
          }
          if (live === false) return;
          now = await trainings.nextRecord(id);
        }
      });
      for (const [name, value] of Object.entries(eventStreamHeaders)) response.headers.set(name, value);
      return response;
    },
  ),
  route(
    {
      method: 'delete',
      path: '/v1/trainings/:id',
      group: 'Trainings',
      id: 'stopTraining',
      summary: 'Stop a training; it keeps its last checkpoint',
      write: true,
      answers: { 200: { description: 'The training', content: { [json]: 'TrainingSchema' } } },
      errors: ['not_found', 'store_failed'],
    },
    async (context, { trainings, store }) => {
      const { id } = context.req.param();
      await found(trainings, id);
      await trainings.stop(id);
      return context.json(trainingObject(await found(trainings, id), store));
    },
  ),
];

const found = async (trainings: TrainingJobs, id: string): Promise<TrainingRecord> => {
  const record = await trainings.get(id);
  if (record) return record;
  throw new FolioError('not_found', `There is no training ${id.slice(0, 100)}.`, { where: 'id' });
};

const hasEnded = (state: TrainingState): boolean => state !== 'queued' && state !== 'running';

/** What a request says of how to train. */
export const trainingOptions = ({
  preset,
  from,
  teachers,
  precision,
}: TrainingModels & {
  readonly preset?: string | undefined;
  readonly precision?: TrainingPrecision | undefined;
}): Pick<StartTraining, 'preset' | 'from' | 'teachers' | 'precision'> =>
  present({ preset, from, teachers: teachers === undefined ? undefined : [teachers].flat(), precision });

/** A trainer's words, without the place of the store on its machine. */
const withoutPlace = (text: string, { location }: Store): string =>
  location.length > 3 ? text.replaceAll(location, 'the store') : text; // `.` is the working folder

export const trainingObject = (record: TrainingRecord, store: Store): object => {
  const { progress } = record;
  return {
    id: record.id,
    object: 'training',
    model: record.model,
    preset: record.preset,
    ...(record.from === undefined ? {} : { from: record.from }),
    ...(record.teachers === undefined ? {} : { teachers: record.teachers }),
    ...(record.precision === undefined ? {} : { precision: record.precision }),
    ...(record.parent === undefined ? {} : { parent: record.parent }),
    corpus: record.corpus,
    state: record.state,
    started_at: record.startedAt,
    updated_at: record.updatedAt,
    ...(progress === undefined
      ? {}
      : {
          progress: {
            epoch: progress.epoch,
            epochs: progress.epochs,
            step: progress.step,
            steps: progress.steps,
            loss: progress.loss,
            ...(progress.validationLoss === undefined ? {} : { validation_loss: progress.validationLoss }),
            characters_per_second: progress.charactersPerSecond,
            seconds_left: progress.secondsLeft,
          },
        }),
    history: record.history.map(({ epoch, loss, validationLoss }) => ({
      epoch,
      loss,
      validation_loss: validationLoss,
    })),
    ...(record.bestEpoch === undefined ? {} : { best_epoch: record.bestEpoch }),
    ...(record.judgement === undefined ? {} : { judgement: record.judgement }),
    samples: record.samples,
    ...(record.version === undefined ? {} : { version: record.version }),
    ...(record.failure === undefined
      ? {}
      : {
          failure: { ...record.failure, message: withoutPlace(record.failure.message, store) },
        }),
    log_tail: record.logTail.map((line) => withoutPlace(line, store)),
  };
};
