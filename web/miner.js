// What an address has as a miner: tickets, weight, blocks; and what a machine would earn with it.
import { addressLink } from './explorer.js';
import { el, link, note, put, renew, say, shows, title } from './dom.js';
import { aboutCoins, coins, duration, howMany, integer, number, parseAddress, percent } from './format.js';
import { blocksADay } from './measure.js';
import { follow, nodeStatus, rpc } from './rpc.js';

const KEY = 'posw-hashrate';

/** Asks for an address and goes on to its page. */
export function askAddress(view, what) {
  const input = el('input', {
      id: 'whose',
      autocomplete: 'off',
      autocapitalize: 'off',
      spellcheck: 'false',
      placeholder: '0x…',
      class: 'mono',
      'aria-describedby': 'whose-fault',
    }),
    fault = el('small', { id: 'whose-fault', role: 'alert', class: 'fault' });
  const submit = (event) => {
    event.preventDefault();
    try {
      location.hash = `/${view}/${parseAddress(input.value)}`;
    } catch (error) {
      input.setAttribute('aria-invalid', 'true');
      say(fault, error.message);
    }
  };
  return el(
    'form',
    { class: 'panel ask', submit },
    el('label', { for: 'whose' }, what),
    el('div', { class: 'with-button' }, input, el('button', { type: 'submit' }, 'Show')),
    fault,
  );
}

export function miner({ main, args, signal, parameters }) {
  if (!args[0]) return intro(main, signal);
  let address;
  try {
    address = parseAddress(args[0]);
  } catch (error) {
    put(main, title('Mining'), note('bad', error.message), askAddress('miner', 'Address of a miner'));
    return;
  }
  const place = el('div'),
    machine = calculator(parameters);
  put(main, title('Miner'), el('p', { class: 'mono whole' }, address), place, machine.box);
  const load = async () => {
    const [m, shares, stake, status] = await Promise.all([
      rpc('posw_getMiner', address.toLowerCase()),
      rpc('posw_getMiners', 0),
      rpc('posw_getStake', address.toLowerCase()),
      nodeStatus(),
    ]);
    const block = await rpc('posw_getBlockSummary', status.tip.number);
    return {
      m,
      shares,
      stake,
      status,
      reward: BigInt(Number(block.number) === 0 ? parameters.reward.initial : block.subsidy) - BigInt(block.treasury),
    };
  };
  const refresh = shows(
    place,
    load,
    (all) => {
      draw(place, all, address, parameters);
      machine.update(all);
    },
    signal,
  );
  follow(refresh, signal);
}

function intro(main, signal) {
  const place = el('div');
  put(
    main,
    title('Mining'),
    el(
      'p',
      { class: 'lead' },
      'A block is found by work, and stake makes the work count for more. Here is what an address has: its tickets, its weight, its blocks, and what a machine would earn.',
    ),
    askAddress('miner', 'Address of a miner'),
    place,
  );
  shows(
    place,
    async () => ({ status: await nodeStatus(), shares: await rpc('posw_getMiners', 25) }),
    ({ status, shares }) => {
      const all = Number(shares.blocks),
        own = status.mining.miner;
      put(
        place,
        own ? el('p', {}, 'This node mines for ', addressLink(own, 'miner', true), '.') : null,
        shares.miners.length === 0
          ? note('', 'Nobody has mined a block yet.')
          : el(
              'section',
              { class: 'panel' },
              el('h2', {}, 'Who mines'),
              el(
                'ol',
                { class: 'shares' },
                shares.miners.map((m) =>
                  el(
                    'li',
                    {},
                    addressLink(m.miner, 'miner'),
                    el('span', { class: 'share' }, percent(Number(m.blocks), all)),
                    el('meter', { min: 0, max: 1, value: Number(m.blocks) / all, 'aria-label': 'share of the blocks' }),
                    el('span', { class: 'more' }, `${integer(Number(m.blocks))} of the last ${integer(all)} blocks`),
                  ),
                ),
              ),
            ),
      );
    },
    signal,
  );
}

function draw(place, { m, shares, stake, reward }, address, parameters) {
  const ticket = parameters.weight.rule === 'ticket',
    seen = Number(shares.blocks),
    share = seen > 0 ? Number(m.blocks) / seen : 0,
    perDay = blocksADay(shares, parameters) * share;
  const card = (label, value, more) => el('div', {}, el('dt', {}, label), el('dd', {}, value), more ? el('dd', { class: 'more' }, more) : null);
  renew(
    place,
    el(
      'dl',
      { class: 'answers six', 'aria-label': 'This miner now' },
      card(
        'Weight in the next block',
        `× ${integer(BigInt(m.weight))}`,
        ticket ? (Number(m.free) > 0 ? 'a ticket is free' : Number(m.tickets) > 0 ? 'all tickets are in use' : 'no ticket') : 'by its stake',
      ),
      ticket ? card('Tickets', `${integer(Number(m.free))} free`, `${integer(Number(m.used))} in use, ${integer(Number(m.tickets))} in all`) : null,
      ticket
        ? card(
            'Price of a ticket',
            el('span', { title: `${coins(BigInt(m.ticketPrice))} ${parameters.ticker}` }, aboutCoins(BigInt(m.ticketPrice))),
            `${parameters.ticker} of stake`,
          )
        : null,
      card('Stake in force', coins(BigInt(m.activeStake)), [
        parameters.ticker,
        BigInt(stake.pending) > 0n ? `, and ${coins(BigInt(stake.pending))} that do not count yet` : '',
      ]),
      card('Blocks of the window', integer(Number(m.blocks)), `${percent(share)} of the last ${integer(seen)}`),
      card(
        'Income at this rate',
        perDay > 0 ? `${number((perDay * Number(reward)) / 1e18, 4)}` : '0',
        `${parameters.ticker} a day, ${number(perDay, 3)} blocks; fees not counted`,
      ),
    ),
    m.signer !== m.address ? el('p', { class: 'quiet' }, 'Its blocks are signed by ', addressLink(m.signer, 'address', true)) : null,
    el('p', { class: 'links' }, link(`address/${address}`, 'Balance and transactions'), ' ', link(`stake/${address}`, 'Deposits and exits')),
  );
}

/** What a machine earns with the weight of this address now. */
function calculator(parameters) {
  let stored = '1000';
  try {
    stored = localStorage.getItem(KEY) ?? stored;
  } catch {
    /* the default */
  }
  const input = el('input', { id: 'rate', inputmode: 'decimal', autocomplete: 'off', value: stored, 'aria-describedby': 'rate-hint' }),
    out = el('dl', { class: 'answers fit' }),
    hint = el('small', { id: 'rate-hint' }, `hashes a second of ${parameters.pow}`);
  let known = null;
  const draw = () => {
    const rate = Number(input.value.replaceAll(',', '')),
      good = Number.isFinite(rate) && rate > 0;
    input.toggleAttribute('aria-invalid', !good);
    say(hint, good ? `hashes a second of ${parameters.pow}` : 'Write a number of hashes a second above 0');
    if (!good || known === null) return;
    try {
      localStorage.setItem(KEY, input.value);
    } catch {
      /* for this visit only */
    }
    const { m, shares, reward } = known,
      difficulty = Number(m.difficulty),
      weight = Number(m.weight),
      ticket = parameters.weight.rule === 'ticket';
    const seconds = difficulty / (rate * weight),
      plain = difficulty / rate,
      day = 86400 / seconds,
      most = ticket && weight > 1 ? (Number(m.tickets) * blocksADay(shares, parameters)) / Number(parameters.window) : Infinity;
    const income = (Math.min(day, most + 86400 / plain, blocksADay(shares, parameters)) * Number(reward)) / 1e18;
    const card = (label, value, more) => el('div', {}, el('dt', {}, label), el('dd', {}, value), el('dd', { class: 'more' }, more));
    put(
      out,
      card(
        'Time to a block, expected',
        duration(seconds),
        weight > 1
          ? `without stake ${duration(plain)}`
          : ticket && Number(m.tickets) > 0
            ? `with a ticket free ${duration(plain / Number(m.boost))}`
            : 'stake would shorten it',
      ),
      card(
        'Income a day',
        `${number(income, 4)} ${parameters.ticker}`,
        most < day
          ? `its ${howMany(Number(m.tickets), 'ticket is', 'tickets are')} the limit: about ${number(most, 3)} boosted blocks a day`
          : 'at the difficulty of now',
      ),
      card('Chance of a block in an hour', percent(1 - Math.exp(-3600 / seconds)), 'while its weight stays as it is'),
    );
  };
  input.addEventListener('input', draw);
  const box = el(
    'section',
    { class: 'panel machine' },
    el('h2', {}, 'A machine with this address'),
    el(
      'form',
      { submit: (event) => event.preventDefault() },
      el(
        'div',
        { class: 'field' },
        el('label', { for: 'rate' }, 'Hash rate'),
        el('span', { class: 'with-unit' }, input, el('span', { class: 'unit' }, 'H/s')),
        hint,
      ),
    ),
    out,
    el(
      'p',
      { class: 'quiet' },
      'The means of a lottery: a miner of its size waits longer than that for its next block in 37 of 100 cases. ',
      el('code', {}, 'posw lab miner'),
      ' tells the spread, power, wear, and whether more stake or more hardware pays.',
    ),
  );
  return {
    box,
    update: (all) => {
      known = all;
      draw();
    },
  };
}
