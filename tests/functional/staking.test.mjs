// Staking through the ABI, block by block: when stake counts, when it can leave, and what is refused.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { Contract, Wallet, getAddress } from 'ethers';
import { getContract, parseAbi } from 'viem';

import { ACCOUNTS, COIN, STAKING, STAKING_ABI, ethersProvider, ethersWallet, startDev, viemClients } from './lib.mjs';

const [W, U] = [32, 32];
const GAS = { stake: 60000n, unstake: 70000n, withdraw: 30000n, exit: 6000n, setSigner: 25000n, view: 3000n };
const intrinsic = (data) => 21000n + data.slice(2).match(/../g).reduce((sum, byte) => sum + (byte === '00' ? 4n : 16n), 0n);

let node, provider;
const contract = (i) => new Contract(STAKING, STAKING_ABI, i === undefined ? provider : ethersWallet(provider, i));
/** Sends by `call`, mines, and gives the ethers receipt. */
async function done(call) {
  const sent = await call;
  await node.mine();
  return provider.getTransactionReceipt(sent.hash);
}
const event = (receipt, name) => {
  const parsed = receipt.logs.map((log) => contract().interface.parseLog(log));
  assert.deepEqual(parsed.map((l) => l.name), [name]);
  return parsed[0].args;
};
const reverts = (promise, reason) =>
  assert.rejects(promise, (error) => {
    assert.equal(error.code, 'CALL_EXCEPTION');
    assert.match(error.reason, reason);
    assert.equal(error.revert.name, 'Error');
    return true;
  });
const fresh = async () => {
  node = await startDev();
  provider = ethersProvider(node);
};
const end = async () => {
  provider.destroy();
  await node.stop();
};

describe('one stake from beginning to end', () => {
  before(fresh);
  after(end);
  const owner = ACCOUNTS[1].address;
  const miner = ACCOUNTS[2].address;
  const amount = 1000n * COIN;
  let unlock;

  test('stake: event, storage, balance, gas', async () => {
    await node.mineTo(4);
    const before = await node.balance(owner);
    const receipt = await done(contract(1).stake(miner, { value: amount }));
    assert.equal(receipt.status, 1);
    assert.equal(receipt.blockNumber, 5);
    const args = event(receipt, 'Staked');
    assert.deepEqual([args.owner, args.miner, args.amount, args.activeFrom], [owner, miner, amount, 32n], 'E1: epoch 2');
    const tx = await provider.getTransaction(receipt.hash);
    assert.equal(receipt.gasUsed, intrinsic(tx.data) + GAS.stake, 'X6');
    assert.equal(tx.gasLimit, receipt.gasUsed, 'eth_estimateGas was exact');
    assert.equal(await node.balance(owner), before - amount - receipt.fee);
    assert.equal(await node.balance(STAKING), amount);
    assert.equal(await contract()['stakeOf(address)'](miner), amount);
    assert.equal(await contract()['stakeOf(address,address)'](owner, miner), amount);
    assert.equal(await contract().activeStakeOf(miner), 0n);
    assert.equal(await contract().pendingOf(miner), amount);
    assert.equal(await contract().totalStake(), amount);
    assert.equal(BigInt(await node.rpc('eth_getStorageAt', STAKING, '0x0', 'latest')), amount, 'S2: slot 0');
    assert.equal(BigInt(await node.rpc('eth_getStorageAt', STAKING, '0x1', 'latest')), 1n, 'S2: slot 1');
  });

  test('posw_getStake shows the deposit with its clock', async () => {
    const s = await node.rpc('posw_getStake', owner);
    assert.equal(s.stake, '0x0', 'nobody staked for the owner');
    assert.equal(s.deposits.length, 1);
    assert.equal(getAddress(s.deposits[0].miner), miner);
    assert.equal(BigInt(s.deposits[0].amount), amount);
    assert.deepEqual(s.deposits[0].recent.map((r) => Number(r.activeFrom)), [32]);
    const m = await node.rpc('posw_getStake', miner);
    assert.deepEqual([BigInt(m.stake), BigInt(m.active), BigInt(m.pending)], [amount, 0n, amount]);
  });

  test('it counts when its epoch comes, not a block before', async () => {
    await node.mineTo(30);
    let m = await node.rpc('posw_getMiner', miner);
    assert.deepEqual([Number(m.number), BigInt(m.activeStake), m.weight, m.tickets], [31, 0n, '0x1', '0x0']);
    await node.mine();
    m = await node.rpc('posw_getMiner', miner);
    assert.deepEqual([Number(m.number), BigInt(m.activeStake)], [32, amount]);
    const epoch = await node.rpc('posw_getEpoch');
    const price = BigInt(epoch.supply) / (4n * BigInt(W));
    assert.equal(BigInt(m.ticketPrice), price, 'W3');
    assert.equal(BigInt(epoch.ticketPrice), price);
    assert.equal(BigInt(m.tickets), amount / price);
    assert.deepEqual([m.used, m.free, m.weight, m.boost], ['0x0', m.tickets, '0x400', '0x400']);
    assert.equal(await contract().activeStakeOf(miner), amount);
    assert.equal(await contract().weightOf(miner), 1024n);
    assert.equal(await contract().pendingOf(miner), 0n);
    assert.equal(await contract().ticketPrice(), price);
    assert.equal((await node.rpc('eth_getBlockByNumber', 'latest', false)).extraData.slice(4, 68), (await node.rpc('posw_getEpoch', '0x1f')).stakeRoot.slice(2));
    await node.mine();
    assert.equal((await node.rpc('eth_getBlockByNumber', '0x20', false)).extraData.slice(4, 68), epoch.stakeRoot.slice(2), 'H3 of block 32');
  });

  test('unstake: locked for the unbonding time', async () => {
    const receipt = await done(contract(1).unstake(miner, amount));
    unlock = receipt.blockNumber + U;
    const args = event(receipt, 'Unstaked');
    assert.deepEqual([args.owner, args.miner, args.amount, args.unlockBlock], [owner, miner, amount, BigInt(unlock)]);
    assert.equal(receipt.gasUsed, intrinsic((await provider.getTransaction(receipt.hash)).data) + GAS.unstake);
    const [blocks, amounts] = await contract().exitsOf(owner);
    assert.deepEqual([[...blocks], [...amounts]], [[BigInt(unlock)], [amount]]);
    assert.equal(await contract()['stakeOf(address)'](miner), 0n);
    assert.equal(BigInt((await node.rpc('posw_getMiner', miner)).activeStake), amount, 'it counts until the table changes');
    const s = await node.rpc('posw_getStake', owner);
    assert.deepEqual(s.exits.map((e) => [Number(e.unlockBlock), BigInt(e.amount), e.unlocked]), [[unlock, amount, false]]);
  });

  test('an early withdrawal is refused in words', async () => {
    const reason = new RegExp(`withdraw: nothing to withdraw yet; your next exit unlocks at block ${unlock}`);
    await reverts(contract(1).withdraw(), reason);
    await reverts(contract(1).withdraw.staticCall(), reason);
    const { reader } = viemClients(node);
    await assert.rejects(reader.simulateContract({ address: STAKING, abi: parseAbi(STAKING_ABI), functionName: 'withdraw', account: owner }), (error) => {
      assert.match(error.shortMessage, reason);
      return true;
    });
    await assert.rejects(node.rpc('eth_estimateGas', { from: owner, to: STAKING, data: '0x3ccfd60b' }), { code: 3, message: /^execution reverted: withdraw: nothing/, data: /^0x08c379a0/ });

    const before = await node.balance(owner);
    const receipt = await done(contract(1).withdraw({ gasLimit: 100000 }));
    assert.equal(receipt.status, 0, 'forced, it is mined and fails');
    assert.deepEqual(receipt.logs, []);
    assert.equal(receipt.gasUsed, 21000n + 4n * 16n + GAS.withdraw);
    assert.equal(await node.balance(owner), before - receipt.fee, 'the fee is kept');
  });

  test('no longer counting at the next snapshot', async () => {
    await node.mineTo(63);
    assert.equal((await node.rpc('posw_getMiner', miner)).activeStake, '0x0');
  });

  test('withdraw after the lock', async () => {
    await node.mineTo(unlock - 2);
    await reverts(contract(1).withdraw.staticCall(), /nothing to withdraw yet/);
    await node.mine();
    const before = await node.balance(owner);
    const receipt = await done(contract(1).withdraw());
    assert.equal(receipt.blockNumber, unlock);
    const args = event(receipt, 'Withdrawn');
    assert.deepEqual([args.owner, args.amount], [owner, amount]);
    assert.equal(receipt.gasUsed, 21000n + 64n + GAS.withdraw + GAS.exit);
    assert.equal(await node.balance(owner), before + amount - receipt.fee);
    assert.equal(await node.balance(STAKING), 0n);
    await reverts(contract(1).withdraw.staticCall(), /withdraw: no exits/);
  });
});

describe('rules', () => {
  before(fresh);
  after(end);

  test('each refusal has its reason', async () => {
    const c = contract(1);
    const nobody = '0x' + '00'.repeat(20);
    await reverts(c.stake(nobody, { value: COIN }), /stake: the miner is the zero address/);
    await reverts(c.stake(ACCOUNTS[2].address, { value: COIN - 1n }), /below the chain's minimum stake/);
    await reverts(c.stake(ACCOUNTS[2].address, { value: 0n }), /below the chain's minimum stake/);
    await reverts(c.unstake(ACCOUNTS[2].address, COIN), /unstake: more than you have staked for this miner/);
    await reverts(c.unstake(ACCOUNTS[2].address, 0n), /unstake: the amount is zero/);
    await reverts(c.withdraw(), /withdraw: no exits/);
    await done(c.stake(ACCOUNTS[2].address, { value: 5n * COIN }));
    await reverts(c.unstake(ACCOUNTS[2].address, 4n * COIN + 1n), /what stays would be below the chain's minimum stake/);
    await reverts(contract(2).unstake(ACCOUNTS[2].address, COIN), /more than you have staked/, 'only the owner takes out');

    const call = (data, value = 0n, to = STAKING) => provider.call({ from: ACCOUNTS[1].address, to, data, value });
    await reverts(call('0x', 1n), /takes coins only by stake/);
    await reverts(call('0xdeadbeef'), /no such function/);
    await reverts(call('0x3ccfd60b', 1n), /withdraw: takes no coins/);
    await reverts(call('0x26476204', COIN), /argument 1 is missing/);
    await reverts(call('0x26476204' + 'ff'.repeat(32), COIN), /argument 1 is missing or not an address/);
  });

  test('each deposit has its own clock, and the newest goes first', async () => {
    const owner = ACCOUNTS[3].address;
    const miner = ACCOUNTS[4].address;
    await node.mineTo(15);
    await done(contract(3).stake(miner, { value: 100n * COIN })); // block 16: epoch 1, active from 48
    await node.mineTo(31);
    const receipt = await done(contract(3).stake(miner, { value: 50n * COIN })); // block 32: epoch 2, active from 64
    assert.equal(event(receipt, 'Staked').activeFrom, 64n);
    await node.mineTo(47);
    assert.equal(await contract().activeStakeOf(miner), 100n * COIN, 'adding more does not restart an earlier one');
    assert.equal(await contract().pendingOf(miner), 50n * COIN);
    await done(contract(3).unstake(miner, 60n * COIN)); // 50 of the newer, 10 of the older
    await node.mineTo(63);
    assert.equal(await contract().activeStakeOf(miner), 150n * COIN, 'E1: the table of epoch 4 is that after block 47, before it was taken out');
    await node.mineTo(79);
    assert.equal(await contract().activeStakeOf(miner), 90n * COIN);
    assert.equal((await contract().exitsOf(owner)).amounts[0], 60n * COIN);
  });

  test('several exits, one payment', async () => {
    const owner = ACCOUNTS[5].address;
    const [a, b] = [ACCOUNTS[6].address, ACCOUNTS[7].address];
    await done(contract(5).stake(a, { value: 30n * COIN }));
    await done(contract(5).stake(b, { value: 30n * COIN }));
    await done(contract(5).unstake(a, 10n * COIN));
    await node.mine();
    await done(contract(5).unstake(b, 30n * COIN));
    const { unlockBlocks } = await contract().exitsOf(owner);
    assert.equal(unlockBlocks.length, 2);
    await node.mineTo(Number(unlockBlocks[1]));
    const receipt = await done(contract(5).withdraw());
    assert.equal(event(receipt, 'Withdrawn').amount, 40n * COIN);
    assert.equal(receipt.gasUsed, 21000n + 64n + GAS.withdraw + 2n * GAS.exit);
  });

  test('exits of one block are joined', async () => {
    const c = contract(8);
    const miner = ACCOUNTS[8].address;
    await done(c.stake(miner, { value: 30n * COIN }));
    const nonce = await ethersWallet(provider, 8).getNonce();
    await c.unstake(miner, 10n * COIN, { nonce, gasLimit: 200000 });
    await c.unstake(miner, 5n * COIN, { nonce: nonce + 1, gasLimit: 200000 });
    await node.mine();
    const { amounts } = await contract().exitsOf(ACCOUNTS[8].address);
    assert.deepEqual([...amounts], [15n * COIN]);
  });

  test('64 miners an owner, then no more', async () => {
    const c = contract(9);
    let nonce = await ethersWallet(provider, 9).getNonce();
    const miners = Array.from({ length: 65 }, (_, i) => getAddress('0x' + (0x100 + i).toString(16).padStart(40, 'e')));
    for (const miner of miners) await c.stake(miner, { value: COIN, nonce: nonce++, gasLimit: 100000, maxFeePerGas: 10n ** 10n, maxPriorityFeePerGas: 1n });
    await node.mine();
    const receipts = await node.rpc('eth_getBlockReceipts', 'latest');
    assert.deepEqual(receipts.map((r) => r.status), [...Array(64).fill('0x1'), '0x0']);
    await reverts(c.stake.staticCall(miners[64], { value: COIN }), /you stake for 64 miners already/);
    assert.equal((await node.rpc('posw_getStake', ACCOUNTS[9].address)).deposits.length, 64);
  });

  test('out of gas takes all of it and nothing else', async () => {
    const wallet = ethersWallet(provider, 1);
    const before = await node.balance(wallet.address);
    const held = await node.balance(STAKING);
    const receipt = await done(contract(1).stake(ACCOUNTS[2].address, { value: COIN, gasLimit: 70000 }));
    assert.equal(receipt.status, 0);
    assert.equal(receipt.gasUsed, 70000n);
    assert.equal(await node.balance(wallet.address), before - receipt.fee);
    assert.equal(await node.balance(STAKING), held);
  });

  test('a plain transfer to the contract fails', async () => {
    const wallet = ethersWallet(provider, 1);
    const held = await node.balance(STAKING);
    const receipt = await done(wallet.sendTransaction({ to: STAKING, value: COIN, gasLimit: 50000 }));
    assert.equal(receipt.status, 0);
    assert.equal(receipt.gasUsed, 24000n);
    assert.equal(await node.balance(STAKING), held);
  });

  test('a view inside a transaction: state, yes; the table in force, no', async () => {
    const wallet = ethersWallet(provider, 1);
    const data = (name, ...args) => contract().interface.encodeFunctionData(name, args);
    const ok = await done(wallet.sendTransaction({ to: STAKING, data: data('totalStake'), gasLimit: 60000 }));
    assert.equal(ok.status, 1);
    const refused = await done(wallet.sendTransaction({ to: STAKING, data: data('weightOf', ACCOUNTS[2].address), gasLimit: 60000 }));
    assert.equal(refused.status, 0);
  });

  test('signers', async () => {
    const signer = Wallet.createRandom().address;
    const me = ACCOUNTS[6].address;
    assert.equal(await contract().signerOf(me), me);
    const receipt = await done(contract(6).setSigner(signer));
    assert.deepEqual([...event(receipt, 'SignerChanged')], [me, signer]);
    assert.equal(await contract().signerOf(me), signer);
    assert.equal(getAddress((await node.rpc('posw_getStake', me)).signer), signer);
    await done(contract(6).setSigner(me));
    assert.equal(await contract().signerOf(me), me);
  });
});

describe('viem', () => {
  before(fresh);
  after(end);

  test('reads, simulates, writes and sees the event', async () => {
    const { reader, writer } = viemClients(node, 1);
    const abi = parseAbi(STAKING_ABI);
    const staking = getContract({ address: STAKING, abi, client: { public: reader, wallet: writer } });
    const { request } = await reader.simulateContract({ address: STAKING, abi, functionName: 'stake', args: [ACCOUNTS[2].address], value: COIN, account: writer.account });
    const hash = await writer.writeContract(request);
    await node.mine();
    const receipt = await reader.getTransactionReceipt({ hash });
    assert.equal(receipt.status, 'success');
    const [log] = await staking.getEvents.Staked({ owner: writer.account.address }, { fromBlock: 0n });
    assert.deepEqual([log.args.miner, log.args.amount, log.transactionHash], [ACCOUNTS[2].address, COIN, hash]);
    assert.equal(await staking.read.totalStake(), COIN);
    assert.equal(await staking.read.stakeOf([ACCOUNTS[1].address, ACCOUNTS[2].address]), COIN);
    const results = await Promise.all([staking.read.signerOf([ACCOUNTS[2].address]), staking.read.exitsOf([ACCOUNTS[2].address])]);
    assert.deepEqual(results, [ACCOUNTS[2].address, [[], []]]);
  });
});
