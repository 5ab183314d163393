// Solves the server's puzzle: a counter so that SHA-256(salt, nonce, counter) begins with so many zero bits. The hashing is
// the browser's own; many at a time, so that the page stays usable and the progress can be told.
const AT_A_TIME = 512;
const COUNTERS = 2 ** 32;

const bytes_of = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));

function zero_bits(hash) {
  const bytes = new Uint8Array(hash);
  let bits = 0;
  for (const byte of bytes) {
    if (byte) return bits + Math.clz32(byte) - 24;
    bits += 8;
  }
  return bits;
}

/** The solution to send: { challenge, counter }. `progress` hears now and then which part of the usual work is done, 0 to 1. */
export async function solve({ challenge, salt, nonce, bits }, progress) {
  if (!globalThis.crypto?.subtle) throw new Error("this browser cannot hash here");
  const start = new Uint8Array([...bytes_of(salt), ...bytes_of(nonce)]);
  const hash = (counter) => {
    const input = new Uint8Array(start.length + 4);
    input.set(start);
    new DataView(input.buffer).setUint32(start.length, counter);
    return crypto.subtle.digest("SHA-256", input);
  };
  for (let first = 0; first < COUNTERS; first += AT_A_TIME) {
    const hashes = await Promise.all(Array.from({ length: AT_A_TIME }, (_, index) => hash(first + index)));
    const found = hashes.findIndex((one) => zero_bits(one) >= bits);
    if (found >= 0) return { challenge, counter: first + found };
    progress(1 - Math.exp(-first / 2 ** bits));
  }
  throw new Error("no solution");
}
