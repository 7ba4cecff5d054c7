// Light or dark: as the system says, or as chosen by the button on an earlier visit. Loaded in the head, before anything is drawn.
const poswScheme = (() => {
  'use strict';
  const root = document.documentElement, system = matchMedia('(prefers-color-scheme: dark)'), KEY = 'posw-scheme';
  try {
    const chosen = localStorage.getItem(KEY);
    if (chosen === 'light' || chosen === 'dark') root.dataset.scheme = chosen;
  } catch { /* no storage for pages opened from a file in some browsers: the system's scheme then */ }
  const dark = () => (root.dataset.scheme ? root.dataset.scheme === 'dark' : system.matches);

  // The button that switches; `changed` draws anew what has its colours from a script.
  const bind = (button, changed) => {
    const name = () => {
      button.textContent = dark() ? 'Light' : 'Dark';
      button.setAttribute('aria-label', `Show in ${dark() ? 'light' : 'dark'} colours`);
    };
    button.hidden = false;
    button.addEventListener('click', () => {
      root.dataset.scheme = dark() ? 'light' : 'dark';
      try { localStorage.setItem(KEY, root.dataset.scheme); } catch { /* then for this visit only */ }
      name();
      changed();
    });
    system.addEventListener('change', () => { name(); changed(); });
    name();
  };
  return { bind };
})();
