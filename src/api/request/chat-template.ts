import type { ModelLease } from '../../store/model-cache.ts';
import type { ChatMessage } from './parameters.ts';

/** Contents joined by line ends; the answer begins on a line of its own. */
const plainTemplate = '{content}\n';

/** Where one message's text stands in a template. */
const contentMark = '{content}';

export interface RenderedChat {
  readonly prompt: string;
  readonly warnings: readonly string[];
}

/**
 * The template of a model's chats: the artefact's own (`chatTemplate` beside its alphabet), the server's, or plain.
 *
 * It is what one message becomes, with `{role}` and `{content}`. The prompt is every message in turn and then what
 * stands before `{content}` in a message of the assistant: the answer begins there.
 */
export const chatTemplateOf = ({ model }: ModelLease, ofServer: string | undefined): string => {
  const { folio } = model.info.metadata as { folio?: { chatTemplate?: unknown } };
  const own = folio?.chatTemplate;
  if (typeof own === 'string' && own.includes(contentMark)) return own;
  return ofServer ?? plainTemplate;
};

/** A chat as the prompt of a text. System messages are left out where the template has no place for roles. */
export const renderChat = (
  messages: readonly ChatMessage[],
  template: string,
  addGenerationPrompt = true,
): RenderedChat => {
  const hasRoles = template.includes('{role}');
  const isInstruction = ({ role }: ChatMessage): boolean => role === 'system' || role === 'developer';
  const kept = messages.filter((message) => hasRoles || !isInstruction(message));
  const render = (text: string, role: string, content: string): string =>
    text.replaceAll(/\{role\}|\{content\}/g, (mark) => (mark === contentMark ? content : role));
  const texts = kept.map((message) => render(template, message.role, contentOf(message)));
  const before = addGenerationPrompt ? template.slice(0, template.indexOf(contentMark)) : '';
  return {
    prompt: texts.join('') + render(before, 'assistant', ''),
    warnings:
      kept.length === messages.length
        ? []
        : [
            'messages: those of the system are left out, since a model of characters follows no instructions.',
          ],
  };
};

const contentOf = ({ content = '' }: ChatMessage): string =>
  typeof content === 'string' ? content : content.map(({ text }) => text).join('');
