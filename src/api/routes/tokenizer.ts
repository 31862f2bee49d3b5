import { FolioError } from '../../errors.ts';
import type { GeneratorDeps } from '../deps.ts';
import { readJson, readTextRequest } from '../request/body.ts';
import { chatTemplateOf, renderChat } from '../request/chat-template.ts';
import { checkLengths, checkPrompt, promptText, startId, startToken } from '../request/checks.ts';
import { openAiBody } from '../request/openai-body.ts';
import type { TokenizeParameters } from '../request/parameters.ts';
import { parse } from '../request/parse.ts';
import { DetokenizeRequestSchema, TokenizeRequestSchema } from '../request/requests.ts';
import { resolveModel } from '../request/resolve-model.ts';
import { ValidationErrors } from '../request/validation-errors.ts';
import { generationErrors, json, type Route, route } from './route.ts';

/** A model's characters and their ids, in the shapes of vLLM's routes, for tools that evaluate without a tokenizer. */
export const tokenizerRoutes: readonly Route<GeneratorDeps>[] = [
  route(
    {
      method: 'post',
      path: '/tokenize',
      group: 'Generation',
      id: 'tokenize',
      summary: 'The ids of a text’s characters',
      lambda: 'generate',
      openAi: true,
      body: { [json]: TokenizeRequestSchema },
      example: { prompt: 'ROMEO:', return_token_strs: true },
      answers: { 200: { description: 'The ids', content: { [json]: 'TokenizeResponseSchema' } } },
      errors: generationErrors,
    },
    async (context, deps) => {
      const faults = new ValidationErrors();
      const known = new Set(Object.keys(TokenizeRequestSchema.shape));
      const { body } = await openAiBody(
        await readTextRequest(context, deps),
        { known, lengthName: '', strict: false },
        deps.limits,
        faults,
      );
      const parameters = parse(TokenizeRequestSchema, body, faults);
      checkLengths(deps.limits, { text: ['prompt', body.prompt] }, faults);
      if (parameters === undefined) return faults.raise();
      if ((parameters.prompt === undefined) === (parameters.messages === undefined)) {
        faults.add('invalid_parameter', 'prompt', 'prompt: expected a text, or `messages` in its place.');
      }
      faults.throwIfAny();
      const lease = await resolveModel(deps, parameters);
      try {
        const { add_special_tokens: addStart, return_token_strs: wantsStrings, unknown } = parameters;
        const given = textOf(parameters, chatTemplateOf(lease, deps.requests?.chatTemplate));
        // The token that stands for the beginning of a text is known by its name, as special tokens are elsewhere.
        const named = given.startsWith(startToken);
        const text = named ? given.slice(startToken.length) : given;
        checkPrompt(lease, text, unknown, 'prompt', faults);
        faults.throwIfAny();
        const { ids } = lease.model.alphabet.encode(text, unknown);
        const tokens = addStart || named ? [startId(lease), ...ids] : ids;
        const { characters } = lease.model.alphabet;
        return context.json({
          count: tokens.length,
          max_model_len: deps.limits.prompt,
          tokens,
          token_strs: wantsStrings ? tokens.map((id) => characters[id] ?? startToken) : null,
        });
      } finally {
        lease.release();
      }
    },
  ),
  route(
    {
      method: 'post',
      path: '/detokenize',
      group: 'Generation',
      id: 'detokenize',
      summary: 'The text of ids',
      lambda: 'generate',
      openAi: true,
      body: { [json]: DetokenizeRequestSchema },
      example: { tokens: [1, 2, 3] },
      answers: { 200: { description: 'The text', content: { [json]: 'DetokenizeResponseSchema' } } },
      errors: generationErrors,
    },
    async (context, deps) => {
      const faults = new ValidationErrors();
      const known = new Set(Object.keys(DetokenizeRequestSchema.shape));
      const sent = await readJson(context, deps.limits);
      const { body } = await openAiBody(sent, { known, lengthName: '', strict: false }, deps.limits, faults);
      const parameters = parse(DetokenizeRequestSchema, body, faults);
      if (parameters === undefined) return faults.raise();
      const lease = await resolveModel(deps, parameters);
      try {
        checkPrompt(lease, parameters.tokens, 'error', 'tokens', faults);
        faults.throwIfAny();
        return context.json({ prompt: promptText(lease, parameters.tokens) });
      } finally {
        lease.release();
      }
    },
  ),
  route(
    {
      method: 'get',
      path: '/tokenizer_info',
      group: 'Generation',
      id: 'tokenizerInfo',
      summary: 'What kind of tokenizer a model has: its characters',
      lambda: 'generate',
      answers: { 200: { description: 'The tokenizer', content: { [json]: 'TokenizerInfoSchema' } } },
      errors: generationErrors,
    },
    async (context, deps) => {
      const model = context.req.query('model');
      const lease = await resolveModel(deps, model === undefined ? {} : { model });
      try {
        if (lease.model.alphabet.kind === 'ids') {
          throw new FolioError('model_unsupported', `${lease.name} has no alphabet.`, { where: 'model' });
        }
        return context.json({
          tokenizer_class: 'FolioCharacterTokenizer',
          model: `${lease.name}@${lease.version}`,
          vocab_size: lease.model.vocabularySize,
          bos_token: startToken,
          eos_token: startToken,
          pad_token: startToken,
          bos_token_id: startId(lease),
          eos_token_id: startId(lease),
          model_max_length: deps.limits.prompt,
          chat_template: jinjaOf(chatTemplateOf(lease, deps.requests?.chatTemplate)),
        });
      } finally {
        lease.release();
      }
    },
  ),
];

const textOf = (
  { prompt, messages, add_generation_prompt: addPrompt }: TokenizeParameters,
  template: string,
): string => prompt ?? renderChat(messages ?? [], template, addPrompt).prompt;

/** The chat template in the language that tools render: Jinja. */
const jinjaOf = (template: string): string => {
  const quoted = (text: string): string => JSON.stringify(text);
  const parts = (text: string, role: string): string =>
    text
      .split(/(\{role\}|\{content\})/)
      .filter((part) => part !== '')
      .map((part) => (part === '{role}' ? role : part === '{content}' ? "message['content']" : quoted(part)))
      .join(' + ');
  const before = template.slice(0, template.indexOf('{content}'));
  const skip = template.includes('{role}') ? '' : " if message['role'] not in ['system', 'developer']";
  const after =
    before === '' ? '' : `{% if add_generation_prompt %}{{ ${parts(before, "'assistant'")} }}{% endif %}`;
  return `{% for message in messages${skip} %}{{ ${parts(template, "message['role']")} }}{% endfor %}${after}`;
};
