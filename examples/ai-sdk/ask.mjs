// The Vercel AI SDK asks a model that runs in this process, without HTTP.
import { createStarling } from '@starling/ai-provider';
import { Starling } from '@starling/engine';
import { demoModelFile } from '@starling/server';
import { generateObject, streamText } from 'ai';
import { z } from 'zod';

const model = await Starling.load(process.env.MODEL ?? demoModelFile());
const starling = createStarling({ models: model });

const prompt = 'What is the capital of France?';
const { textStream, usage } = streamText({ model: starling(), prompt, temperature: 0, maxOutputTokens: 30 });
for await (const text of textStream) process.stdout.write(text);
const { inputTokens, outputTokens } = await usage;
console.log(`\n${inputTokens} tokens asked, ${outputTokens} answered`);

const { object } = await generateObject({
  model: starling(),
  prompt,
  schema: z.object({ city: z.enum(['Paris', 'Rome']) }),
  temperature: 0,
});
console.log(object);

await model.close();
