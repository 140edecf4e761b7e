import { fixturePath, describeWithFixtures } from '../../../tools/fixtures/fixtures.js';
import { openGgufFile } from './open.node.js';

describeWithFixtures('opening fixture files', () => {
  it('reads metadata and tensors of a model', async () => {
    const model = await openGgufFile(fixturePath('real', 'stories260K-f32.gguf'));
    expect(model.architecture).toBe('llama');
    expect(model.number('llama.embedding_length')).toBe(64);
    expect(model.strings('tokenizer.ggml.tokens')?.length).toBe(512);
    const tensor = model.tensor('token_embd.weight');
    expect(tensor.shape).toEqual([64, 512]);
    const bytes = new Uint8Array(new SharedArrayBuffer(tensor.byteLength));
    await model.readTensor(tensor, bytes);
    expect(bytes.some((byte) => byte !== 0)).toBe(true);
    await model.close();
  });
});
