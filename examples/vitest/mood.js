/** What is tested: a function of a product that asks a model through OpenAI's client, and takes one of three answers. */
export async function moodOf(client, model, text) {
  const { choices } = await client.chat.completions.create({
    model,
    messages: [{ role: 'user', content: `Is this good, bad or neither? Answer in one word.\n\n${text}` }],
    max_tokens: 8,
  });
  const word = choices[0].message.content.trim().toLowerCase();
  return ['good', 'bad'].includes(word) ? word : 'neither';
}
