// The node: JSON-RPC by POST, and news of blocks by WebSocket, or by asking now and then where a WebSocket does not get through.

import { setClock } from './format.js';

const HERE = new URL('.', location.href);
const BATCH_MAX = 10,
  TIMEOUT_MS = 20_000,
  POLL_MS = 2000,
  CHECK_MS = 10_000,
  RETRY_MS = [1000, 2000, 4000, 8000, 15_000];

export const RPC_URL = HERE.href;

/** What the node said instead of an answer; `code` is that of JSON-RPC. */
export class RpcError extends Error {
  constructor({ code, message, data }) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/** The node gave no answer at all. */
class Unreachable extends Error {}

async function post(body) {
  let answer;
  try {
    answer = await fetch(HERE, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
      cache: 'no-store',
    });
  } catch {
    throw new Unreachable('The node does not answer. Is it running?');
  }
  if (answer.status === 429)
    throw new RpcError({ code: 429, message: 'The node lets one address ask only so often (--rate). Wait a moment and try again.' });
  if (!answer.ok)
    throw new RpcError({ code: answer.status, message: (await answer.text()).trim() || `The node answered with HTTP status ${answer.status}.` });
  return answer.json();
}

let waiting = [],
  nextId = 1;

/** Sends what was asked since the last turn of the loop, in one request. */
async function flush() {
  const calls = waiting.splice(0, BATCH_MAX);
  if (waiting.length > 0) queueMicrotask(flush);
  try {
    const answers = await post(calls.map(({ id, method, params }) => ({ jsonrpc: '2.0', id, method, params })));
    const byId = new Map((Array.isArray(answers) ? answers : [answers]).map((a) => [a.id, a]));
    for (const call of calls) {
      const a = byId.get(call.id) ?? byId.get(null);
      if (a === undefined) call.fail(new RpcError({ code: -32603, message: 'The node left a question out of its answer.' }));
      else if (a.error) call.fail(new RpcError(a.error));
      else call.done(a.result);
    }
  } catch (error) {
    for (const call of calls) call.fail(error);
  }
}

/** The result of a method. Calls of one turn travel together. */
export const rpc = (method, ...params) =>
  new Promise((done, fail) => {
    if (waiting.length === 0) queueMicrotask(flush);
    waiting.push({ id: nextId++, method, params, done, fail });
  });

/** posw_status; the clock is set by it, and whether the node is behind is told. */
export async function nodeStatus() {
  const s = await rpc('posw_status');
  setClock(s.time);
  if (node.syncing !== s.syncing) {
    node.syncing = s.syncing;
    tell('syncing', s.syncing);
  }
  return s;
}

// ---- what moves ----

/**
 * 'head': a new tip, the header's { number, hash, timestamp }, numbers as numbers. 'state': how the node is reached changed, to 'live' (WebSocket),
 * 'polling' or 'down'. 'syncing': the node has begun to catch up with others, or has done so.
 */
export const node = { state: 'wait', head: null, syncing: false };
const handlers = { head: new Set(), state: new Set(), syncing: new Set() };

export function on(what, handler, signal) {
  if (signal?.aborted) return;
  handlers[what].add(handler);
  signal?.addEventListener('abort', () => handlers[what].delete(handler));
}

/** Calls `refresh` for new blocks, at most once in `ms` and once more for what came meanwhile, as long as the view is open. */
export function follow(refresh, signal, ms = 1000) {
  let last = 0;
  let timer = 0;
  on(
    'head',
    () => {
      clearTimeout(timer);
      const run = () => {
        last = Date.now();
        refresh();
      };
      timer = setTimeout(run, Math.max(0, last + ms - Date.now()));
    },
    signal,
  );
  signal.addEventListener('abort', () => clearTimeout(timer));
}

/** The same every so often, for what moves between blocks. */
export function every(ms, refresh, signal) {
  const clock = setInterval(refresh, ms);
  signal.addEventListener('abort', () => clearInterval(clock));
}

const tell = (what, value) => {
  for (const handler of [...handlers[what]]) handler(value);
};

function moved(header) {
  if (node.head?.hash === header.hash) return;
  node.head = { number: Number(header.number), hash: header.hash, timestamp: Number(header.timestamp) };
  tell('head', node.head);
}

function become(state) {
  if (node.state === state) return;
  node.state = state;
  tell('state', state);
}

let failures = 0,
  polling = 0,
  listening = 0;

/** Asks where the chain stands, while no WebSocket tells of it; an answer after a silence is worth another WebSocket. */
async function poll() {
  polling = 0;
  if (node.state === 'live') return;
  try {
    const { tip } = await nodeStatus();
    if (node.state === 'down') listenIn(0);
    become('polling');
    moved(tip);
  } catch {
    become('down');
  }
  pollIn(POLL_MS);
}

const pollIn = (ms) => {
  if (polling === 0) polling = setTimeout(poll, ms);
};

function listenIn(ms) {
  clearTimeout(listening);
  listening = setTimeout(listen, ms);
}

const retryIn = () => RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)];

let heard = null; // the WebSocket

function listen() {
  const url = new URL(HERE);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  heard?.close();
  const socket = new WebSocket(url);
  heard = socket;
  socket.addEventListener('open', () => socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params: ['newHeads'] })));
  socket.addEventListener('message', ({ data }) => {
    const message = JSON.parse(data);
    if (message.method === 'eth_subscription') moved(message.params.result);
    else if (message.result !== undefined) {
      failures = 0;
      become('live');
      nodeStatus().then(
        ({ tip }) => moved(tip),
        () => {},
      ); // what came before the subscription
    }
  });
  socket.addEventListener('close', () => {
    if (heard !== socket) return;
    heard = null;
    if (node.state === 'live') {
      node.state = 'wait';
      poll();
    }
    listenIn(retryIn());
  });
}

let checking = false;
/** A WebSocket says nothing while there is no block, nor when the node hangs or its machine has gone: so the node is asked. */
async function check() {
  if (node.state !== 'live' || checking) return;
  const socket = heard;
  checking = true;
  try {
    moved((await nodeStatus()).tip);
  } catch (error) {
    if (error instanceof Unreachable && node.state === 'live' && heard === socket) {
      heard = null; // nobody would answer its end
      socket.close();
      become('down');
      pollIn(POLL_MS);
      listenIn(retryIn());
    }
  }
  checking = false;
}

export function start() {
  nodeStatus().then(({ tip }) => moved(tip), poll);
  pollIn(3 * POLL_MS); // unless the WebSocket comes through before
  setInterval(check, CHECK_MS);
  listen();
}

// ---- what stays ----

let parameters = null;
/** posw_chainParameters, asked once for each node that is found here. */
export const chain = () =>
  (parameters ??= rpc('posw_chainParameters').catch((error) => {
    parameters = null;
    throw error;
  }));
/** Another chain may answer after a pause (a development chain that began anew). */
export async function chainChanged() {
  const before = await (parameters ?? null),
    now = await rpc('posw_chainParameters');
  parameters = Promise.resolve(now);
  return before !== null && before.genesisHash !== now.genesisHash;
}
