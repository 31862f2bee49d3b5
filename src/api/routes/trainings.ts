import { Hono } from 'hono';
import { accepts } from 'hono/accepts';
import { streamSSE } from 'hono/streaming';
import { FolioError } from '../../errors.ts';
import type { TrainingJobs, TrainingRecord, TrainingState } from '../../training-jobs/training-jobs.ts';
import type { AppDeps } from '../deps.ts';
import { requireScope } from '../request/auth.ts';
import { type AppEnv, readJson } from '../request/body.ts';
import { parse } from '../request/parse.ts';
import { TrainingRequestSchema } from '../request/requests.ts';
import { ValidationErrors } from '../response/validation-errors.ts';

const pollEvery = 1000; // ms between looks at a record that its trainer rewrites
const beatEvery = 15_000; // ms between comments that keep a quiet connection open

/** Trainings: their state, progress, losses, samples, log tail and failure, once or live. */
export const trainingRoutes = (deps: AppDeps, trainings: TrainingJobs): Hono<AppEnv> =>
  new Hono<AppEnv>()
    .get('/v1/trainings', async (context) =>
      context.json({ object: 'list', data: (await trainings.list()).map(trainingObject) }),
    )
    .post('/v1/trainings', async (context) => {
      requireScope(context.get('caller'), 'write');
      const faults = new ValidationErrors();
      const parameters = parse(TrainingRequestSchema, await readJson(context, deps.limits), faults);
      faults.throwIfAny();
      if (!parameters) throw new TypeError('A request without a fault was not parsed.');
      const { model, corpus = model, preset } = parameters;
      const record = await trainings.start({
        model,
        corpusKey: `corpora/${corpus}.txt`,
        ...(preset === undefined ? {} : { preset }),
      });
      return context.json(trainingObject(record), 202);
    })
    .get('/v1/trainings/:id', async (context) => {
      const { id } = context.req.param();
      const record = await found(trainings, id);
      const type = accepts(context, {
        header: 'Accept',
        supports: ['application/json', 'text/event-stream'],
        default: 'application/json',
      });
      if (type === 'application/json') return context.json(trainingObject(record));
      return streamSSE(context, async (stream) => {
        let told = '';
        let toldAt = 0;
        let now: TrainingRecord | undefined = record;
        while (now && !stream.aborted) {
          if (now.updatedAt !== told) {
            told = now.updatedAt;
            toldAt = performance.now();
            await stream.writeSSE({ event: 'training', data: JSON.stringify(trainingObject(now)) });
          } else if (performance.now() - toldAt > beatEvery) {
            toldAt = performance.now();
            await stream.write(': still there\n\n');
          }
          if (hasEnded(now.state)) {
            await stream.writeSSE({ event: 'end', data: JSON.stringify({ state: now.state }) });
            return;
          }
          if (deps.live === false) return;
          await stream.sleep(pollEvery);
          now = await trainings.get(id);
        }
      });
    })
    .delete('/v1/trainings/:id', async (context) => {
      requireScope(context.get('caller'), 'write');
      const { id } = context.req.param();
      await found(trainings, id);
      await trainings.stop(id);
      return context.json(trainingObject(await found(trainings, id)));
    });

const found = async (trainings: TrainingJobs, id: string): Promise<TrainingRecord> => {
  const record = await trainings.get(id);
  if (record) return record;
  throw new FolioError('not_found', `There is no training ${id.slice(0, 100)}.`, { where: 'id' });
};

const hasEnded = (state: TrainingState): boolean => state !== 'queued' && state !== 'running';

export const trainingObject = (record: TrainingRecord): object => {
  const { progress } = record;
  return {
    id: record.id,
    object: 'training',
    model: record.model,
    preset: record.preset,
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
    samples: record.samples,
    ...(record.version === undefined ? {} : { version: record.version }),
    ...(record.failure === undefined ? {} : { failure: record.failure }),
    log_tail: record.logTail,
  };
};
