// Deposits with their clocks, exits, and a wallet to stake, unstake and withdraw.
import { decodeEvent, encode, STAKING } from './abi.js';
import { addressLink, hashLink } from './explorer.js';
import { el, facts, link, note, put, renew, say, shows, table, title } from './dom.js';
import { checksum, coins, duration, howMany, integer, parseAddress, parseCoins } from './format.js';
import { askAddress } from './miner.js';
import { follow, rpc, RpcError } from './rpc.js';
import { accountOf, addNetwork, connect, list, refusal, send, wallets } from './wallet.js';

/** The wallet and account that were chosen on this visit. */
let connected = null;
/** Draws the wallet's part of the view that is open. */
let redrawOwn = null;

const amount = (wei, parameters) => el('span', { class: 'amount' }, `${coins(BigInt(wei))} ${parameters.ticker}`);

/** A block that lies ahead, and about when. */
function clock(block, next, parameters) {
  const left = Number(block) - next;
  return left <= 0
    ? el('span', { class: 'tag good' }, 'now')
    : el(
        'span',
        {},
        `block ${integer(Number(block))}`,
        el(
          'span',
          { class: 'quiet' },
          `, in ${howMany(left, 'block')}, about ${duration(left * Number(parameters.blockTime))}`,
        ),
      );
}

// ---- what there is ----

/** The parts of a deposit: what counts, and what begins to count later. */
function depositRows({ stake, next }, parameters, act) {
  return stake.deposits.map((d) => {
    const later = d.recent.filter((r) => Number(r.activeFrom) > next),
      waits = later.reduce((sum, r) => sum + BigInt(r.amount), 0n),
      total = BigInt(d.amount);
    return [
      addressLink(d.miner, 'miner'),
      amount(total, parameters),
      amount(total - waits, parameters),
      later.length === 0
        ? 'all of it counts'
        : el(
            'ul',
            { class: 'plain' },
            later.map((r) => el('li', {}, amount(r.amount, parameters), ' from ', clock(r.activeFrom, next, parameters))),
          ),
      ...(act ? [act(d)] : []),
    ];
  });
}

function drawStake(place, all, parameters, actions) {
  const { stake, epoch, next } = all,
    columns = [{ name: 'For the miner' }, { name: 'Staked', n: true }, { name: 'Counts now', n: true }, { name: 'Counts later' }];
  const ready = stake.exits.filter((e) => e.unlocked).reduce((sum, e) => sum + BigInt(e.amount), 0n);
  const draw = actions ? put : renew; // forms listen
  draw(
    place,
    el(
      'section',
      {},
      stake.deposits.length === 0
        ? note('', 'This address has staked nothing.')
        : table('Deposits', actions ? [...columns, { name: 'Take out' }] : columns, depositRows(all, parameters, actions?.unstake), {
            class: 'wide stack',
          }),
      stake.exits.length === 0
        ? null
        : table(
            'On the way out',
            [{ name: 'Amount' }, { name: 'Can be withdrawn from' }],
            stake.exits.map((e) => [amount(e.amount, parameters), clock(e.unlockBlock, next, parameters)]),
          ),
      ready > 0n && actions ? actions.withdraw(ready) : null,
    ),
    el(
      'p',
      { class: 'quiet' },
      `Epoch ${integer(Number(epoch.epoch))}; the next one begins with block ${integer(Number(epoch.nextEpochAt))}, in about ${duration((Number(epoch.nextEpochAt) - next) * Number(parameters.blockTime))}. What is staked now counts from the second next epoch on. Coins that are taken out are locked for ${integer(Number(parameters.unbonding))} blocks, about ${duration(Number(parameters.unbonding) * Number(parameters.blockTime))}.`,
    ),
  );
}

const load = async (address) => {
  const [stake, epoch, balance] = await Promise.all([rpc('posw_getStake', address), rpc('posw_getEpoch'), rpc('eth_getBalance', address, 'latest')]);
  const head = await rpc('eth_blockNumber');
  return { stake, epoch, balance: BigInt(balance), next: Number(head) + 1 };
};

/** Loads for each new block, at most once a second, and calls draw when something differs. */
function followStake(place, address, draw, signal) {
  const refresh = shows(place, () => load(address), draw, signal);
  follow(refresh, signal);
  return refresh;
}

// ---- any address ----

export function stake({ main, args, signal, parameters }) {
  if (args[0]) return other(main, args[0], signal, parameters);
  const place = el('div');
  put(
    main,
    title('Staking'),
    el(
      'p',
      { class: 'lead' },
      'Stake makes a miner’s work count for more. The coins stay yours, and you alone can take them back. Stake for your own address if you mine, or for a miner of your choice.',
    ),
    place,
  );
  const draw = () => (connected === null ? offer(place, parameters) : own(place, draw, signal, parameters));
  redrawOwn = draw;
  signal.addEventListener('abort', () => {
    if (redrawOwn === draw) redrawOwn = null;
  });
  wallets(() => connected === null && draw(), signal);
  draw();
}

function other(main, text, signal, parameters) {
  let address;
  try {
    address = parseAddress(text);
  } catch (error) {
    put(main, title('Staking'), note('bad', error.message), askAddress('stake', 'Address of a staker'));
    return;
  }
  const place = el('div');
  put(
    main,
    title('Staker'),
    el('p', { class: 'mono whole' }, address),
    place,
    el(
      'p',
      { class: 'links' },
      link(`address/${address}`, 'Balance and transactions'),
      ' ',
      link(`miner/${address}`, 'This address as a miner'),
      ' ',
      link('stake', 'Stake with a wallet'),
    ),
  );
  followStake(place, address.toLowerCase(), (all) => drawStake(place, all, parameters, null), signal);
}

// ---- a wallet ----

/** Takes the focus from a button that is no more. */
const heading = (text) => el('h2', { tabindex: -1 }, text);

function offer(place, parameters) {
  const fault = el('div', { role: 'alert' }),
    known = list();
  const choose = (wallet) => async (event) => {
    event.target.disabled = true;
    put(fault);
    try {
      connected = { wallet, account: await connect(wallet, parameters) };
      watch(wallet);
      redrawOwn?.(); // another view may be open by now
      if (place.isConnected) place.querySelector('h2').focus();
    } catch (error) {
      put(fault, note('bad', refusal(error)));
      event.target.disabled = false;
    }
  };
  const add = (wallet) => async () => {
    put(fault);
    try {
      await addNetwork(wallet, parameters);
      put(fault, note('good', `${parameters.name} is known to ${wallet.name} now.`));
    } catch (error) {
      put(fault, note('bad', refusal(error)));
    }
  };
  const none = [
    el(
      'p',
      {},
      'No wallet was found in this browser. Install one that speaks of Ethereum, such as MetaMask, Rabby or Frame, and load this page again; or stake from a terminal:',
    ),
    el('pre', { tabindex: 0, 'aria-label': 'Command' }, `posw stake add --from 0x… --amount "1000 coin" --wait`),
  ];
  const some = [
    el('p', {}, 'It is asked for your address and then, for each action, whether to sign. Keys never leave it.'),
    el(
      'ul',
      { class: 'plain wallets' },
      known.map((w) =>
        el(
          'li',
          {},
          el('button', { type: 'button', class: 'main', click: choose(w) }, `Connect ${w.name}`),
          ' ',
          el('button', { type: 'button', click: add(w) }, 'Add this network to it'),
        ),
      ),
    ),
  ];
  put(
    place,
    el('section', { class: 'panel' }, heading('Your wallet'), known.length === 0 ? none : some, fault),
    el('h2', { class: 'apart' }, 'Or only look'),
    askAddress('stake', 'Address of a staker'),
  );
}

const watched = new WeakSet();
/** The wallet’s user may choose another account, or none, at any time: also while another view is open, or a later one of this kind. */
function watch(wallet) {
  if (watched.has(wallet.provider) || typeof wallet.provider.on !== 'function') return;
  watched.add(wallet.provider);
  wallet.provider.on('accountsChanged', (accounts) => {
    if (connected?.wallet.provider !== wallet.provider) return; // it was left
    const account = accountOf(accounts);
    connected = account === null ? null : { wallet, account };
    redrawOwn?.();
  });
}

let ownView = null;

function own(place, redraw, signal, parameters) {
  ownView?.abort();
  ownView = new AbortController();
  signal.addEventListener('abort', () => ownView.abort());
  const view = ownView.signal,
    { wallet, account } = connected,
    list = el('div'),
    said = el('div', { role: 'status' }),
    balance = el('dd'),
    form = stakeForm(parameters, account, act);
  const leave = () => {
    connected = null;
    ownView.abort();
    redraw();
    place.querySelector('h2').focus();
  };
  put(
    place,
    el(
      'section',
      { class: 'panel' },
      el('div', { class: 'headed' }, heading(wallet.name), el('button', { type: 'button', click: leave }, 'Disconnect')),
      facts([['Account', addressLink(account, 'address', true)]]),
      el('dl', { class: 'facts' }, el('div', {}, el('dt', {}, 'Balance'), balance)),
    ),
    said,
    form.box,
    list,
  );
  let drawn = '';
  const refresh = followStake(
    list,
    account,
    (all) => {
      say(balance, `${coins(all.balance)} ${parameters.ticker}`);
      form.update(all);
      // What a person is typing into stays while nothing else than the clocks differs.
      const state = JSON.stringify([all.stake.deposits, all.stake.exits]);
      if (state === drawn && list.contains(document.activeElement)) return;
      drawn = state;
      drawStake(list, all, parameters, {
        unstake: (d) => unstakeForm(d, parameters, act),
        withdraw: (ready) =>
          el(
            'p',
            { class: 'later' },
            el(
              'button',
              {
                type: 'button',
                class: 'main',
                click: (e) => act(e.target, 'withdraw', [], 0n, (receipt) => `${coins(paidBy(receipt))} ${parameters.ticker} are back in your account.`),
              },
              `Withdraw ${coins(ready)} ${parameters.ticker}`,
            ),
          ),
      });
    },
    view,
  );

  /** One action, from the button to the block; only one at a time. */
  async function act(button, name, args, value, done) {
    button.disabled = true;
    try {
      put(said, note('', 'Look at your wallet: it asks whether to sign.'));
      const hash = await send(wallet, parameters, { from: account, to: STAKING, data: encode(name, ...args), value });
      put(said, note('', 'Sent as ', hashLink(hash, 'tx'), '. Waiting for a block…'));
      const receipt = await mined(hash, account, view);
      if (receipt === REPLACED)
        put(
          said,
          note(
            'warn',
            'Another transaction of this account took its place: the wallet sent it again with a higher fee, or cancelled it. See the ',
            link(`address/${checksum(account)}`, 'transactions of this account'),
            '.',
          ),
        );
      else if (receipt)
        put(
          said,
          receipt.status === '0x1'
            ? note('good', typeof done === 'function' ? done(receipt) : done, ' ', hashLink(hash, 'tx'))
            : note('bad', 'It failed in its block: ', hashLink(hash, 'tx'), '. Only the fee was taken.'),
        );
      refresh();
    } catch (error) {
      if (!view.aborted) put(said, note('bad', error instanceof RpcError ? `The node says: ${error.message}` : refusal(error)));
    }
    button.disabled = false;
  }
}

/** What a withdrawal paid out: more than was announced, if another exit was unlocked meanwhile. */
const paidBy = (receipt) => receipt.logs.map(decodeEvent).find((event) => event?.name === 'Withdrawn').args[1][2];

const REPLACED = 'replaced';

/** The receipt, once there is one; REPLACED when another transaction used up its number; null when the view was left. */
const mined = (hash, account, signal) =>
  new Promise((done) => {
    let nonce = Infinity;
    const ask = () =>
      Promise.all([rpc('eth_getTransactionReceipt', hash), rpc('eth_getTransactionByHash', hash), rpc('eth_getTransactionCount', account, 'latest')]);
    const look = async () => {
      if (signal.aborted) return done(null);
      const [receipt, tx, count] = await ask().catch(() => [null, null, 0]);
      if (tx !== null) nonce = Number(tx.nonce);
      if (receipt !== null) done(receipt);
      else if (tx === null && Number(count) > nonce) done(REPLACED);
      else setTimeout(look, 700);
    };
    look();
  });

function stakeForm(parameters, account, act) {
  const miner = el('input', {
    id: 'miner',
    class: 'mono',
    value: checksum(account),
    autocomplete: 'off',
    autocapitalize: 'off',
    spellcheck: 'false',
    'aria-describedby': 'miner-hint',
  });
  const value = el('input', { id: 'amount', inputmode: 'decimal', autocomplete: 'off', placeholder: '1000', 'aria-describedby': 'amount-hint' });
  const minerHint = el('small', { id: 'miner-hint' }, 'your own address, if you mine'),
    amountHint = el('small', { id: 'amount-hint' }),
    button = el('button', { type: 'submit', class: 'main' }, 'Stake');
  let known = null;
  const ticketText = () => {
    const price = BigInt(known.epoch.ticketPrice);
    let text = `at least ${coins(BigInt(parameters.minimumStake))} ${parameters.ticker}`;
    if (parameters.weight.rule !== 'ticket' || price === 0n) return text;
    text = `a ticket costs ${coins(price)} ${parameters.ticker}`;
    try {
      const wei = parseCoins(value.value);
      return `${text}; this is worth ${integer(wei / price)}`;
    } catch {
      return text;
    }
  };
  const read = (input, parse, hint, normal) => {
    try {
      const v = parse(input.value);
      input.removeAttribute('aria-invalid');
      say(hint, normal);
      return v;
    } catch (error) {
      input.setAttribute('aria-invalid', 'true');
      say(hint, error.message);
      return null;
    }
  };
  const submit = (event) => {
    event.preventDefault();
    const to = read(miner, parseAddress, minerHint, 'your own address, if you mine'),
      wei = read(value, parseCoins, amountHint, known ? ticketText() : '');
    if (to === null || wei === null) return (to === null ? miner : value).focus();
    if (known === null) return say(amountHint, 'Waiting for your balance…');
    if (wei < BigInt(parameters.minimumStake) || wei >= known.balance) {
      value.setAttribute('aria-invalid', 'true');
      say(
        amountHint,
        wei < BigInt(parameters.minimumStake)
          ? `At least ${coins(BigInt(parameters.minimumStake))} ${parameters.ticker}`
          : `Your account has ${coins(known.balance)} ${parameters.ticker}, and the fee is taken from it, too`,
      );
      return value.focus();
    }
    act(button, 'stake', [to], wei, `${coins(wei)} ${parameters.ticker} are staked.`);
  };
  value.addEventListener('input', () => {
    value.removeAttribute('aria-invalid');
    if (known) say(amountHint, ticketText());
  });
  const box = el(
    'form',
    { class: 'panel staking', 'aria-label': 'Stake', submit },
    el('h2', {}, 'Stake'),
    el('div', { class: 'field wide-field' }, el('label', { for: 'miner' }, 'For the miner'), miner, minerHint),
    el(
      'div',
      { class: 'field' },
      el('label', { for: 'amount' }, 'Amount'),
      el('span', { class: 'with-unit' }, value, el('span', { class: 'unit' }, parameters.ticker)),
      amountHint,
    ),
    button,
  );
  return {
    box,
    update: (all) => {
      known = all;
      if (!value.hasAttribute('aria-invalid')) say(amountHint, ticketText());
    },
  };
}

function unstakeForm(d, parameters, act) {
  const input = el('input', {
      inputmode: 'decimal',
      autocomplete: 'off',
      value: coins(BigInt(d.amount)),
      'aria-label': `Amount to take out of the deposit for ${checksum(d.miner)}`,
    }),
    button = el('button', { type: 'submit' }, 'Unstake');
  const submit = (event) => {
    event.preventDefault();
    try {
      const wei = parseCoins(input.value);
      if (wei === 0n || wei > BigInt(d.amount)) throw new Error(`An amount up to ${coins(BigInt(d.amount))}`);
      input.removeAttribute('aria-invalid');
      act(button, 'unstake', [d.miner, wei], 0n, `${coins(wei)} ${parameters.ticker} are on their way out.`);
    } catch (error) {
      input.setAttribute('aria-invalid', 'true');
      input.setCustomValidity(error.message);
      input.reportValidity();
    }
  };
  input.addEventListener('input', () => input.setCustomValidity(''));
  return el('form', { class: 'unstake', submit }, input, button);
}
