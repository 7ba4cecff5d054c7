// Every answer that the Ethereum execution API describes, validated against its schemas.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import Ajv from 'ajv';
import { Contract } from 'ethers';

import { ACCOUNTS, COIN, GWEI, ROOT, STAKING, STAKING_ABI, ethersProvider, ethersWallet, startDev } from './lib.mjs';

const api = JSON.parse(readFileSync(join(ROOT, 'tests/vectors/execution-apis/openrpc-compact.json'), 'utf8'));
const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
/** An empty list meets several branches of a oneOf. */
const relax = (v) =>
  Array.isArray(v) ? v.map(relax) : v && typeof v === 'object' ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k === 'oneOf' ? 'anyOf' : k, relax(x)])) : v;
ajv.addSchema({ $id: 'api', components: { schemas: relax(api.schemas) } });
const validators = new Map();
function validator(method) {
  if (!validators.has(method)) {
    const text = JSON.stringify(relax(api.methods[method].result.schema)).replaceAll('"#/components', '"api#/components');
    validators.set(method, ajv.compile(JSON.parse(text)));
  }
  return validators.get(method);
}

/** The schema has no form for a transaction that is not mined; every client expects null in these four places. */
const PLACE = { blockHash: '0x' + '00'.repeat(32), blockNumber: '0x0', blockTimestamp: '0x0', transactionIndex: '0x0' };
function placed(tx) {
  for (const key of Object.keys(PLACE)) assert.equal(tx[key], null, key);
  return { ...tx, ...PLACE };
}

let node, provider;
const seen = new Set();
async function conforms(method, ...params) {
  let result = await node.rpc(method, ...params);
  if (method === 'eth_getTransactionByHash' && result?.blockHash === null) result = placed(result);
  const validate = validator(method);
  assert.ok(validate(result), `${method}(${JSON.stringify(params)}): ${ajv.errorsText(validate.errors, { separator: '\n' })}\n${JSON.stringify(result).slice(0, 600)}`);
  seen.add(method);
  return result;
}

let sent;
before(async () => {
  node = await startDev();
  provider = ethersProvider(node);
  await node.mine(2);
  const wallet = ethersWallet(provider, 1);
  const list = [{ address: STAKING, storageKeys: ['0x' + '00'.repeat(32)] }];
  const fields = { to: ACCOUNTS[2].address, value: COIN, gasLimit: 50000 };
  sent = [
    await wallet.sendTransaction({ ...fields, type: 0, gasPrice: 3n * GWEI, nonce: 0 }),
    await wallet.sendTransaction({ ...fields, type: 1, gasPrice: 3n * GWEI, accessList: list, nonce: 1 }),
    await wallet.sendTransaction({ ...fields, type: 2, maxFeePerGas: 3n * GWEI, maxPriorityFeePerGas: 1n, accessList: list, nonce: 2 }),
    await new Contract(STAKING, STAKING_ABI, wallet).stake(ACCOUNTS[2].address, { value: COIN, nonce: 3, gasLimit: 200000 }),
    await new Contract(STAKING, STAKING_ABI, wallet).withdraw({ nonce: 4, gasLimit: 200000 }),
  ];
  await node.mine();
  // what waits: one that can be mined, one behind a gap
  for (const nonce of [5, 7]) sent.push(await wallet.sendTransaction({ ...fields, type: nonce === 5 ? 2 : 0, maxFeePerGas: undefined, nonce }));
});
after(async () => {
  provider.destroy();
  await node.stop();
});

describe('answers', () => {
  test('blocks', async () => {
    for (const tag of ['earliest', '0x1', '0x3', 'latest', 'safe', 'finalized'])
      for (const full of [false, true]) {
        const block = await conforms('eth_getBlockByNumber', tag, full);
        await conforms('eth_getBlockByHash', block.hash, full);
        await conforms('eth_getBlockReceipts', block.hash);
        await conforms('eth_getBlockTransactionCountByHash', block.hash);
      }
    await conforms('eth_getBlockByNumber', '0xffffff', true);
    await conforms('eth_getBlockByHash', '0x' + '00'.repeat(32), true);
    await conforms('eth_getBlockReceipts', '0x3');
    await conforms('eth_getBlockReceipts', '0xffffff');
    await conforms('eth_getBlockTransactionCountByNumber', '0x3');
    await conforms('eth_getBlockTransactionCountByNumber', '0xffffff');
  });

  test('transactions and receipts of every type', async () => {
    for (const { hash } of sent) {
      await conforms('eth_getTransactionByHash', hash);
      await conforms('eth_getTransactionReceipt', hash);
      await conforms('debug_getRawTransaction', hash);
    }
    const { hash } = await node.rpc('eth_getBlockByNumber', '0x3', false);
    for (const i of ['0x0', '0x1', '0x2', '0x3', '0x4', '0x5']) {
      await conforms('eth_getTransactionByBlockHashAndIndex', hash, i);
      await conforms('eth_getTransactionByBlockNumberAndIndex', '0x3', i);
    }
    await conforms('eth_getTransactionByHash', '0x' + '00'.repeat(32));
    await conforms('eth_getTransactionReceipt', '0x' + '00'.repeat(32));
  });

  test('state', async () => {
    for (const address of [ACCOUNTS[0].address, STAKING, '0x' + '77'.repeat(20)]) {
      await conforms('eth_getBalance', address, 'latest');
      await conforms('eth_getCode', address, 'latest');
      await conforms('eth_getTransactionCount', address, 'pending');
      await conforms('eth_getStorageAt', address, '0x0', 'latest');
      await conforms('eth_getProof', address, ['0x0', '0x' + '00'.repeat(32)], 'latest');
    }
  });

  test('calls and fees', async () => {
    await conforms('eth_call', { to: STAKING, data: '0x8b0e9f3f' }, 'latest');
    await conforms('eth_call', { to: ACCOUNTS[1].address }, 'latest');
    await conforms('eth_estimateGas', { to: STAKING, data: '0x8b0e9f3f' });
    await conforms('eth_createAccessList', { to: STAKING, data: '0x8b0e9f3f' }, 'latest');
    await conforms('eth_createAccessList', { from: ACCOUNTS[5].address, to: STAKING, data: '0x3ccfd60b' }, 'latest');
    await conforms('eth_gasPrice');
    await conforms('eth_maxPriorityFeePerGas');
    await conforms('eth_baseFee');
    await conforms('eth_feeHistory', '0x4', 'latest', [25, 75]);
    await conforms('eth_feeHistory', '0x2', '0x2', []);
  });

  test('the node', async () => {
    for (const method of ['eth_chainId', 'eth_blockNumber', 'eth_syncing', 'eth_accounts', 'eth_coinbase', 'net_version']) await conforms(method);
  });

  test('logs and filters', async () => {
    await conforms('eth_getLogs', { fromBlock: '0x0', toBlock: 'latest' });
    await conforms('eth_getLogs', { fromBlock: '0x1', toBlock: '0x1' });
    const logs = await conforms('eth_newFilter', { fromBlock: '0x0' });
    const blocks = await conforms('eth_newBlockFilter');
    const pending = await conforms('eth_newPendingTransactionFilter');
    await conforms('eth_getFilterLogs', logs);
    const raw = await ethersWallet(provider, 6).sendTransaction({ to: STAKING, data: '0x26476204' + '00'.repeat(12) + ACCOUNTS[2].address.slice(2), value: COIN, gasLimit: 200000 });
    assert.ok(raw.hash);
    assert.equal((await conforms('eth_getFilterChanges', pending)).length, 1);
    await node.mine();
    assert.ok((await conforms('eth_getFilterChanges', logs)).length > 0);
    assert.equal((await conforms('eth_getFilterChanges', blocks)).length, 1);
    for (const filter of [logs, blocks, pending]) await conforms('eth_uninstallFilter', filter);
  });

  test('the pool', async () => {
    await ethersWallet(provider, 7).sendTransaction({ to: ACCOUNTS[1].address, value: 1n, gasLimit: 21000 });
    await conforms('txpool_status');
    await conforms('txpool_content');
    await conforms('txpool_contentFrom', ACCOUNTS[1].address);
    await conforms('txpool_contentFrom', ACCOUNTS[9].address);
  });

  test('encodings', async () => {
    for (const method of ['debug_getRawHeader', 'debug_getRawBlock', 'debug_getRawReceipts']) await conforms(method, '0x3');
    const signed = await ethersWallet(provider, 8).signTransaction({ type: 2, chainId: 1337, nonce: 0, to: STAKING, value: 0n, gasLimit: 50000, maxFeePerGas: 3n * GWEI, maxPriorityFeePerGas: 1n });
    await conforms('eth_sendRawTransaction', signed);
  });

  test('every method of the specification is answered or known to be missing', async () => {
    const missing = Object.keys(api.methods).filter((m) => !seen.has(m));
    assert.deepEqual(missing.sort(), [
      'debug_getBadBlocks', 'debug_getRawBlockAccessList', 'debug_traceBlockByHash', 'debug_traceBlockByNumber', 'debug_traceTransaction',
      'eth_blobBaseFee', 'eth_capabilities', 'eth_config', 'eth_fillTransaction', 'eth_getBlockAccessList', 'eth_getStorageValues',
      'eth_sendTransaction', 'eth_sign', 'eth_signTransaction', 'eth_simulateV1',
    ]);
    for (const method of missing) await assert.rejects(node.rpc(method), { code: -32601 });
  });

  test('the check can fail', () => {
    const validate = validator('eth_getTransactionReceipt');
    assert.equal(validate({ blockHash: '0x00' }), false);
    assert.equal(validator('eth_blockNumber')('0x01'), false);
  });
});
