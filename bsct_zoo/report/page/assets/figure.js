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
// Points that open something on a click do so by keys, too.
function figure(about, height, traces, layout, events = {}) {
  const opens = Boolean(events.plotly_click);
  const node = el('div', {
    class: 'figure',
    role: opens ? 'application' : 'img',
    tabindex: opens ? '0' : null,
    'aria-label': opens ? `${about}. Arrow keys go from point to point, Enter opens it.` : about,
    style: { height: `${height}px` },
  });
  node.drawn = plotly().then(async (Plotly) => {
    await settled(node);
    if (!node.isConnected) return null;
    await Plotly.newPlot(node, traces, looks(layout), CONFIG);
    for (const [name, act] of Object.entries(events)) node.on(name, act);
    if (opens) pointsByKeys(node, Plotly, events.plotly_click);
    return Plotly;
  });
  return node;
}

// Left and right go by x, up and down by y; Home and End are the ends of x. What a mouse would show is shown, and said.
function pointsByKeys(node, Plotly, open) {
  const points = node.data.flatMap((trace, curveNumber) =>
    trace.hoverinfo === 'skip' || !/markers/.test(trace.mode) ? [] : [...trace.x].map((x, pointNumber) => ({ curveNumber, pointNumber, x, y: trace.y[pointNumber], customdata: trace.customdata?.[pointNumber] })));
  const across = [...points].sort((a, b) => a.x - b.x || a.y - b.y);
  const up = [...points].sort((a, b) => a.y - b.y || a.x - b.x);
  let now = null;
  const hide = () => { if (node._fullLayout) Plotly.Fx.unhover(node); }; // it is gone when Enter led elsewhere
  const moves = {
    ArrowRight: () => across[across.indexOf(now) + 1],
    ArrowLeft: () => (now ? across[across.indexOf(now) - 1] : across.at(-1)),
    ArrowUp: () => up[up.indexOf(now) + 1],
    ArrowDown: () => (now ? up[up.indexOf(now) - 1] : up.at(-1)),
    Home: () => across[0],
    End: () => across.at(-1),
  };
  node.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === 'Enter' && now) {
      event.preventDefault();
      open({ points: [now] });
    } else if (moves[event.key]) {
      event.preventDefault();
      now = moves[event.key]() || now; // at an end it stays
      if (!now) return;
      Plotly.Fx.hover(node, [{ curveNumber: now.curveNumber, pointNumber: now.pointNumber }]);
      node.dataset.point = `${now.curveNumber}/${now.pointNumber}`;
      announce(pointText(node.data[now.curveNumber], now));
    } else if (event.key === 'Escape') hide();
  });
  node.addEventListener('blur', hide);
}

// What the label of a point says, as plain text.
function pointText(trace, point) {
  const names = { text: trace.text?.[point.pointNumber] ?? '', x: number(point.x), y: number(point.y) };
  const text = trace.hovertemplate.replace('<extra></extra>', '').replace(/%\{(text|x|y)[^}]*\}/g, (whole, name) => names[name]);
  return text.replaceAll('<br>', ', ').replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
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
