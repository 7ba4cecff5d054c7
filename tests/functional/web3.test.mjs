// web3.js, as it is published.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Interface } from 'ethers';
import { Web3 } from 'web3';

import { ACCOUNTS, COIN, STAKING, STAKING_ABI, startMining, within } from './lib.mjs';

const [sender, receiver] = [ACCOUNTS[1], ACCOUNTS[9]];
const abi = JSON.parse(new Interface(STAKING_ABI).formatJson());
let node, web3;

describe('web3.js', () => {
  before(async () => {
    node = await startMining();
    web3 = new Web3(node.url);
    web3.eth.transactionPollingInterval = 100;
    web3.eth.accounts.wallet.add(sender.privateKey);
  });
  after(() => node.stop());

  test('reading', async () => {
    assert.equal(await web3.eth.getChainId(), 1337n);
    assert.equal(await web3.eth.net.getId(), 1337n);
    assert.match(await web3.eth.getNodeInfo(), /^posw\//);
    assert.equal(await web3.eth.getBalance(receiver.address), 10000n * COIN);
    assert.equal(await web3.eth.getTransactionCount(receiver.address), 0n);
    assert.equal(await web3.eth.getCode(STAKING), '0xfe706f7377');
    const genesis = await web3.eth.getBlock(0);
    assert.equal(genesis.hash, node.ready.genesis);
    assert.equal((await web3.eth.getBlock(genesis.hash)).number, 0n);
    assert.deepEqual(await web3.eth.getPastLogs({ fromBlock: 0, address: STAKING }), []);
    const fees = await web3.eth.calculateFeeData();
    assert.ok(fees.maxFeePerGas > 0n && fees.maxPriorityFeePerGas > 0n);
    assert.equal(await web3.eth.estimateGas({ from: sender.address, to: receiver.address, value: 1 }), 21000n);
    assert.equal(await web3.eth.isSyncing(), false);
  });

  test('sending: types 2 and 0', async () => {
    for (const extra of [{}, { type: 0, gasPrice: await web3.eth.getGasPrice() }]) {
      const receipt = await web3.eth.sendTransaction({ from: sender.address, to: receiver.address, value: 5n, gas: 21000, ...extra });
      assert.equal(receipt.status, 1n);
      assert.equal(receipt.gasUsed, 21000n);
      const tx = await web3.eth.getTransaction(receipt.transactionHash);
      assert.equal(tx.value, 5n);
      assert.equal(tx.type, BigInt(extra.type ?? 2));
    }
    assert.equal(await web3.eth.getBalance(receiver.address), 10000n * COIN + 10n);
  });

  test('the staking contract', async () => {
    const staking = new web3.eth.Contract(abi, STAKING);
    const receipt = await staking.methods.stake(receiver.address).send({ from: sender.address, value: String(100n * COIN) });
    assert.equal(receipt.events.Staked.returnValues.amount, 100n * COIN);
    assert.equal(await staking.methods['stakeOf(address)'](receiver.address).call(), 100n * COIN);
    const [event] = await staking.getPastEvents('Staked', { fromBlock: 0 });
    assert.equal(event.transactionHash, receipt.transactionHash);
    await assert.rejects(staking.methods.withdraw().call({ from: sender.address }), (error) => /withdraw: no exits/.test(`${error.message} ${error.cause?.message ?? ''}`));
  });

  test('refusals', async () => {
    const poor = web3.eth.accounts.create();
    web3.eth.accounts.wallet.add(poor);
    await assert.rejects(web3.eth.sendTransaction({ from: poor.address, to: receiver.address, value: 1n, gas: 21000 }), (error) => /insufficient funds/.test(error.reason)); // it calls first, and wraps what is said
  });

  test('subscriptions over WebSocket', async () => {
    const socket = new Web3(node.ws);
    const heads = await socket.eth.subscribe('newBlockHeaders');
    const head = await within(10000, new Promise((done) => heads.once('data', done)), 'a new head');
    assert.equal((await web3.eth.getBlock(head.number)).hash, head.hash);
    await heads.unsubscribe();
    socket.provider.disconnect();
  });
});
