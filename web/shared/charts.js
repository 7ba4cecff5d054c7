// What a chart looks like on all web pages of the project: from a description { kind, x, y, log_x, log_y, labels, series } to a configuration of
// Chart.js. Loaded after Chart.js; the colours are those of look.css at the time of drawing.
const poswCharts = (() => {
  'use strict';
  const root = document.documentElement;
  const color = (name) => getComputedStyle(root).getPropertyValue(name).trim();
  const dashes = [[], [7, 4], [2, 3], [9, 3, 2, 3], [4, 4], [12, 4], [1, 2], [6, 2, 1, 2]];
  const points = ['circle', 'rect', 'triangle', 'rectRot', 'star', 'crossRot', 'cross', 'line'];

  // As the tables show numbers: six digits at most, thousands apart, 1.2e-7 where tiny.
  const show = (v, digits = 6) => {
    const a = Math.abs(v);
    if (v === 0) return '0';
    if (a < 1e-4 || a >= 1e15) return Number(v.toPrecision(Math.min(digits, 4))).toExponential();
    return Number(v.toPrecision(a >= 1e5 ? 15 : digits)).toLocaleString('en-US', { maximumFractionDigits: a >= 1e5 ? 0 : 10 });
  };
  const short = (v) => (Math.abs(v) >= 1e5 && Math.abs(v) < 1e15 ? v.toLocaleString('en-US', { notation: 'compact', maximumSignificantDigits: 3 }) : show(v, 4));
  const isPower = (v) => { const l = Math.log10(Math.abs(v)); return Math.abs(l - Math.round(l)) < 1e-9; };

  const cut = (text) => (text.length > 28 ? `${text.slice(0, 27)}…` : text);

  const axis = (label, log, bars) => ({
    type: log ? 'logarithmic' : bars ? 'category' : 'linear',
    title: { display: label !== '', text: label, color: color('--quiet') },
    grid: { color: color('--grid'), drawBorder: false },
    ticks: {
      color: color('--quiet'),
      maxRotation: bars ? 50 : 0,
      autoSkip: !bars,
      ...(bars ? { callback(v) { return cut(this.getLabelForValue(v)); } } : { callback: (v) => (log && !isPower(v) ? '' : short(v)) }),
    },
  });

  // A standard error as a bar through its point.
  const errorBars = {
    id: 'errorBars',
    afterDatasetDraw(chart, { index, meta }) {
      const set = chart.data.datasets[index], y = chart.scales.y;
      if (!set.errors || meta.hidden) return;
      const c = chart.ctx, low = chart.chartArea.bottom, high = chart.chartArea.top;
      c.save();
      c.strokeStyle = color('--ink');
      c.lineWidth = 1.25;
      meta.data.forEach((p, i) => {
        const e = set.errors[i], v = set.values[i];
        if (!(e > 0) || v === null) return;
        const top = Math.max(high, y.getPixelForValue(v + e));
        const bottom = v - e <= 0 && y.type === 'logarithmic' ? low : Math.min(low, y.getPixelForValue(v - e));
        c.beginPath();
        c.moveTo(p.x, top); c.lineTo(p.x, bottom);
        c.moveTo(p.x - 4, top); c.lineTo(p.x + 4, top);
        c.moveTo(p.x - 4, bottom); c.lineTo(p.x + 4, bottom);
        c.stroke();
      });
      c.restore();
    },
  };

  const dataset = (spec, s, i) => {
    const mine = color(`--c${i % 8}`), bars = spec.kind === 'bar', many = s.y.length > 40;
    return {
      label: s.label, values: s.y, errors: s.errors,
      data: bars ? s.y : s.y.map((y, k) => ({ x: s.x[k], y })),
      borderColor: mine, backgroundColor: bars ? mine : spec.kind === 'scatter' ? mine + 'b0' : mine,
      borderWidth: bars ? 0 : 2, borderRadius: bars ? 4 : 0, maxBarThickness: 56,
      borderDash: spec.kind === 'line' ? dashes[i % dashes.length] : [],
      pointStyle: points[i % points.length], pointRadius: spec.kind === 'scatter' ? 4 : many ? 0 : 3, pointHoverRadius: 5, pointHitRadius: 8,
      tension: 0,
    };
  };

  const generateLabels = (chart) => Chart.defaults.plugins.legend.labels.generateLabels(chart).map((l) => ({ ...l, text: cut(l.text) }));

  const inform = (spec) => (item) => {
    const set = item.dataset, v = set.values[item.dataIndex], e = set.errors ? set.errors[item.dataIndex] : 0;
    const at = spec.kind === 'bar' ? '' : ` at ${show(item.parsed.x)}`;
    return ` ${set.label}: ${show(v)}${e > 0 ? ` ± ${show(e, 2)}` : ''}${at}`;
  };

  const config = (spec) => ({
    type: spec.kind,
    data: { labels: spec.labels, datasets: spec.series.map((s, i) => dataset(spec, s, i)) },
    options: {
      responsive: true, maintainAspectRatio: false, animation: false,
      interaction: { mode: 'nearest', intersect: false },
      scales: { x: axis(spec.x, spec.log_x, spec.kind === 'bar'), y: axis(spec.y, spec.log_y, false) },
      plugins: {
        legend: { display: spec.series.length > 1, position: 'bottom', labels: { color: color('--ink'), usePointStyle: true, boxHeight: 7, padding: 14, generateLabels } },
        tooltip: { callbacks: { title: (items) => (spec.kind === 'bar' && items.length ? items[0].label : ''), label: inform(spec) } },
      },
    },
    plugins: [errorBars],
  });

  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.font.size = 12;
  return { color, config, show, short };
})();
