// The staking contract's calls and events by hand (doc/protocol.md, S1 to S7): selectors, and words of 32 bytes.
import { checksum } from './format.js';

export const STAKING = '0x00000000000000000000000000000000706f7377';

const FUNCTIONS = {
  stake: ['0x26476204', ['miner address']],
  unstake: ['0xc2a672e0', ['miner address', 'amount']],
  withdraw: ['0x3ccfd60b', []],
  setSigner: ['0x6c19e783', ['signer address']],
};
const EVENTS = {
  '0x6c86f3fd5118b3aa8bb4f389a617046de0a3d3d477de1a1673d227f802f616dc': ['Staked', ['owner address', 'miner address', 'amount', 'activeFrom']],
  '0x06cc7e90b4f2b554a9614b0caa84f909f3498c820ae47c731f490c28c07f7d3b': ['Unstaked', ['owner address', 'miner address', 'amount', 'unlockBlock']],
  '0x7084f5476618d8e60b11ef0d7d3f06914655adb8793e28ff7f018d4c76d505d5': ['Withdrawn', ['owner address', 'amount']],
  '0xeeb293e1f8f3a9db91ade748726387ed1352ca78f5430c5f06fe3d1e1ad50579': ['SignerChanged', ['miner address', 'signer address']],
};

const word = (v) => BigInt(v).toString(16).padStart(64, '0');

/** Calldata; addresses and amounts are words alike. */
export const encode = (name, ...args) => FUNCTIONS[name][0] + args.map(word).join('');

const wordAt = (data, i) => `0x${data.slice(2 + 64 * i, 66 + 64 * i)}`;
const addressOf = (w) => checksum(`0x${w.slice(-40)}`);

/** A call by its input: { name, args: [[name, kind, value]] }, or null for another. kind: 'address', 'coins' or 'block'. */
export function decodeCall(input) {
  for (const [name, [selector, parameters]] of Object.entries(FUNCTIONS)) {
    if (!input.startsWith(selector) || input.length < 10 + 64 * parameters.length) continue;
    const words = `0x${input.slice(10)}`;
    return { name, args: parameters.map((p, i) => named(p, wordAt(words, i))) };
  }
  return null;
}

export const callName = (selector) => Object.keys(FUNCTIONS).find((name) => FUNCTIONS[name][0] === selector) ?? null;

function named(parameter, w) {
  const [name, kind] = parameter.split(' ');
  return kind === 'address' ? [name, kind, addressOf(w)] : [name, name === 'amount' ? 'coins' : 'block', BigInt(w)];
}

/** An event of the contract: { name, args }, or null. */
export function decodeEvent({ address, topics, data }) {
  if (address.toLowerCase() !== STAKING || !(topics[0] in EVENTS)) return null;
  const [name, parameters] = EVENTS[topics[0]];
  return { name, args: parameters.map((p, i) => named(p, i + 1 < topics.length ? topics[i + 1] : wordAt(data, i + 1 - topics.length))) };
}
