// plotly, which is unpacked when the first figure is drawn, and the looks that all figures share.

let plotlyReady = null;

function plotly() {
  plotlyReady ||= unpackText(document.getElementById('plotly').textContent).then((source) => {
    document.head.append(el('script', {}, source));
    document.getElementById('plotly').remove();
    return window.Plotly;
  });
  return plotlyReady;
}

function looks(more = {}) {
  const line = isDark() ? '#4a4a4a' : '#d8d8d8';
  const axis = { gridcolor: line, zerolinecolor: line, linecolor: line, automargin: true };
  const small = { size: 13 };
  const layout = {
    font: { family: 'system-ui, sans-serif', size: 13, color: ink() },
    paper_bgcolor: 'rgba(0,0,0,0)',
    plot_bgcolor: 'rgba(0,0,0,0)',
    margin: { l: 64, r: 16, t: 16, b: 48 },
    hoverlabel: { font: { size: 12 } },
    showlegend: false,
    ...more,
  };
  for (const name of Object.keys(layout)) {
    if (!/^[xy]axis/.test(name)) continue;
    layout[name] = { ...axis, ...layout[name] };
    if (layout[name].title) layout[name].title = { font: small, ...layout[name].title };
  }
  return layout;
}

const CONFIG = { responsive: true, displaylogo: false, displayModeBar: false, doubleClick: 'reset+autosize' };

// A figure with its words; it is drawn when it stands in the page. `about` is what a screen reader hears.
function figure(about, height, traces, layout, events = {}) {
  const node = el('div', { class: 'figure', role: 'img', 'aria-label': about, style: { height: `${height}px` } });
  node.drawn = plotly().then(async (Plotly) => {
    await settled(node);
    if (!node.isConnected) return null;
    await Plotly.newPlot(node, traces, looks(layout), CONFIG);
    for (const [name, act] of Object.entries(events)) node.on(name, act);
    return Plotly;
  });
  return node;
}

// When `node` stands in the page and has a size.
function settled(node) {
  return new Promise((done) => {
    let tries = 0;
    const look = () => {
      tries += 1;
      if (node.isConnected || tries > 120) done();
      else requestAnimationFrame(look);
    };
    look();
  });
}

function logTicks(values) {
  const known = values.filter((value) => value > 0 && Number.isFinite(value));
  if (!known.length) return {};
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const ticks = [];
  const digits = Math.log10(high / low) > 2.2 ? [1] : Math.log10(high / low) > 1.1 ? [1, 3] : [1, 2, 3, 5, 7];
  for (let power = Math.floor(Math.log10(low)) - 1; power <= Math.ceil(Math.log10(high)); power += 1) {
    for (const digit of digits) ticks.push(digit * 10 ** power);
  }
  const room = Math.log10(high / low) * 0.08 + 0.05;
  return {
    type: 'log',
    range: [Math.log10(low) - room, Math.log10(high) + room],
    tickvals: ticks,
    ticktext: ticks.map((tick) => String(Number(tick.toPrecision(2)))),
  };
}
