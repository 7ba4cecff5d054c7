// Keccak-256, for the spelling of addresses (EIP-55). A third of a millisecond a hash: BigInt lanes, as the definition has them.
const MASK = (1n << 64n) - 1n;
const ROTATIONS = [0, 1, 62, 28, 27, 36, 44, 6, 55, 20, 3, 10, 43, 25, 39, 41, 45, 15, 21, 8, 18, 2, 61, 56, 14].map(BigInt);
const RATE = 136;

/** Round constants: bits of the linear feedback register x^8 + x^6 + x^5 + x^4 + 1. */
const CONSTANTS = (() => {
  const out = [];
  let r = 1;
  for (let round = 0; round < 24; round++) {
    let c = 0n;
    for (let j = 0; j < 7; j++) {
      if (r & 1) c |= 1n << ((1n << BigInt(j)) - 1n);
      r = r & 0x80 ? ((r << 1) ^ 0x171) & 0xff : r << 1;
    }
    out.push(c);
  }
  return out;
})();

const rotate = (v, n) => ((v << n) | (v >> (64n - n))) & MASK;

function permute(a) {
  for (const constant of CONSTANTS) {
    const c = [0, 1, 2, 3, 4].map((x) => a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20]);
    const d = [0, 1, 2, 3, 4].map((x) => c[(x + 4) % 5] ^ rotate(c[(x + 1) % 5], 1n));
    const b = new Array(25);
    for (let x = 0; x < 5; x++) for (let y = 0; y < 5; y++) b[y + 5 * ((2 * x + 3 * y) % 5)] = rotate(a[x + 5 * y] ^ d[x], ROTATIONS[x + 5 * y]);
    for (let i = 0; i < 25; i++) a[i] = b[i] ^ (~b[(((i % 5) + 1) % 5) + i - (i % 5)] & MASK & b[(((i % 5) + 2) % 5) + i - (i % 5)]);
    a[0] ^= constant;
  }
}

/** Of a Uint8Array, as 32 bytes. */
export function keccak256(data) {
  const padded = new Uint8Array(Math.floor(data.length / RATE + 1) * RATE),
    state = new Array(25).fill(0n);
  padded.set(data);
  padded[data.length] ^= 1;
  padded[padded.length - 1] ^= 0x80;
  const view = new DataView(padded.buffer),
    out = new DataView(new ArrayBuffer(32));
  for (let at = 0; at < padded.length; at += RATE) {
    for (let i = 0; i < RATE / 8; i++) state[i] ^= view.getBigUint64(at + 8 * i, true);
    permute(state);
  }
  for (let i = 0; i < 4; i++) out.setBigUint64(8 * i, state[i], true);
  return new Uint8Array(out.buffer);
}
