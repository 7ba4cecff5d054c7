// The frame of the page: which view the address after # names, search, the state of the node, and what all views share.
import { account, block, blocks, pending, peers, transaction } from './explorer.js';
import { el, note, put, say, title } from './dom.js';
import { ago, integer, parseAddress } from './format.js';
import { overview } from './overview.js';
import { miner } from './miner.js';
import { chain, chainChanged, node, on, rpc, start } from './rpc.js';
import { security } from './security.js';
import { stake } from './stake.js';

const ROUTES = { '': overview, blocks, block, tx: transaction, address: account, miner, stake, security, pending, peers };
/** Which entry of the menu a view belongs to. */
const MENU = {
  '': '',
  blocks: 'blocks',
  block: 'blocks',
  tx: 'blocks',
  address: 'blocks',
  pending: 'blocks',
  peers: '',
  miner: 'miner',
  stake: 'stake',
  security: 'security',
};

const main = document.getElementById('main'),
  banner = document.getElementById('banner'),
  live = document.getElementById('live'),
  liveText = document.getElementById('live-text');
let leave = null; // ends what the open view listens to
let first = true;
let waits = false; // for the node: nothing could be shown yet

/** What location.hash names: [view, ...arguments]. */
function path() {
  try {
    return location.hash.replace(/^#\/?/, '').split('/').map(decodeURIComponent);
  } catch {
    return ['?'];
  }
}

/** Opens the view that location.hash names. */
async function open() {
  const [name = '', ...args] = path();
  const view = Object.hasOwn(ROUTES, name) ? ROUTES[name] : undefined;
  leave?.abort();
  leave = new AbortController();
  const { signal } = leave;
  waits = false;
  for (const a of document.querySelectorAll('nav a')) {
    if (a.getAttribute('href') === `#/${MENU[name] ?? '?'}`) a.setAttribute('aria-current', 'page');
    else a.removeAttribute('aria-current');
  }
  put(main);
  try {
    const parameters = await chain();
    if (signal.aborted) return;
    say(document.getElementById('chain-name'), parameters.name);
    if (view === undefined) put(main, title('There is no such page'), note('', 'The menu above leads to what there is.'));
    else view({ main, args, signal, parameters });
    document.title = `${main.querySelector('h1')?.textContent ?? 'posw'} · ${parameters.name}`;
  } catch (error) {
    if (signal.aborted) return;
    put(main, title('No answer'), note('bad', error.message));
    waits = true;
  }
  if (!first) main.querySelector('h1')?.focus({ preventScroll: true });
  if (!first) scrollTo(0, 0);
  first = false;
}

// ---- search ----

async function find(text) {
  const query = text.trim().replace(/^#/, '').replaceAll(',', '');
  if (/^\d+$/.test(query)) return `block/${query}`;
  if (/^0x[0-9a-fA-F]{64}$/.test(query)) {
    const [tx, header] = await Promise.all([rpc('eth_getTransactionByHash', query), rpc('posw_getBlockSummary', query)]);
    if (tx !== null) return `tx/${query.toLowerCase()}`;
    if (header !== null) return `block/${query.toLowerCase()}`;
    throw new Error('This node knows no block and no transaction with this hash.');
  }
  if (/^0x[0-9a-fA-F]*$/.test(query) && query.length !== 42) throw new Error('A hash is 0x and 64 hexadecimal digits, an address 0x and 40.');
  return `address/${parseAddress(query)}`;
}

const search = document.getElementById('search'),
  query = document.getElementById('query');
search.addEventListener('submit', async (event) => {
  event.preventDefault();
  if (query.value.trim() === '') return;
  document.getElementById('search-fault')?.remove();
  query.removeAttribute('aria-invalid');
  try {
    const path = await find(query.value);
    query.value = '';
    location.hash = `/${path}`;
  } catch (error) {
    query.setAttribute('aria-invalid', 'true');
    query.setAttribute('aria-describedby', 'search-fault');
    search.append(el('p', { id: 'search-fault', role: 'alert' }, error.message));
  }
});
query.addEventListener('input', () => {
  document.getElementById('search-fault')?.remove();
  query.removeAttribute('aria-invalid');
});

// ---- the node ----

function showLive() {
  live.dataset.state = node.state;
  const block = node.head === null ? '' : `block ${integer(node.head.number)}, ${ago(node.head.timestamp)}`;
  say(liveText, node.state === 'down' ? 'node does not answer' : block === '' ? 'connecting' : block);
  live.title = {
    live: 'The node tells of each new block',
    polling: 'Asked every two seconds: no WebSocket to this node',
    down: 'Trying again',
    wait: '',
  }[node.state];
}

function showBanner() {
  const down = node.state === 'down';
  banner.hidden = !down && !node.syncing;
  put(
    banner,
    down
      ? [
          el('strong', {}, 'The node does not answer. '),
          'What you see is as of the last answer. Start it again, for example with ',
          el('code', {}, 'posw node'),
          '; this page goes on by itself.',
        ]
      : node.syncing
        ? [el('strong', {}, 'The node is catching up with the chain. '), 'What you see is as of its latest block: later blocks and payments are missing yet.']
        : null,
  );
}

on('head', showLive);
on('syncing', showBanner);
on('state', async (state) => {
  showLive();
  showBanner();
  if (state === 'down') return;
  const other = await chainChanged().catch(() => false);
  if (other || waits) open();
});
setInterval(showLive, 1000);

poswScheme.bind(document.getElementById('scheme'), () => dispatchEvent(new Event('posw-scheme')));
rpc('web3_clientVersion').then(
  (v) => say(document.getElementById('version'), v),
  () => {},
);
addEventListener('hashchange', open);
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
start();
open();
