// What MetaMask sends, call by call: the shapes were recorded from its own packages (block tracker, JSON-RPC middleware, network, gas-fee and
// transaction controllers). It wants HTTP 200 and no "error" member beside a result, and rewrites `latest` to the block number it polled.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Wallet, getAddress } from 'ethers';

import { ACCOUNTS, COIN, hex, request, startDev } from './lib.mjs';

const [me, other] = [new Wallet(ACCOUNTS[1].privateKey), ACCOUNTS[9].address];
const ORIGIN = 'chrome-extension://nkbihfbeogaeaoehlefnkodbefgpgknn';
const QUANTITY = /^0x(0|[1-9a-f][0-9a-f]*)$/;
let node, id = 8_000_000_000_000;

/** As its fetch middleware: a large numeric id, both headers, HTTP 200 or it is a fault of the network. */
async function call(method, params = []) {
  const payload = { id: ++id, jsonrpc: '2.0', method, params };
  const { status, headers, body } = await node.post(JSON.stringify(payload), { accept: 'application/json', origin: ORIGIN });
  assert.equal(status, 200);
  assert.match(headers['content-type'], /^application\/json/);
  const answer = JSON.parse(body);
  assert.equal(answer.id, id);
  assert.equal('result' in answer, !('error' in answer));
  return answer;
}
async function result(method, ...params) {
  const answer = await call(method, params);
  assert.ok('result' in answer, JSON.stringify(answer.error));
  return answer.result;
}

describe('MetaMask', () => {
  before(async () => {
    node = await startDev();
    await node.mine(3);
  });
  after(() => node.stop());

  let polled;
  test('adding the network', async () => {
    assert.equal(await result('eth_chainId'), hex(1337));
    assert.equal(await result('net_version'), '1337');
    const options = await request(node.url, { method: 'OPTIONS', headers: { origin: ORIGIN, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' } });
    assert.equal(Math.floor(options.status / 100), 2);
  });

  test('the block tracker, and whether there is EIP-1559', async () => {
    polled = await result('eth_blockNumber');
    assert.match(polled, QUANTITY);
    const block = await result('eth_getBlockByNumber', 'latest', false);
    assert.equal(block.number, polled);
    assert.match(block.baseFeePerGas, QUANTITY);
    assert.match(block.gasLimit, QUANTITY);
  });

  test('the account, at the block that was polled', async () => {
    assert.equal(BigInt(await result('eth_getBalance', me.address.toLowerCase(), polled)), 10000n * COIN);
    assert.equal(await result('eth_getCode', other.toLowerCase(), polled), '0x');
    assert.equal(await result('eth_getTransactionCount', me.address.toLowerCase(), polled), '0x0');
  });

  let fees, gas;
  test('what it will cost', async () => {
    assert.match(await result('eth_gasPrice'), QUANTITY);
    const history = await result('eth_feeHistory', '0x5', 'latest', [10, 20, 30]);
    assert.ok(history.baseFeePerGas.length === history.gasUsedRatio.length + 1);
    fees = BigInt(history.baseFeePerGas.at(-1));
    const { gasLimit } = await result('eth_getBlockByNumber', 'latest', false);
    const most = hex((BigInt(gasLimit) * 95n) / 100n); // it asks with nearly all of a block
    gas = await result('eth_estimateGas', { from: me.address.toLowerCase(), to: other.toLowerCase(), value: hex(COIN), gas: most, data: '0x', type: '0x2' });
    assert.equal(gas, '0x5208');
  });

  test('sending, and following the transaction', async () => {
    const raw = await me.signTransaction({ type: 2, chainId: 1337, nonce: 0, to: other, value: COIN, gasLimit: BigInt(gas), maxFeePerGas: 2n * fees + 10n ** 9n, maxPriorityFeePerGas: 10n ** 9n });
    const hash = await result('eth_sendRawTransaction', raw);
    assert.equal(await result('eth_getTransactionReceipt', hash), null);
    const pending = await result('eth_getTransactionByHash', hash);
    assert.deepEqual([pending.blockHash, pending.blockNumber, pending.nonce], [null, null, '0x0']);
    assert.equal(await result('eth_getTransactionCount', me.address.toLowerCase(), await result('eth_blockNumber')), '0x0');
    await node.mine();
    const receipt = await result('eth_getTransactionReceipt', hash);
    assert.deepEqual([receipt.status, receipt.gasUsed, getAddress(receipt.to)], ['0x1', '0x5208', other]);
    const block = await result('eth_getBlockByHash', receipt.blockHash, false);
    assert.deepEqual([block.number, block.transactions], [receipt.blockNumber, [hash]]);
    assert.equal(await result('eth_getTransactionCount', me.address.toLowerCase(), receipt.blockNumber), '0x1');
    // The same again, as a retry after a lost answer.
    assert.match((await call('eth_sendRawTransaction', [raw])).error.message, /nonce too low|already known/);
  });

  test('what it cannot have is an error with a code, over HTTP 200', async () => {
    for (const method of ['eth_blobBaseFee', 'linea_estimateGas', 'wallet_getCapabilities']) assert.equal((await call(method)).error.code, -32601);
    assert.equal((await call('eth_getBalance', ['0x12', 'latest'])).error.code, -32602);
    const empty = await call('eth_estimateGas', [{ from: '0x' + '11'.repeat(20), to: other.toLowerCase(), value: '0x1' }]);
    assert.match(empty.error.message, /insufficient funds/);
  });
});
