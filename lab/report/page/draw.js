// Draws the charts of the page from the JSON in #charts, anew when the colours change.
(() => {
  'use strict';
  const specs = JSON.parse(document.getElementById('charts').textContent);
  let drawn = [];
  const draw = () => {
    for (const c of drawn) c.destroy();
    drawn = specs.map((spec, i) => new Chart(document.getElementById(`chart-${i}`), poswCharts.config(spec)));
  };
  poswScheme.bind(document.getElementById('scheme'), draw);
  draw();
})();
