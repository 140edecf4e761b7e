/** A key as text. */
export function hexOf(key: Uint8Array): string {
  let text = '';
  for (const byte of key) text += byte.toString(16).padStart(2, '0');
  return text;
}
