/** What every runtime does with a model: the answers must be the same everywhere. */
export const program = async (model) => {
  const sampling = { temperature: 0.9, topP: 0.95, typicalP: 0.97, repetitionPenalty: 1.05 };
  const completions = model.complete({ ...sampling, prompt: 'ROMEO:', length: 300, seed: 77, n: 2 });
  const { choices } = await completions.result();
  const { nats } = await model.score('To be, or not to be');
  let streamed = '';
  for await (const piece of model.generate({ prompt: 'JULIET:', length: 50, seed: 5 })) streamed += piece;
  return {
    digest: model.info.digest,
    texts: choices.map(({ text }) => text),
    state: [...choices[1].state],
    nats,
    streamed,
  };
};
