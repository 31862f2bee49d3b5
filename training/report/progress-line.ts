import type { TrainingEvent } from '../events.ts';
import { lineageText } from '../lineage.ts';
import { fittedText } from './fitted-text.ts';
import { duration, grouped, several } from './format.ts';

const INDENT = '    ';

const loss = (value: number): string => value.toFixed(4);

/**
 * An event in a line or a few, or undefined for those that need none.
 *
 * @param width Of the terminal, in characters: samples are fitted to it.
 */
export const lineOf = (event: TrainingEvent, width = 80): string | undefined => {
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
      return [
        `training ${event.model} (${event.preset}`,
        event.why === undefined ? '' : `: ${event.why}`,
        event.parent === undefined ? '' : `, from ${lineageText(event.parent)}`,
        event.teachers === undefined ? '' : `, taught by ${event.teachers.map(lineageText).join(' and ')}`,
        `): ${grouped(event.parameters)} parameters, ${several(event.epochs, 'epoch')}, ${several(event.steps, 'step')}`,
        event.resumedAt === undefined ? '' : `, going on from step ${grouped(event.resumedAt)}`,
        `; TensorFlow ${event.tools.tensorflow ?? 'unknown'}`,
      ].join('');
    case 'step':
      return `epoch ${event.epoch} step ${event.step} loss ${loss(event.epochLoss)} ${grouped(event.charactersPerSecond)} characters/s, ${duration(event.secondsLeft)} left`;
    case 'epoch':
      return `epoch ${event.epoch} done in ${duration(event.seconds)}: loss ${loss(event.loss)}, validation ${loss(event.validationLoss)}`;
    case 'sample':
      return `sample at temperature ${event.temperature}:\n${fittedText(
        event.text.trim() === '' ? '(spaces and line ends alone)' : event.text,
        width - INDENT.length,
      )
        .map((row) => INDENT + row)
        .join('\n')}`;
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
        ...(event.remarks ?? []).map((remark) => `remark: ${remark}`),
      ].join('\n  ');
    case 'judgement':
      return event.message;
    case 'published':
      return `published ${event.key}`;
    case 'rejected':
      return `kept as a candidate: ${event.key}`;
    default:
      return undefined;
  }
};
