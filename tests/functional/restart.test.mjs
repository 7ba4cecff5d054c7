// A node that is killed, stopped or cut short goes on where it was.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { Wallet } from 'ethers';

import { killWhileImporting, killWhileMining } from './kill9.mjs';
import { ACCOUNTS, GWEI, startDev, temporaryFolder } from './lib.mjs';

describe('kill -9 at random moments', () => {
  test('while mining and taking transactions', { timeout: 120000 }, async (t) => {
    const { rounds, blocks, slowestReadyMs } = await killWhileMining(12);
    t.diagnostic(`${rounds} kills over ${blocks} blocks, ready again within ${slowestReadyMs} ms`);
  });

  test('while importing', { timeout: 120000 }, async (t) => {
    const { rounds, slowestReadyMs } = await killWhileImporting(8, { blocks: 1000 });
    t.diagnostic(`${rounds} kills, ready again within ${slowestReadyMs} ms`);
  });
});

describe('a clean restart', () => {
  test('keeps chain, receipts, state, stake tables and what waited in the pool', async () => {
    const datadir = temporaryFolder();
    let node = await startDev('--datadir', datadir);
    const wallet = new Wallet(ACCOUNTS[1].privateKey);
    const send = async (nonce) => node.rpc('eth_sendRawTransaction', await wallet.signTransaction({ type: 2, chainId: 1337, nonce, to: ACCOUNTS[2].address, value: 1n, gasLimit: 21000, maxFeePerGas: 10n * GWEI, maxPriorityFeePerGas: GWEI }));
    const first = await send(0);
    await node.mine(40);
    const [waiting, behindGap] = [await send(1), await send(3)];
    const shown = async () => ({
      tip: await node.rpc('eth_getBlockByNumber', 'latest', true),
      receipt: await node.rpc('eth_getTransactionReceipt', first),
      block: await node.rpc('debug_getRawBlock', '0x1'),
      balance: await node.balance(ACCOUNTS[0].address),
      // states of earlier blocks, which a restarted node makes by undo records
      earlier: await Promise.all(['0x0', '0x1', '0x5', 'finalized', 'safe'].map((at) => node.balance(ACCOUNTS[0].address, at))),
      earlierProof: await node.rpc('eth_getProof', ACCOUNTS[1].address, ['0x0'], '0x5'),
      proof: await node.rpc('eth_getProof', ACCOUNTS[1].address, ['0x0'], 'latest'),
      pool: await node.rpc('txpool_status'),
      waiting: await node.rpc('eth_getTransactionByHash', waiting),
      behindGap: await node.rpc('eth_getTransactionByHash', behindGap),
      epoch: await node.rpc('posw_getEpoch'),
      miner: await node.rpc('posw_getMiner', ACCOUNTS[0].address),
      root: await node.rpc('posw_getEpoch', '0x10').then((e) => e.stakeRoot),
    });
    const before = await shown();
    assert.deepEqual(before.pool, { pending: '0x1', queued: '0x1' });
    await node.stop();
    node = await startDev('--datadir', datadir);
    assert.deepEqual(await shown(), before);
    await node.mine();
    assert.ok(await node.rpc('eth_getTransactionReceipt', waiting));
    await node.stop();
  });
});
