// Limits of what may connect from one netgroup, over real sockets and against a node as it comes. Strangers need public addresses, which a
// network namespace of its own gives them; those of another group get in all the while.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { POSW, sleep, start, temporaryFolder, until, within, writeChainFile } from './lib.mjs';

const CROWD = '20.1.0.1', OTHER = '30.1.0.1'; // what is dialled here comes from the same address
const HALF_OPEN_OF_GROUP = 8, PEERS_OF_GROUP = 16;
const FLOOD = join(dirname(POSW), 'tests/network/posw-flood');
const SPACE = `pws${process.pid % 100000}`;

/** Connects so often, says nothing, and tells how many connections are open half a second later; holds them until its input ends. */
const SILENT = `
const [host, port, count] = process.argv.slice(1);
let open = 0;
for (let i = 0; i < count; i++) {
  const socket = require('net').connect(port, host, () => open++);
  socket.on('close', () => open--).on('error', () => {}).on('end', () => {}).resume();
}
setTimeout(() => console.log(open), 500);
process.stdin.resume().on('end', () => process.exit());`;

const skip = process.getuid() === 0 ? false : 'needs root, for network namespaces';

describe('strangers from one place', { skip, timeout: 60000 }, () => {
  const children = [];
  let folder, chain, nodes = 0;

  before(() => {
    folder = temporaryFolder();
    chain = writeChainFile(folder);
    execFileSync('ip', ['netns', 'add', SPACE]);
    for (const command of ['link set lo up', `addr add ${CROWD}/32 dev lo`, `addr add ${OTHER}/32 dev lo`]) execFileSync('ip', ['-n', SPACE, ...command.split(' ')]);
  });

  after(() => {
    for (const child of children) child.kill('SIGKILL');
    execFileSync('ip', ['netns', 'del', SPACE]);
  });

  const startNode = (...args) =>
    start(['netns', 'exec', SPACE, POSW, 'node', '--chain', chain, '--datadir', join(folder, String(nodes++)), '--listen', '0.0.0.0', '--no-port-mapping', '--port', '0', '--p2p-port', '0',
      '--json-ready', '--log-level', 'error', ...args], { command: 'ip', timeoutMs: 30000 });

  /** In the namespace; .lines: how many it has printed, .last: the latest. */
  function inside(...command) {
    const child = spawn('ip', ['netns', 'exec', SPACE, ...command], { stdio: ['pipe', 'pipe', 'ignore'] });
    child.lines = 0;
    child.stdout.setEncoding('utf8').on('data', (text) => {
      child.lines += text.split('\n').length - 1;
      child.last = text.trim().split('\n').at(-1);
    });
    child.stdin.on('error', () => {});
    child.gone = new Promise((done) => child.on('exit', () => done((child.ended = true))));
    children.push(child);
    return child;
  }

  /** An honest peer, of two connections: prints a line for each ping that is answered, ends when it is sent away, and tries again when it is
   * not let in. */
  const peer = (host, node) => inside(FLOOD, '--host', host, '--port', String(node.ready.p2pPort), '--stage', 'ping');
  const answered = (what, child) => until(what, () => child.lines > 0, { timeoutMs: 10000 });

  async function leave(...some) {
    for (const child of some) child.stdin.end();
    await within(10000, Promise.all(some.map((child) => child.gone)), 'the end of those who leave');
  }

  test('handshakes that do not go on', async () => {
    const node = await startNode();
    const silent = inside(process.execPath, '-e', SILENT, CROWD, String(node.ready.p2pPort), String(HALF_OPEN_OF_GROUP + 5));
    await answered('what became of them', silent);
    assert.equal(Number(silent.last), HALF_OPEN_OF_GROUP);
    const neighbour = peer(CROWD, node), other = peer(OTHER, node);
    await answered('a newcomer from elsewhere', other);
    await sleep(300);
    assert.equal(neighbour.lines, 0);
    await leave(silent);
    await answered('their neighbour, when they have gone', neighbour);
    await leave(neighbour, other);
    await node.stop();
  });

  test('peers', async () => {
    const node = await startNode('--handshakes', '1000'); // their number alone is to count
    const crowd = [];
    for (let n = 0; n < PEERS_OF_GROUP; n += 2) {
      crowd.push(peer(CROWD, node));
      await answered('a peer', crowd.at(-1));
    }
    const more = [peer(CROWD, node), peer(CROWD, node)];
    await within(10000, Promise.all(more.map((child) => child.gone)), 'the end of those who are too many');
    assert.deepEqual(more.map((child) => child.lines), [0, 0]);
    const other = peer(OTHER, node);
    await answered('a newcomer from elsewhere', other);
    assert.ok(crowd.every((child) => !child.ended));
    await leave(crowd.pop());
    const next = peer(CROWD, node);
    await answered('one in the place of another', next);
    await leave(...crowd, other, next);
    await node.stop();
  });
});
