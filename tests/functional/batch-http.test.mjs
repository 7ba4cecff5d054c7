// The door: HTTP and JSON-RPC framing, limits, and who is let in.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { ACCOUNTS, connect, request, sleep, startDev, startNode, temporaryFolder, until, writeChainFile } from './lib.mjs';

const JSON_TYPE = { 'content-type': 'application/json' };
const call = (id, method = 'eth_chainId', params = []) => ({ jsonrpc: '2.0', id, method, params });
let node, slow;
const slowBegan = Date.now();
before(async () => {
  node = await startDev();
  // A request that never ends, and one that comes a byte at a time: looked at again at the end of this file.
  slow = [await connect(node), await connect(node)];
  await slow[0].write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{');
  const text = 'POST / HTTP/1.1\r\nHost: localhost\r\n' + 'X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n'.repeat(10);
  slow[1].timer = setInterval(() => !slow[1].closed && slow[1].write(text[(slow[1].sent = (slow[1].sent ?? 0) + 1) % text.length]), 250);
});
after(() => node.stop());

describe('JSON-RPC', () => {
  const answer = async (body) => JSON.parse((await node.post(typeof body === 'string' ? body : JSON.stringify(body))).body);

  test('the id comes back as it was', async () => {
    for (const id of [1, 0, -7, 'text', '', 9007199254740991, true, 1.5, null]) {
      const a = await answer({ jsonrpc: '2.0', id, method: 'eth_chainId' });
      assert.deepEqual(a, { jsonrpc: '2.0', id, result: '0x539' });
    }
    const quoted = await answer('{"jsonrpc":"2.0","id":"\\u0041\\n\\"","method":"eth_chainId"}');
    assert.equal(quoted.id, 'A\n"');
  });

  test('an answer has a result or an error, never both', async () => {
    assert.deepEqual(Object.keys(await answer(call(1))), ['jsonrpc', 'id', 'result']);
    assert.deepEqual(Object.keys(await answer(call(1, 'eth_nothing'))), ['jsonrpc', 'id', 'error']);
    assert.deepEqual(await answer(call(1, 'eth_getTransactionByHash', ['0x' + '00'.repeat(32)])), { jsonrpc: '2.0', id: 1, result: null });
  });

  test('params may be absent, null or empty', async () => {
    for (const params of [undefined, null, [], {}]) assert.equal((await answer({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params })).result, '0x539');
    assert.equal((await answer({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: 'x' })).error.code, -32602);
    assert.equal((await answer({ jsonrpc: '2.0', id: 1, method: 'eth_getBalance', params: { address: ACCOUNTS[0].address } })).error.code, -32602);
  });

  test('batches keep their order, with an error in the place of each bad one', async () => {
    const a = await answer([call(1), call('b', 'net_version'), 5, call(3, 'eth_nothing'), { id: 4 }, call(5, 'eth_getBalance', [])]);
    assert.deepEqual(a.map((x) => x.result ?? x.error.code), ['0x539', '1337', -32600, -32601, -32600, -32602]);
    assert.deepEqual(a.map((x) => x.id), [1, 'b', null, 3, 4, 5]);
    const many = await answer(Array.from({ length: 1000 }, (_, i) => call(i, 'eth_blockNumber')));
    assert.equal(many.length, 1000);
    assert.ok(many.every((x, i) => x.id === i && x.result));
    const one = await answer([call(1)]);
    assert.equal(one.length, 1);
  });

  test('too large and empty batches', async () => {
    assert.deepEqual(await answer([]), { jsonrpc: '2.0', id: null, error: { code: -32600, message: 'empty batch' } });
    const over = await answer(Array.from({ length: 1001 }, (_, i) => call(i)));
    assert.equal(over.error?.code ?? over[0].error.code, -32600);
    const nested = await answer([[call(1)]]);
    assert.equal(nested[0].error.code, -32600);
  });

  test('notifications are carried out and not answered', async () => {
    const number = await node.number();
    const one = await node.post(JSON.stringify({ jsonrpc: '2.0', method: 'evm_mine' }));
    assert.deepEqual([one.status, one.body], [200, '']);
    assert.equal(await node.number(), number + 1);
    const all = await node.post(JSON.stringify([{ jsonrpc: '2.0', method: 'evm_mine' }, { jsonrpc: '2.0', method: 'eth_nothing' }]));
    assert.deepEqual([all.status, all.body], [200, '']);
    const mixed = await answer([{ jsonrpc: '2.0', method: 'evm_mine' }, call(7), { jsonrpc: '2.0', method: 'evm_mine' }]);
    assert.deepEqual(mixed, [{ jsonrpc: '2.0', id: 7, result: '0x539' }]);
    assert.equal(await node.number(), number + 4);
  });

  test('what is not JSON, and what is not a request', async () => {
    for (const body of ['{', '', 'hello', '{"jsonrpc":"2.0",}', '\u0000', '[', '{"a":1}{"b":2}', '"\\ud800"', '[1,']) {
      const a = await answer(body);
      assert.equal(a.error.code, -32700, JSON.stringify(body));
      assert.equal(a.id, null);
      assert.match(a.error.message, /^parse error/);
    }
    const invalidUtf8 = await request(node.url, { method: 'POST', headers: JSON_TYPE }, Buffer.concat([Buffer.from('{"jsonrpc":"2.0","id":"'), Buffer.from([0xff, 0xc0]), Buffer.from('","method":"eth_chainId"}')]));
    assert.equal(JSON.parse(invalidUtf8.body).error.code, -32700);
    for (const body of [{}, 5, 'x', null, true, { id: 1, method: 'eth_chainId' }, { jsonrpc: '1.0', id: 1, method: 'eth_chainId' }, { jsonrpc: '2.0', id: 1 }, { jsonrpc: '2.0', id: 1, method: 5 }, { jsonrpc: '2.0', id: {}, method: 'eth_chainId' }])
      assert.equal((await answer(JSON.stringify(body))).error.code, -32600, JSON.stringify(body));
  });

  test('deep nesting and endless lists are refused before they are parsed', async () => {
    assert.equal((await answer('['.repeat(100000))).error.code, -32700);
    assert.equal((await answer('['.repeat(40) + ']'.repeat(40))).error.code, -32700);
    assert.equal((await answer(`[${'0,'.repeat(200001)}0]`)).error.code, -32700);
    assert.equal((await answer(JSON.stringify(call(1, 'eth_chainId', [[[[[[]]]]]])))).error.code, -32602);
  });

  test('HTTP 200 for every JSON-RPC error', async () => {
    for (const body of ['{', '[]', JSON.stringify(call(1, 'eth_nothing'))]) {
      const { status, headers } = await node.post(body);
      assert.equal(status, 200);
      assert.match(headers['content-type'], /^application\/json/);
    }
  });
});

describe('HTTP', () => {
  const body = JSON.stringify(call(1));
  const send = (options, text = body, to = node) => request(to.url, { method: 'POST', ...options, headers: { ...JSON_TYPE, ...options.headers } }, text);

  test('keep-alive: many requests on one connection', async () => {
    const before = (await node.post(body)).reused;
    for (let i = 0; i < 5; i++) assert.equal((await node.post(body)).reused, true, String(before));
    const peer = await connect(node);
    for (let i = 1; i <= 3; i++) {
      await peer.write(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      await peer.until('an answer', (t) => t.split('0x539').length === i + 1);
    }
    assert.equal(peer.closed, false);
    peer.end();
  });

  test('a connection is closed when that is asked for', async () => {
    const peer = await connect(node);
    await peer.write(`POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await until('the end', () => peer.closed);
    assert.match(peer.text, /0x539/);
    const old = await connect(node);
    await old.write(`POST / HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await until('the end for HTTP/1.0', () => old.closed);
    assert.match(old.text, /0x539/);
  });

  test('two requests at once are answered in order', async () => {
    const peer = await connect(node);
    const make = (id, method) => {
      const text = JSON.stringify(call(id, method));
      return `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
    };
    await peer.write(make(1, 'eth_chainId') + make(2, 'net_version') + make(3, 'eth_nothing'));
    await peer.until('three answers', (t) => t.split('HTTP/1.1 200').length === 4);
    assert.ok(peer.text.indexOf('"id":1') < peer.text.indexOf('"id":2') && peer.text.indexOf('"id":2') < peer.text.indexOf('"id":3'));
    peer.end();
  });

  test('a request in pieces, and chunked', async () => {
    const peer = await connect(node);
    for (const c of `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`.match(/[^]{1,7}/g)) {
      await peer.write(c);
      await sleep(1);
    }
    await peer.until('an answer', (t) => t.includes('0x539'));
    peer.text = '';
    await peer.write(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n${body.slice(0, 5)}\r\n`);
    await peer.write(`${(body.length - 5).toString(16)}\r\n${body.slice(5)}\r\n0\r\n\r\n`);
    await peer.until('an answer', (t) => t.includes('0x539'));
    peer.end();
  });

  test('a body over the limit: 413', async () => {
    const small = await startDev('--body-max', '2000');
    const fill = (size) => JSON.stringify(call(1, 'web3_sha3', ['0x' + '00'.repeat(size)]));
    assert.equal((await send({}, fill(900), small)).status, 200);
    assert.equal((await send({}, fill(1000), small)).status, 413);
    assert.equal((await send({ headers: { 'transfer-encoding': 'chunked' } }, fill(1000), small).catch((e) => ({ status: e.code }))).status, 413);
    const peer = await connect(small);
    await peer.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 99999999999999999999\r\n\r\n');
    await until('the end', () => peer.closed);
    assert.match(peer.text, /^HTTP\/1.1 (400|413)/);
    assert.equal(await small.rpc('net_version'), '1337');
    await small.stop();
    assert.equal((await send({}, ' '.repeat(5 << 20))).status, 200, 'five megabytes are let in');
    assert.equal((await send({}, ' '.repeat((5 << 20) + 1)).catch((e) => ({ status: e.code === 'EPIPE' || e.code === 'ECONNRESET' ? 413 : e.code }))).status, 413);
  });

  test('a foreign Host: 403, so that no web page can reach in by a name of its own; numbers are nobody’s name', async () => {
    for (const host of ['evil.example', 'evil.example:8545', 'localhost.evil.example', '127.0.0.1.evil.example', 'xlocalhost', '10.0.0', '[localhost]'])
      assert.equal((await send({ headers: { host } })).status, 403, host);
    for (const host of ['localhost', 'LOCALHOST', `localhost:${node.ready.port}`, '127.0.0.1', `127.0.0.1:1`, '[::1]', '[::1]:8545', '10.0.0.1:8545', '[2001:db8::1]'])
      assert.equal((await send({ headers: { host } })).status, 200, host);
    const peer = await connect(node);
    await peer.write(`POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    await peer.until('an answer', (t) => t.startsWith('HTTP/1.1 403'));
    peer.end();
    const named = await startDev('--rpc-hosts', 'node.example,other.example');
    for (const [host, status] of [['node.example', 200], ['other.example:80', 200], ['evil.example', 403]]) assert.equal((await send({ headers: { host } }, body, named)).status, status, host);
    await named.stop();
  });

  test('origins: all on a development chain, none on a node, those that are named', async () => {
    const origin = 'https://app.example';
    const preflight = (to, from) => request(to.url, { method: 'OPTIONS', headers: { origin: from, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' } });
    const open = await preflight(node, origin);
    assert.ok(open.status === 200 || open.status === 204);
    assert.ok([origin, '*'].includes(open.headers['access-control-allow-origin']));
    assert.match(open.headers['access-control-allow-methods'], /POST/);
    assert.match(open.headers['access-control-allow-headers'], /content-type/i);
    assert.ok([origin, '*'].includes((await send({ headers: { origin } })).headers['access-control-allow-origin']));
    assert.equal((await send({})).headers['access-control-allow-origin'], undefined);

    const folder = temporaryFolder();
    const closed = await startNode(writeChainFile(folder), folder + '/data');
    assert.equal((await preflight(closed, origin)).status, 403);
    assert.equal((await send({ headers: { origin } }, body, closed)).headers['access-control-allow-origin'], undefined);
    await closed.stop();

    const named = await startDev('--cors', 'https://app.example,https://b.example');
    assert.equal((await preflight(named, 'https://b.example')).headers['access-control-allow-origin'], 'https://b.example');
    assert.equal((await preflight(named, 'https://evil.example')).status, 403);
    assert.equal((await send({ headers: { origin: 'https://evil.example' } }, body, named)).headers['access-control-allow-origin'], undefined);
    await named.stop();
  });

  test('another content type: 415, so that no form can post', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data', 'application/jsonx', ''])
      assert.equal((await send({ headers: { 'content-type': type } })).status, 415, type);
    for (const type of ['application/json', 'application/json; charset=utf-8', 'Application/JSON', 'application/json;charset=utf-8'])
      assert.equal((await send({ headers: { 'content-type': type } })).status, 200, type);
  });

  test('other methods and rubbish', async () => {
    for (const method of ['PUT', 'DELETE', 'PATCH']) assert.equal((await request(node.url, { method })).status, 405, method);
    for (const text of ['hello\r\n\r\n', 'POST /\r\n\r\n', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'POST / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n', `POST / HTTP/1.1\r\nHost: localhost\r\nX: ${'a'.repeat(100000)}\r\n\r\n`]) {
      const peer = await connect(node);
      await peer.write(text);
      await until('the end', () => peer.closed);
      assert.match(peer.text, /^(HTTP\/1.1 4\d\d |$)/, text.slice(0, 40));
    }
    const smuggled = await connect(node);
    await smuggled.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n');
    await until('the end', () => smuggled.closed || smuggled.text.length > 0);
    assert.match(smuggled.text, /^HTTP\/1.1 400/);
    smuggled.end();
    assert.equal(await node.rpc('net_version'), '1337');
  });

  test('a limited rate', async () => {
    const limited = await startDev('--rate', '5');
    const statuses = [];
    for (let i = 0; i < 30; i++) statuses.push((await send({}, body, limited)).status);
    assert.ok(statuses.filter((s) => s === 200).length >= 5);
    assert.ok(statuses.includes(429));
    await sleep(1100);
    assert.equal((await send({}, body, limited)).status, 200);
    await limited.stop();
  });

  test('each call of a batch counts', async () => {
    const limited = await startDev('--rate', '20');
    const batch = (n) => JSON.stringify(Array.from({ length: n }, (_, i) => call(i, 'net_version')));
    const large = await send({}, batch(21), limited);
    assert.equal(large.status, 429);
    assert.match(large.body, /each call of a batch is one/);
    assert.equal((await send({}, batch(20), limited)).status, 200);
    await limited.stop();
  });

  test('512 connections, the next is told that there are too many', async () => {
    const busy = await startDev();
    const peers = [];
    for (let i = 0; i < 512; i++) peers.push(await connect(busy));
    const late = await connect(busy);
    await until('the end', () => late.closed);
    assert.match(late.text, /^HTTP\/1.1 503/);
    peers.slice(0, 10).forEach((p) => p.end());
    await until('room again', async () => (await send({}, body, busy).catch(() => ({}))).status === 200);
    peers.forEach((p) => p.end());
    await busy.stop();
  });

  test('a reader that reads nothing does not stop the others', async () => {
    const lazy = await connect(node);
    lazy.socket.pause();
    const batch = JSON.stringify(Array.from({ length: 1000 }, (_, i) => call(i, 'eth_getBlockByNumber', ['latest', true])));
    for (let i = 0; i < 10; i++) lazy.socket.write(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${batch.length}\r\n\r\n${batch}`);
    await sleep(300);
    const began = Date.now();
    assert.equal(await node.rpc('net_version'), '1337');
    assert.ok(Date.now() - began < 1000);
    lazy.end();
  });

  test('an address that others could reach needs --rpc-public', async () => {
    const { run } = await import('./lib.mjs');
    const { code, stderr } = await run(['dev', '--host', '0.0.0.0', '--port', '0'], { timeoutMs: 5000 });
    assert.notEqual(code, 0);
    assert.match(stderr, /--rpc-public/);
  });

  test('a slow request is ended after its time', { timeout: 40000 }, async () => {
    await until('the end of the slow requests', () => slow.every((p) => p.closed), { timeoutMs: 30000 - (Date.now() - slowBegan), everyMs: 100 });
    clearInterval(slow[1].timer);
    assert.ok(Date.now() - slowBegan >= 5000, 'but not at once');
  });
});
