// What a user writes: a plain ethers script against a node that makes its blocks by the clock, with nothing configured and nothing hurried.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Contract, JsonRpcProvider, Wallet, parseEther } from 'ethers';

import { ACCOUNTS, STAKING, STAKING_ABI, sleep, startMining } from './lib.mjs';

test('send, stake, mine with it, unstake, wait, withdraw', { timeout: 140000 }, async () => {
  const node = await startMining();
  const provider = new JsonRpcProvider(node.url);
  const wallet = new Wallet(ACCOUNTS[1].privateKey, provider);
  const miner = ACCOUNTS[2].address;
  const staking = new Contract(STAKING, STAKING_ABI, wallet);
  const reaches = (number) =>
    new Promise((done) =>
      provider.on('block', function seen(n) {
        if (n < number) return;
        provider.off('block', seen);
        done();
      }),
    );

  // send, and wait for the receipt; not just before a block: ethers remembers the nonce for 250 ms, and would use it again for the next one
  const now = await node.number();
  while ((await node.number()) === now) await sleep(20);
  const sent = await wallet.sendTransaction({ to: ACCOUNTS[3].address, value: parseEther('1.5') });
  assert.equal((await sent.wait()).status, 1);
  assert.equal(await provider.getBalance(ACCOUNTS[3].address), parseEther('10001.5'));

  // stake 1,000 coins for a miner, and read the event
  const staked = await (await staking.stake(miner, { value: parseEther('1000') })).wait();
  const event = staked.logs.map((log) => staking.interface.parseLog(log)).find((log) => log.name === 'Staked');
  assert.equal(event.args.owner, wallet.address);
  assert.equal(event.args.miner, miner);
  assert.equal(event.args.amount, parseEther('1000'));
  assert.equal(Number(event.args.activeFrom), (Math.floor(staked.blockNumber / 16) + 2) * 16);
  assert.equal((await provider.send('posw_getMiner', [miner])).activeStake, '0x0');

  // the epoch comes: the miner is stronger
  await reaches(Number(event.args.activeFrom));
  const strong = await provider.send('posw_getMiner', [miner]);
  assert.equal(BigInt(strong.activeStake), parseEther('1000'));
  assert.equal(Number(strong.weight), 1024);
  assert.ok(Number(strong.tickets) >= 1);

  // unstake; too early to withdraw, and told so
  const unstaked = await (await staking.unstake(miner, parseEther('1000'))).wait();
  const unlock = staking.interface.parseLog(unstaked.logs[0]).args.unlockBlock;
  assert.equal(Number(unlock), unstaked.blockNumber + 32);
  await assert.rejects(staking.withdraw(), (error) => {
    assert.equal(error.code, 'CALL_EXCEPTION');
    assert.equal(error.reason, `withdraw: nothing to withdraw yet; your next exit unlocks at block ${unlock}`);
    return true;
  });

  // after the lock
  await reaches(Number(unlock));
  const before = await provider.getBalance(wallet.address);
  const withdrawn = await (await staking.withdraw()).wait();
  // at that block: ethers answers an equal request from its own memory for 250 ms
  assert.equal(await provider.getBalance(wallet.address, withdrawn.blockNumber), before + parseEther('1000') - withdrawn.fee);

  provider.destroy();
  await node.stop();
});
