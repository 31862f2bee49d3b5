import type { TrainingEvent } from '../events.ts';
import { lineageText } from '../lineage.ts';
import { duration, grouped } from './format.ts';

const loss = (value: number): string => value.toFixed(4);

/** An event in a line or a few, or undefined for those that need none. */
export const lineOf = (event: TrainingEvent): string | undefined => {
  switch (event.type) {
    case 'preflight': {
      const { source, characters, alphabet, findings } = event.report;
      const warnings = findings
        .filter(({ severity }) => severity === 'warning')
        .map(({ message }) => message);
      return [
        `corpus ${source}: ${grouped(characters)} characters, ${alphabet.length} different`,
        ...warnings,
      ].join('\n  warning: ');
    }
    case 'started':
      return `training ${event.model} (${event.preset}${event.parent === undefined ? '' : `, from ${lineageText(event.parent)}`}): ${grouped(event.parameters)} parameters, ${event.epochs} epochs, ${grouped(event.steps)} steps${event.resumedAt === undefined ? '' : `, going on from step ${grouped(event.resumedAt)}`}; TensorFlow ${event.tools.tensorflow ?? 'unknown'}`;
    case 'step':
      return `epoch ${event.epoch} step ${event.step} loss ${loss(event.epochLoss)} ${grouped(event.charactersPerSecond)} characters/s, ${duration(event.secondsLeft)} left`;
    case 'epoch':
      return `epoch ${event.epoch} done in ${duration(event.seconds)}: loss ${loss(event.loss)}, validation ${loss(event.validationLoss)}`;
    case 'sample':
      return `sample at temperature ${event.temperature}:\n${event.text.replace(/^/gm, '    ')}`;
    case 'warning':
      return `warning: ${event.message}`;
    case 'finished': {
      const { reason, seconds, step, bestEpoch, validationLoss } = event;
      if (reason === 'interrupted') return `interrupted at step ${grouped(step)}, after ${duration(seconds)}`;
      const how = reason === 'completed' ? 'finished' : 'stopped early';
      return `${how} after ${duration(seconds)}: the weights of epoch ${bestEpoch} are kept, validation ${loss(validationLoss)}`;
    }
    case 'gate':
      return [
        event.passed ? 'the gate is passed' : event.forced ? 'the gate is forced' : 'the gate is not passed',
        ...event.reasons,
      ].join('\n  ');
    case 'published':
      return `published ${event.key}`;
    case 'rejected':
      return `kept as a candidate: ${event.key}`;
    default:
      return undefined;
  }
};
