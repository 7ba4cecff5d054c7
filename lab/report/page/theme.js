// In the head, before anything is drawn: the scheme chosen on an earlier visit.
(() => {
  'use strict';
  try {
    const chosen = localStorage.getItem('posw-lab-scheme');
    if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.scheme = chosen;
  } catch { /* no storage for pages opened from a file in some browsers: the system's scheme then */ }
})();
