// The fee market: base fee from block to block, suggestions, history, burning and pooling. On a chain whose blocks hold ten transfers.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { mineWith } from './chain.mjs';
import { ACCOUNTS, COIN, GWEI, STAKING, ethersProvider, ethersWallet, startDev, startNode, temporaryFolder, viemClients, writeChainFile } from './lib.mjs';

const LIMIT = 210000n; // ten transfers; the target is five
const key = ACCOUNTS[0].privateKey;
const to = ACCOUNTS[9].address;

/** B1 */
function nextBaseFee(base, used, minimum) {
  const target = LIMIT / 2n;
  if (used === target) return base;
  if (used > target) {
    const step = (base * (used - target)) / target / 8n;
    return base + (step > 1n ? step : 1n);
  }
  const lower = base - (base * (target - used)) / target / 8n;
  return lower > minimum ? lower : minimum;
}

describe('a chain with small blocks', () => {
  let node, provider;
  const nonces = new Map();
  const send = async (i, tip, maxFee = 1000n * GWEI) => {
    const nonce = nonces.get(i) ?? 0;
    nonces.set(i, nonce + 1);
    return ethersWallet(provider, i).sendTransaction({ type: 2, to, value: 1n, nonce, gasLimit: 21000, maxFeePerGas: maxFee, maxPriorityFeePerGas: tip });
  };
  const block = (tag) => node.rpc('eth_getBlockByNumber', tag, true);
  /** A block with n transfers. */
  const fill = async (n, tip = GWEI) => {
    for (let k = 0; k < n; k++) await send(1 + (k % 5), tip);
    await mineWith(node, key);
    const b = await block('latest');
    assert.equal(b.transactions.length, n);
    return b;
  };

  before(async () => {
    const folder = temporaryFolder();
    const chain = writeChainFile(folder, { gasLimit: Number(LIMIT), fees: { base: 'burn', initial: '8 gwei', minimum: '0.5 gwei' } });
    node = await startNode(chain, folder + '/data');
    provider = ethersProvider(node);
  });
  after(async () => {
    provider.destroy();
    await node.stop();
  });

  test('the base fee follows B1 up, down, and stands still at the target', async () => {
    let last = await block('0x0');
    assert.equal(BigInt(last.baseFeePerGas), 8n * GWEI);
    for (const n of [10, 10, 7, 5, 5, 3, 0, 10, 6, 4, 0, 1]) {
      const b = await fill(n);
      assert.equal(BigInt(b.baseFeePerGas), nextBaseFee(BigInt(last.baseFeePerGas), BigInt(last.gasUsed), GWEI / 2n), `block ${Number(b.number)}`);
      assert.equal(BigInt(await node.rpc('eth_baseFee')), nextBaseFee(BigInt(b.baseFeePerGas), BigInt(b.gasUsed), GWEI / 2n));
      last = b;
    }
  });

  test('it falls to the minimum and stays there', async () => {
    for (let i = 0; i < 30; i++) await mineWith(node, key);
    const b = await block('latest');
    assert.equal(BigInt(b.baseFeePerGas), GWEI / 2n);
  });

  test('what does not fit waits; whoever bids below the base fee waits too', async () => {
    for (let k = 0; k < 13; k++) await send(1 + (k % 5), GWEI);
    await mineWith(node, key);
    assert.equal((await block('latest')).transactions.length, 10);
    assert.deepEqual(await node.rpc('txpool_status'), { pending: '0x3', queued: '0x0' });
    await mineWith(node, key);
    assert.equal((await block('latest')).transactions.length, 3);

    await fill(10);
    await fill(10);
    const cheap = await send(6, 0n, GWEI / 2n);
    assert.ok(BigInt(await node.rpc('eth_baseFee')) > GWEI / 2n);
    await mineWith(node, key);
    assert.equal(await provider.getTransactionReceipt(cheap.hash), null, 'below the base fee');
    for (let i = 0; i < 10 && !(await provider.getTransactionReceipt(cheap.hash)); i++) await mineWith(node, key);
    assert.equal((await provider.getTransactionReceipt(cheap.hash)).gasPrice, GWEI / 2n, 'mined when the fee has fallen');
  });

  test('eth_feeHistory is what the blocks say', async () => {
    await fill(4, 3n * GWEI);
    await send(1, GWEI);
    await send(2, 2n * GWEI);
    await send(3, 4n * GWEI);
    await mineWith(node, key);
    await mineWith(node, key);
    const tip = await node.number();
    const count = 12;
    const percentiles = [0, 25, 50, 75, 100];
    const history = await node.rpc('eth_feeHistory', '0xc', 'latest', percentiles);
    assert.equal(Number(history.oldestBlock), tip - count + 1);
    assert.equal(history.baseFeePerGas.length, count + 1);
    assert.equal(history.gasUsedRatio.length, count);
    assert.equal(history.reward.length, count);
    for (let i = 0; i < count; i++) {
      const b = await block('0x' + (tip - count + 1 + i).toString(16));
      assert.equal(history.baseFeePerGas[i], b.baseFeePerGas);
      assert.ok(Math.abs(history.gasUsedRatio[i] - Number(b.gasUsed) / Number(LIMIT)) < 1e-9);
      const tips = b.transactions.map((t) => BigInt(t.gasPrice) - BigInt(b.baseFeePerGas)).sort((x, y) => (x < y ? -1 : 1));
      const expected = percentiles.map((p) => {
        if (tips.length === 0) return 0n;
        const threshold = Math.floor((Number(b.gasUsed) * p) / 100);
        return tips[Math.max(0, Math.ceil(threshold / 21000) - 1)];
      });
      assert.deepEqual(history.reward[i].map(BigInt), expected, `block ${Number(b.number)}`);
    }
    assert.equal(history.baseFeePerGas[count], await node.rpc('eth_baseFee'), 'the last is that of the next block');

    assert.deepEqual(await node.rpc('eth_feeHistory', count, 'latest', percentiles), history, 'the count as a number');
    assert.equal((await node.rpc('eth_feeHistory', '0x2', 'latest')).reward, undefined);
    assert.equal((await node.rpc('eth_feeHistory', '0xffff', '0x3', [])).gasUsedRatio.length, 4, 'cut at genesis');
    const old = await node.rpc('eth_feeHistory', '0x1', '0x1', []);
    assert.deepEqual([Number(old.oldestBlock), old.baseFeePerGas[1]], [1, (await block('0x2')).baseFeePerGas]);
    await assert.rejects(node.rpc('eth_feeHistory', '0x1', '0xfffff', []), { code: -32000, message: /request beyond head block/ });
    await assert.rejects(node.rpc('eth_feeHistory', '0x1', 'latest', [50, 20]), { code: -32602, message: /invalid reward percentile/ });
    await assert.rejects(node.rpc('eth_feeHistory', '0x1', 'latest', [101]), { code: -32602, message: /invalid reward percentile/ });
  });

  test('suggestions are enough for the next block', async () => {
    const tip = BigInt(await node.rpc('eth_maxPriorityFeePerGas'));
    const price = BigInt(await node.rpc('eth_gasPrice'));
    assert.equal(price, BigInt(await node.rpc('eth_baseFee')) + tip);
    assert.ok(tip > 0n);
    const nonce = nonces.get(7) ?? 0;
    const sent = await ethersWallet(provider, 7).sendTransaction({ type: 0, to, value: 1n, gasPrice: price, nonce });
    nonces.set(7, nonce + 1);
    await mineWith(node, key);
    assert.equal((await provider.getTransactionReceipt(sent.hash)).status, 1);
  });

  test('ethers and viem build their fees from it', async () => {
    const data = await provider.getFeeData();
    assert.ok(data.maxFeePerGas >= data.maxPriorityFeePerGas && data.gasPrice > 0n);
    const { reader } = viemClients(node);
    const fees = await reader.estimateFeesPerGas();
    assert.ok(fees.maxFeePerGas > BigInt(await node.rpc('eth_baseFee')));
    const history = await reader.getFeeHistory({ blockCount: 4, rewardPercentiles: [25, 75] });
    assert.equal(history.baseFeePerGas.length, 5);
    assert.equal(await reader.getGasPrice(), data.gasPrice);
  });

  test('burnt: the supply loses the base fees', async () => {
    const supply = async () => BigInt(await node.rpc('eth_getStorageAt', STAKING, '0x4', 'latest'));
    const before = await supply();
    const b = await fill(6);
    assert.equal(await supply(), before + 2n * COIN - BigInt(b.gasUsed) * BigInt(b.baseFeePerGas), 'R5');
  });
});

describe('a pooling chain', () => {
  test('base fees go to the pool and are paid out over time', async () => {
    const folder = temporaryFolder();
    const chain = writeChainFile(folder, {
      gasLimit: Number(LIMIT),
      fees: { base: 'pool', poolBlocks: 4, initial: '8 gwei', minimum: '1 gwei' },
      reward: { initial: '3 coin', halving: 0, tail: '0 coin', treasury: '0x00000000000000000000000000000000000000aa', treasuryShare: 2500 },
    });
    const node = await startNode(chain, folder + '/data');
    const provider = ethersProvider(node);
    const slot = async (n) => BigInt(await node.rpc('eth_getStorageAt', STAKING, n, 'latest'));
    let pool = 0n;
    for (const n of [3, 0, 10, 1, 0, 0]) {
      for (let k = 0; k < n; k++) await ethersWallet(provider, 1).sendTransaction({ to, value: 1n, gasLimit: 21000, maxFeePerGas: 99n * GWEI, maxPriorityFeePerGas: GWEI, nonce: (await provider.getTransactionCount(ACCOUNTS[1].address, 'pending')) });
      const before = await node.balance(ACCOUNTS[0].address);
      const supply = await slot('0x4');
      await mineWith(node, key);
      const b = await node.rpc('eth_getBlockByNumber', 'latest', false);
      assert.equal(Number(b.gasUsed), 21000 * n);
      pool += BigInt(b.gasUsed) * BigInt(b.baseFeePerGas); // R3
      const share = pool / 4n; // R4
      pool -= share;
      assert.equal(await slot('0x3'), pool);
      assert.equal(await node.balance(STAKING), pool, 'the contract holds the pool');
      assert.equal(await node.balance(ACCOUNTS[0].address), before + (3n * COIN * 3n) / 4n + share + BigInt(b.gasUsed) * GWEI);
      assert.equal(await slot('0x4'), supply + 3n * COIN, 'nothing is burnt');
    }
    assert.equal(await node.balance('0x00000000000000000000000000000000000000aa'), (6n * 3n * COIN) / 4n, 'R2');
    provider.destroy();
    await node.stop();
  });
});

describe('a quiet chain', () => {
  test('starts at the minimum and stays there', async () => {
    const node = await startDev();
    await node.mine(5);
    assert.equal(BigInt((await node.rpc('eth_getBlockByNumber', 'latest', false)).baseFeePerGas), GWEI);
    assert.equal(BigInt(await node.rpc('eth_gasPrice')), GWEI + BigInt(await node.rpc('eth_maxPriorityFeePerGas')));
    await node.stop();
  });
});
