import { loadInWorker } from './starling-web.js';

const element = (id) => document.getElementById(id);
const say = (text) => (element('status').textContent = text);
const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

let model;

/** Loads a model in place of the one that is there: an address, or a file that was chosen. */
async function load(source) {
  element('ask').disabled = true;
  await model?.close({ drain: false });
  model = undefined;
  try {
    model = await loadInWorker(source, {
      onProgress: ({ phase, done, total }) => say(`${phase}: ${megabytes(done)} of ${megabytes(total)} MB`),
    });
    say(`${model.info.name} answers, with ${model.info.threads} ${model.info.threads === 1 ? 'thread' : 'threads'}`);
    element('ask').disabled = false;
  } catch (error) {
    say(`${error.message} (${error.code})`);
  }
}

element('form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const stop = new AbortController();
  const onStop = () => stop.abort();
  element('stop').addEventListener('click', onStop);
  [element('ask').disabled, element('stop').disabled] = [true, false];
  element('answer').textContent = '';
  try {
    const generation = model.generate({
      messages: [{ role: 'user', content: element('question').value }],
      maxTokens: 300,
      temperature: 0,
      signal: stop.signal,
    });
    for await (const text of generation.text()) element('answer').append(text);
    const { finishReason, timings } = await generation.result();
    say(`${finishReason}: ${timings.decodeTps.toFixed(1)} tokens a second`);
  } catch (error) {
    say(`${error.message} (${error.code})`);
  } finally {
    element('stop').removeEventListener('click', onStop);
    [element('ask').disabled, element('stop').disabled] = [false, true];
  }
});

element('file').addEventListener('change', () => element('file').files[0] && load(element('file').files[0]));
await load('./model.gguf');
