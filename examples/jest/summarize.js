/** What is tested: a function of a product that asks a model through OpenAI's client. */
export async function summarize(client, model, text) {
  const { choices } = await client.chat.completions.create({
    model,
    messages: [
      { role: 'system', content: 'Summarize what the user sends in one sentence.' },
      { role: 'user', content: text },
    ],
  });
  return choices[0].message.content.trim();
}
