// A wallet in the browser: found by EIP-6963 (or window.ethereum), spoken to by EIP-1193. It holds the keys and asks its user; this page only writes
// what is to be signed. Nothing is sent to it before somebody presses a button.
import { hex } from './format.js';
import { rpc, RPC_URL } from './rpc.js';

/** What a wallet said instead of an answer, as a sentence. */
export function refusal(error) {
  if (error?.code === 4001) return 'You declined it in the wallet. Nothing was sent.';
  if (error?.code === -32002) return 'The wallet is still asking about something: open it.';
  return `The wallet says: ${error?.data?.originalError?.message ?? error?.message ?? 'no reason'}`;
}

const found = new Map();

/** Wallets that announced themselves: [{ id, name, provider }]. `changed` is called when another one does. */
export function wallets(changed, signal) {
  addEventListener(
    'eip6963:announceProvider',
    ({ detail }) => {
      if (typeof detail?.info?.uuid !== 'string' || typeof detail.provider?.request !== 'function' || found.has(detail.info.uuid)) return;
      found.set(detail.info.uuid, { id: detail.info.uuid, name: String(detail.info.name).slice(0, 40), provider: detail.provider });
      changed();
    },
    { signal },
  );
  dispatchEvent(new Event('eip6963:requestProvider'));
}

export function list() {
  if (found.size > 0) return [...found.values()];
  return typeof window.ethereum?.request === 'function' ? [{ id: 'injected', name: 'Wallet of this browser', provider: window.ethereum }] : [];
}

/** EIP-3085 */
export const network = (parameters) => ({
  chainId: hex(parameters.chainId),
  chainName: parameters.name,
  nativeCurrency: { name: parameters.ticker, symbol: parameters.ticker, decimals: 18 },
  rpcUrls: [RPC_URL],
  blockExplorerUrls: [RPC_URL],
});

export const addNetwork = (wallet, parameters) => wallet.provider.request({ method: 'wallet_addEthereumChain', params: [network(parameters)] });

/** Makes the wallet speak of this chain; it is told of the chain if it does not know it. */
async function chooseChain(wallet, parameters) {
  const here = hex(parameters.chainId);
  const current = async () => hex(await wallet.provider.request({ method: 'eth_chainId' }));
  if ((await current()) === here) return;
  try {
    await wallet.provider.request({ method: 'wallet_switchEthereumChain', params: [{ chainId: here }] });
  } catch (error) {
    if (error?.code === 4001) throw error;
    await addNetwork(wallet, parameters);
  }
  if ((await current()) !== here) throw new Error('it stayed on another network');
}

/** The first of a wallet's accounts, null if there is none. */
export const accountOf = (accounts) => {
  const account = accounts?.[0];
  return typeof account === 'string' && /^0x[0-9a-fA-F]{40}$/.test(account) ? account.toLowerCase() : null;
};

/** The account that the user chose to show to this page. */
export async function connect(wallet, parameters) {
  const account = accountOf(await wallet.provider.request({ method: 'eth_requestAccounts' }));
  if (account === null) throw new Error('it gave no account');
  await chooseChain(wallet, parameters);
  return account;
}

/**
 * Has the wallet sign and send. The node is asked first whether the call would succeed, so that its reason is read here and no fee is lost; then the
 * wallet, whose hash is returned. The chain's id is in what it is asked to sign: its user may change the network until the last moment, and elsewhere
 * there is no contract at this address, so that the coins would be lost.
 */
export async function send(wallet, parameters, { from, to, data, value = 0n }) {
  const call = { from, to, data, value: hex(value) };
  const now = BigInt(await rpc('eth_estimateGas', call)),
    gas = hex(now + now / 4n); // it may cost more when it is mined (another exit to pay); what is not used is not paid
  await chooseChain(wallet, parameters);
  return wallet.provider.request({ method: 'eth_sendTransaction', params: [{ ...call, gas, chainId: hex(parameters.chainId) }] });
}
