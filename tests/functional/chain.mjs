// The consensus rules that the tests need, written from doc/protocol.md and not from the node's code: headers, seals, weights, stake proofs.
import { RLP } from '@ethereumjs/rlp';
import { keccak_256 } from '@noble/hashes/sha3.js';
import { SigningKey, computeAddress, getAddress, recoverAddress } from 'ethers';

import { hex } from './lib.mjs';

export const bytes = (text) => Uint8Array.from(Buffer.from(text.replace(/^0x/, ''), 'hex'));
export const text = (data) => '0x' + Buffer.from(data).toString('hex');
export const keccak = (...parts) => keccak_256(Uint8Array.from(Buffer.concat(parts)));
/** Big-endian, fixed width. */
export const be = (value, width) => bytes(BigInt(value).toString(16).padStart(2 * width, '0'));
/** Big-endian without leading zeros, as RLP wants it. */
const minimal = (value) => (BigInt(value) === 0n ? new Uint8Array() : bytes(BigInt(value).toString(16).replace(/^(.(..)*)$/, '0$1')));
export const littleEndian = (data) => BigInt(text(Uint8Array.from(data).reverse()));
export const TWO_256 = 1n << 256n;
export const EMPTY_OMMERS = text(keccak(RLP.encode([])));

// ---- headers (section 2) ----

/** The 16 fields of H1 from a block as eth_getBlockBy* shows it. */
const headerFields = (b) => [
  bytes(b.parentHash),
  bytes(b.sha3Uncles),
  bytes(b.miner),
  bytes(b.stateRoot),
  bytes(b.transactionsRoot),
  bytes(b.receiptsRoot),
  bytes(b.logsBloom),
  minimal(b.difficulty),
  minimal(b.number),
  minimal(b.gasLimit),
  minimal(b.gasUsed),
  minimal(b.timestamp),
  bytes(b.extraData),
  bytes(b.mixHash),
  bytes(b.nonce),
  minimal(b.baseFeePerGas),
];

/** H1 */
export const headerHash = (b) => text(keccak(RLP.encode(headerFields(b))));

/** H4 */
export function sealHash(b) {
  const fields = headerFields(b);
  return keccak(RLP.encode([...fields.slice(0, 12), fields[12].slice(0, 33), fields[15]]));
}

/** H5 */
export const powInput = (seal, nonce) => Buffer.concat([Buffer.from('posw-v1'), seal, nonce]);

/** H3: version, stake root, signature. */
export function splitExtra(b) {
  const extra = bytes(b.extraData);
  return { version: extra[0], stakeRoot: text(extra.slice(1, 33)), signature: extra.slice(33), size: extra.length };
}

/** H7: the level of the seal; it is valid iff this is below the weight. */
export const sealLevel = (mixHash, difficulty) => (littleEndian(mixHash) * BigInt(difficulty)) / TWO_256;

/** H9, from the header alone. */
export const isBoosted = (b) => sealLevel(bytes(b.mixHash), b.difficulty) >= 1n;

const sealDigest = (seal, nonce, mixHash) => text(keccak(powInput(seal, nonce), mixHash));

/** H8: who signed the block. */
export function sealSigner(b) {
  const { signature } = splitExtra(b);
  const digest = sealDigest(sealHash(b), bytes(b.nonce), bytes(b.mixHash));
  return recoverAddress(digest, { r: text(signature.slice(0, 32)), s: text(signature.slice(32, 64)), yParity: signature[64] });
}

/** r, s, v as H3 wants them. */
export function signSeal(privateKey, seal, nonce, mixHash) {
  const { r, s, yParity } = new SigningKey(privateKey).sign(sealDigest(seal, nonce, mixHash));
  return r + s.slice(2) + be(yParity, 1).reduce((t, v) => t + v.toString(16).padStart(2, '0'), '');
}

// ---- weight (section 4) ----

function isqrt(n) {
  if (n < 2n) return n;
  let x = 1n << BigInt((n.toString(2).length + 1) >> 1);
  for (;;) {
    const y = (x + n / x) >> 1n;
    if (y >= x) return x;
    x = y;
  }
}

/** W1; the exponent is given twice. */
export function powerWeight({ unit, min, max, exponent2 }, stake) {
  const u = stake / unit < min ? min : stake / unit > max ? max : stake / unit;
  return exponent2 % 2n === 0n ? u ** (exponent2 / 2n) : isqrt(u ** exponent2);
}

/** W3 */
export const ticketPrice = ({ price, slots, window }, supply) => {
  if (price > 0n) return price;
  const derived = supply / (slots * window);
  return derived > 1n ? derived : 1n;
};

/** W2 */
export const ticketWeight = (rule, stake, supply, used) => (stake / ticketPrice(rule, supply) > used ? rule.boost : 1n);

const coins = (n) => BigInt(n) * 10n ** 18n;
/** W6 */
export const PRESETS = {
  pow: { kind: 'power', unit: coins(1000), min: 1n, max: 1n, exponent2: 0n },
  linear: { kind: 'power', unit: coins(1000), min: 1n, max: 1000000n, exponent2: 2n },
  sqrt: { kind: 'power', unit: coins(1000), min: 1n, max: 1000000n, exponent2: 1n },
  quadratic: { kind: 'power', unit: coins(1000), min: 1n, max: 1000000n, exponent2: 4n },
  diode: { kind: 'power', unit: coins(1000), min: 1n, max: 50n, exponent2: 4n },
  ticket: { kind: 'ticket', slots: 4n, boost: 1024n, price: 0n },
  quarkchain: { kind: 'ticket', slots: 1n, boost: 20n, price: coins(1000), window: 256n },
};

// ---- stake tree (E3 to E5) ----

/** The stake root that follows from a proof as posw_getStakeProof gives it, and the sum that the proof claims to add up to. */
export function stakeRootOfProof(proof) {
  let sum = BigInt(proof.stake);
  let hash = keccak(be(0, 1), bytes(proof.miner), bytes(proof.signer), be(sum, 16));
  for (const { hash: other, sum: otherSum, left } of proof.siblings) {
    const own = Buffer.concat([hash, be(sum, 16)]);
    const sibling = Buffer.concat([bytes(other), be(otherSum, 16)]);
    hash = keccak(be(1, 1), ...(left ? [sibling, own] : [own, sibling]));
    sum += BigInt(otherSum);
  }
  return { root: stakeRoot(proof.epoch, proof.supply, sum, hash), sum };
}

/** E4 */
export const stakeRoot = (epoch, supply, total, tree) => text(keccak(be(epoch, 8), be(supply, 32), be(total, 32), tree));

/** E2 and E3: the tree over entries {miner, signer, stake}. */
export function stakeTree(entries) {
  if (entries.length === 0) return { root: new Uint8Array(32), total: 0n };
  let level = [...entries]
    .sort((a, b) => (BigInt(a.miner) < BigInt(b.miner) ? -1 : 1))
    .map(({ miner, signer, stake }) => ({ hash: keccak(be(0, 1), bytes(miner), bytes(signer), be(stake, 16)), sum: stake }));
  while (level.length > 1) {
    const next = [];
    for (let i = 0; i < level.length; i += 2) {
      const [a, b] = [level[i], level[i + 1]];
      if (!b) next.push(a);
      else next.push({ hash: keccak(be(1, 1), a.hash, be(a.sum, 16), b.hash, be(b.sum, 16)), sum: a.sum + b.sum });
    }
    level = next;
  }
  return { root: level[0].hash, total: level[0].sum };
}

// ---- mining from outside ----

/** Tries nonces from `start` until the seal meets `weight`: {nonce, mixHash, tries}. */
export function search(work, weight, start = 0n, most = 10_000_000) {
  const input = bytes(work.input);
  const view = new DataView(input.buffer);
  const difficulty = BigInt(work.difficulty);
  for (let i = 0; i < most; i++) {
    view.setBigUint64(39, BigInt.asUintN(64, start + BigInt(i)));
    const mixHash = keccak_256(input);
    if (sealLevel(mixHash, difficulty) < weight) return { nonce: input.slice(39), mixHash, tries: i + 1 };
  }
  throw new Error('no nonce found');
}

/** What posw_submitWork takes. */
export const submission = (privateKey, work, { nonce, mixHash }) => ({
  sealHash: work.sealHash,
  nonce: text(nonce),
  mixHash: text(mixHash),
  signature: signSeal(privateKey, bytes(work.sealHash), nonce, mixHash),
});

/** Mines blocks on any keccak chain with the key of an identity. */
export async function mineWith(node, privateKey, blocks = 1) {
  const miner = computeAddress(privateKey);
  for (let i = 0; i < blocks; i++) {
    const work = await node.rpc('posw_getWork', miner);
    await node.rpc('posw_submitWork', submission(privateKey, work, search(work, BigInt(work.weight))));
  }
}

export const sameAddress = (a, b) => getAddress(a) === getAddress(b);
export { hex };

/** Gives blocks from..to of one node to another. */
export async function tell(from, to, first, last) {
  const answers = [];
  for (let n = first; n <= last; n++) answers.push(await to.rpc('posw_submitBlock', await from.rpc('debug_getRawBlock', hex(n))));
  return answers;
}
