// Building the page. Text from the chain, from wallets or from people becomes text nodes and nothing else: there is no innerHTML here.

/** An element: attributes (a function listens, true is an empty attribute, null and false leave it out), then children. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') node.addEventListener(name, value);
    else node.setAttribute(name, value === true ? '' : String(value));
  }
  put(node, ...children);
  return node;
}

/** Replaces what a node holds. Strings become text; null and false are left out. */
export function put(node, ...children) {
  node.replaceChildren(...children.flat(2).filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

/** Changes a node's text, if it differs: what is selected or read aloud stays. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/**
 * Brings the children of a node into the order of `items`. Children are known by their key and kept, so that focus and selection stay where they
 * are; `make(item)` gives a new one, `update(child, item)` changes one that is kept.
 */
export function reconcile(node, items, key, make, update = () => {}) {
  const known = new Map([...node.children].map((child) => [child.dataset.key, child]));
  let at = node.firstElementChild;
  for (const item of items) {
    const name = String(key(item));
    let child = known.get(name);
    known.delete(name);
    if (child === undefined) {
      child = make(item);
      child.dataset.key = name;
    } else update(child, item);
    if (child === at) at = at.nextElementSibling;
    else node.insertBefore(child, at);
  }
  for (const gone of known.values()) gone.remove();
}

/** What tells a row of a list, table or description list from its neighbours: the address that it leads to, or what it begins with. */
function rowKey(node) {
  if (node.nodeName === 'LI' || node.nodeName === 'TR') return node.querySelector('a')?.getAttribute('href') ?? node.firstElementChild?.textContent;
  return node.nodeName === 'DIV' && node.firstElementChild?.nodeName === 'DT' ? node.firstElementChild.textContent : undefined;
}

/** Makes `old` say what `fresh` says. */
function mend(old, fresh) {
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== fresh.nodeValue) old.nodeValue = fresh.nodeValue;
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  mendChildren(old, [...fresh.childNodes]);
}

/** Old children are kept in their order, those between two that stay are gone; nothing is moved, since that would cost the focus. */
function mendChildren(node, fresh) {
  let left = [...node.childNodes];
  for (const child of fresh) {
    const key = rowKey(child),
      at = left.findIndex((old) => old.nodeName === child.nodeName && rowKey(old) === key);
    if (at < 0) node.insertBefore(child, left[0] ?? null);
    else {
      for (const gone of left.slice(0, at)) gone.remove();
      mend(left[at], child);
      left = left.slice(at + 1);
    }
  }
  for (const gone of left) gone.remove();
}

/**
 * As put, for what is drawn again and again: what stays the same stays in the page, with the focus, the selection and how far a table was scrolled.
 * For parts that listen to nothing, since an element that is kept keeps its old listeners.
 */
export function renew(node, ...children) {
  mendChildren(node, [...el('div', {}, ...children).childNodes]);
  return node;
}

export const link = (path, text, attributes = {}) => el('a', { href: `#/${path}`, ...attributes }, text);

/** Pairs of a name and what it is: a description list. Pairs that are null are left out. */
export const facts = (pairs, attributes = {}) =>
  el(
    'dl',
    { class: 'facts', ...attributes },
    pairs.filter(Boolean).map(([name, ...what]) => el('div', {}, el('dt', {}, name), el('dd', {}, ...what))),
  );

const columnClass = (c) => [c.n && 'n', c.less && 'less'].filter(Boolean).join(' ') || null;
export const tableRow = (columns, cells) =>
  el(
    'tr',
    {},
    cells.map((cell, i) => el('td', { class: columnClass(columns[i]), 'data-label': columns[i].name }, cell)),
  );

/** A table that scrolls by itself. Columns: { name, unit?, n?: a number, less?: left out on a small screen }; rows: lists of cells. */
export function table(caption, columns, rows, attributes = {}) {
  const head = columns.map((c) => el('th', { scope: 'col', class: columnClass(c) }, c.name, c.unit ? el('small', {}, c.unit) : null));
  const body = rows.map((cells) => tableRow(columns, cells));
  return el(
    'div',
    { class: 'wide', role: 'region', tabindex: 0, 'aria-label': caption, ...attributes },
    el('table', {}, el('caption', {}, caption), el('thead', {}, el('tr', {}, head)), el('tbody', {}, body)),
  );
}

export const note = (kind, ...children) => el('p', { class: `note ${kind}`, role: kind === 'bad' ? 'alert' : null }, ...children);

/** A heading that takes the focus when its page opens. */
export const title = (...children) => el('h1', { tabindex: -1 }, ...children);

/**
 * What `load` gives, drawn by `draw` into a place: with a sign of waiting before, and a reason and a way on when it fails. Returns a function
 * that loads and draws again, without a sign of waiting: one question at a time, since what a slow node answers would otherwise be too late always.
 */
export function shows(place, load, draw, signal) {
  let waiting = 0,
    busy = false,
    again = false,
    drawn = false;
  const failed = (error) => {
    const retry = el('button', { type: 'button', click: () => first() }, 'Try again');
    put(place, el('div', { class: 'note bad', role: 'alert' }, el('p', {}, error.message), retry));
  };
  const once = async () => {
    try {
      const answer = await load();
      clearTimeout(waiting);
      if (signal.aborted) return;
      drawn = true;
      draw(answer);
    } catch (error) {
      clearTimeout(waiting);
      if (signal.aborted) return;
      if (!drawn || error.code !== undefined) failed(error); // what was drawn stays while the node does not answer: the banner says so
    }
  };
  const run = async () => {
    again = true;
    if (busy) return;
    busy = true;
    while (again && !signal.aborted) {
      again = false;
      await once();
    }
    busy = false;
  };
  const first = () => {
    waiting = setTimeout(() => put(place, el('p', { class: 'note', 'aria-busy': 'true' }, 'Loading…')), 200);
    run();
  };
  first();
  return run;
}
