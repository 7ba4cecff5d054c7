// Numbers, amounts, times and addresses as people read them. Amounts are BigInt from end to end.
import { keccak256 } from './keccak.js';

const COIN = 10n ** 18n;

/** Thousands apart, of a string of digits. */
const group = (digits) => digits.replace(/\B(?=(\d{3})+(?!\d))/g, ',');

export const integer = (n) => (n < 0 ? '-' : '') + group(String(n).replace('-', ''));

/** How many there are: "1 block", "2 blocks". */
export const howMany = (n, one, many = `${one}s`) => `${integer(n)} ${n === 1 ? one : many}`;

/** A number with so many significant digits, thousands apart. */
export const number = (v, digits = 4) => {
  if (!Number.isFinite(v)) return '–';
  if (v !== 0 && (Math.abs(v) < 1e-4 || Math.abs(v) >= 1e15)) return v.toExponential(digits - 1).replace('+', '');
  return v.toLocaleString('en-US', { maximumSignificantDigits: Math.max(digits, Math.floor(Math.log10(Math.abs(v) || 1)) + 1) });
};

export const percent = (part, of = 1) => (of > 0 ? `${number((100 * part) / of, 3)} %` : '–');

/** With a prefix of SI: 12.3 kH/s. */
export function scaled(v, unit, digits = 3) {
  const prefixes = ['', 'k', 'M', 'G', 'T', 'P', 'E'];
  let i = 0;
  for (; v >= 1000 && i + 1 < prefixes.length; i++) v /= 1000;
  return `${number(v, digits)} ${prefixes[i]}${unit}`;
}

/** A size such as a difficulty: digits, with a prefix of SI from ten million on. */
export const size = (v) => (v < 1e7 ? integer(Math.round(v)) : scaled(v, '', 4).trim());

/** Wei as coins, exactly: "1,234.5". */
export function coins(wei) {
  const part = (wei % COIN).toString().padStart(18, '0').replace(/0+$/, '');
  return group((wei / COIN).toString()) + (part === '' ? '' : `.${part}`);
}

/** The same in four digits, for where the exact amount stands beside it: "1,234", "12.34". */
export function aboutCoins(wei) {
  const v = Number(wei) / 1e18;
  return v >= 1e7 ? scaled(v, '', 4).trim().replace(/ k$/, ' thousand').replace(/ M$/, ' million').replace(/ G$/, ' billion') : number(v, 4);
}

/** Gwei, exactly. */
export function gwei(wei) {
  const part = (wei % 10n ** 9n).toString().padStart(9, '0').replace(/0+$/, '');
  return group((wei / 10n ** 9n).toString()) + (part === '' ? '' : `.${part}`);
}

/** What a person wrote as an amount of coins, in wei. Throws a sentence. */
export function parseCoins(text) {
  const m = /^\s*(\d{1,3}(?:,\d{3})+|\d+)?(?:\.(\d*))?\s*$/.exec(text);
  if (m === null || (m[1] === undefined && !m[2])) throw new Error('Write an amount such as 12.5');
  if ((m[2] ?? '').length > 18) throw new Error('An amount has at most 18 decimals');
  return BigInt((m[1] ?? '0').replaceAll(',', '')) * COIN + BigInt((m[2] ?? '').padEnd(18, '0'));
}

/** A length of time, in one unit or two. */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return 'never';
  const units = [
    ['y', 31557600],
    ['d', 86400],
    ['h', 3600],
    ['min', 60],
    ['s', 1],
  ];
  if (seconds < 10) return `${number(Math.max(0, seconds), 2)} s`;
  if (seconds > 1e11) return 'thousands of years';
  const i = units.findIndex(([, size]) => seconds >= size),
    [unit, size] = units[i];
  const whole = Math.floor(seconds / size),
    rest = units[i + 1] && whole < 10 ? Math.floor((seconds - whole * size) / units[i + 1][1]) : 0;
  return `${integer(whole)} ${unit}${rest > 0 ? ` ${rest} ${units[i + 1][0]}` : ''}`;
}

let clockOffset = 0;
/** The node's clock, seconds: ages are told by it, since this machine's may differ and a development chain's may have been moved. */
export const setClock = (now) => {
  clockOffset = Number(now) - Date.now() / 1000;
};

/** How long ago a block's time is. It may lie ahead of the clock: blocks that come quickly have a second each. */
export const ago = (timestamp) => {
  const s = Date.now() / 1000 + clockOffset - Number(timestamp);
  return s < -1 ? `${duration(-s)} ahead` : s < 1 ? 'now' : `${duration(Math.floor(s))} ago`;
};

export const date = (timestamp) => new Date(Number(timestamp) * 1000).toISOString().replace('T', ' ').replace('.000Z', ' UTC');

export const short = (hash, ends = 6) => `${hash.slice(0, 2 + ends)}…${hash.slice(-ends)}`;

export const hex = (n) => `0x${BigInt(n).toString(16)}`;

const checksums = new Map();
/** EIP-55: a letter is large where the hash of the small spelling has a digit above 7. */
export function checksum(address) {
  const small = address.toLowerCase();
  if (!checksums.has(small)) {
    if (checksums.size > 5000) checksums.clear();
    const hash = keccak256(new TextEncoder().encode(small.slice(2)));
    checksums.set(
      small,
      '0x' + [...small.slice(2)].map((c, i) => ((i % 2 === 0 ? hash[i >> 1] >> 4 : hash[i >> 1] & 15) > 7 ? c.toUpperCase() : c)).join(''),
    );
  }
  return checksums.get(small);
}

/** What a person wrote as an address, in the spelling of EIP-55. Throws a sentence. */
export function parseAddress(text) {
  const a = text.trim();
  if (!/^0x[0-9a-fA-F]{40}$/.test(a)) throw new Error('An address is 0x and 40 hexadecimal digits');
  const right = checksum(a);
  if (a !== a.toLowerCase() && a.slice(2) !== a.slice(2).toUpperCase() && a !== right)
    throw new Error('A letter of this address is wrong: its capitals do not fit (EIP-55)');
  return right;
}

/** Bytes as text, where all of them are printable; else null. */
export function printable(data) {
  const bytes = Uint8Array.from(data.slice(2).match(/../g) ?? [], (b) => parseInt(b, 16));
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return text.length > 0 && !/[\p{Cc}\p{Cf}\p{Co}\p{Cn}]/u.test(text) ? text : null;
  } catch {
    return null;
  }
}
