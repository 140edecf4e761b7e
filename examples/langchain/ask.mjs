// LangChain.js asks a model that runs in this process: its client for OpenAI speaks to a server on the loopback address.
import { HumanMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
import { Starling } from '@starling/engine';
import { createStarlingApp, demoModelFile, serveApp } from '@starling/server';
import { z } from 'zod';

const model = await Starling.load(process.env.MODEL ?? demoModelFile());
const server = await serveApp(createStarlingApp({ models: [model] }));
const chat = new ChatOpenAI({
  model: model.info.name,
  temperature: 0,
  maxTokens: 100,
  apiKey: 'none',
  configuration: { baseURL: `${server.url}/v1` },
});

const question = new HumanMessage('What is the capital of France?');
for await (const { text } of await chat.stream([question])) process.stdout.write(text);
console.log();

const capital = tool(({ city }) => `${city} has a tower.`, {
  name: 'describe_city',
  description: 'What a city is known for',
  schema: z.object({ city: z.enum(['Paris', 'Rome']) }),
});
const { tool_calls: calls } = await chat
  .bindTools([capital], { tool_choice: 'required', parallel_tool_calls: false })
  .invoke([question]);
console.log((await capital.invoke(calls[0])).content);

const place = await chat
  .withStructuredOutput(z.object({ city: z.enum(['Paris', 'Rome']) }), { method: 'jsonSchema' })
  .invoke([question]);
console.log(place);

await server.close();
await model.close();
