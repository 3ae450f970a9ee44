// Energy, force, D and the slope of D along a scan, one below the other on one axis.

const PANELS = [
  { name: 'energy', title: 'energy, eV', share: 1.5 },
  { name: 'force', title: 'force, eV/Å', share: 1 },
  { name: 'log_ratio', title: 'D', share: 1 },
  { name: 'slope', title: '|ΔD/Δα|, 1/Å', share: 1 },
];
const GAP = 0.03;

// Which panels have something to show, and where each stands; the last one carries the axis.
function panelsOf(scan) {
  const has = (name) => [...scan.arrays.keys()].some((key) => key === name || key.endsWith(`:${name}`));
  const shown = PANELS.filter(({ name }) => has(name === 'slope' ? 'log_ratio' : name));
  const shares = shown.reduce((sum, { share }) => sum + share, 0);
  let top = 1;
  const domains = new Map(shown.map(({ name, share }) => {
    const height = (share / shares) * (1 - GAP * (shown.length - 1));
    const domain = [Math.max(0, top - height), top];
    top -= height + GAP;
    return [name, domain];
  }));
  return { domains, height: 60 + 160 * shares };
}

function curveOf(scan, name) {
  const found = scan.arrays.get(name);
  return found ? found.values : null;
}

// |ΔD/Δα| between neighbours that have a D, at the middles; `step` is the place of the largest.
function slopes(x, d) {
  const known = Array.from(x.keys()).filter((k) => Number.isFinite(d[k]));
  const out = { x: [], y: [], ends: [], step: -1 };
  for (let n = 0; n + 1 < known.length; n += 1) {
    const [a, b] = [known[n], known[n + 1]];
    out.x.push((x[a] + x[b]) / 2);
    out.y.push(Math.abs((d[b] - d[a]) / (x[b] - x[a])));
    out.ends.push([a, b]);
    if (out.step < 0 || out.y[n] > out.y[out.step]) out.step = n;
  }
  return out;
}

function curvesFigure(scan, models, record, whole, onFrame) {
  const { domains, height } = panelsOf(scan);
  const x = curveOf(scan, 'coordinate');
  const traces = [];
  const shapes = [];
  const axis = (n) => (n ? `y${n + 1}` : 'y');
  const add = (n, xs, ys, more) => traces.push({ x: Array.from(xs), y: Array.from(ys), mode: 'lines', xaxis: 'x', yaxis: axis(n), ...more });
  for (const model of models) {
    const name = plain(model.model);
    const line = { color: color(model.place), width: 2, dash: dash(model.place) };
    PANELS.slice(0, 3).forEach((panel, n) => {
      const values = curveOf(scan, `${model.place}:${panel.name}`);
      if (values) add(n, x, values, { line, name, hovertemplate: `${name} %{y:.4g}<extra></extra>` });
    });
    const d = curveOf(scan, `${model.place}:log_ratio`);
    if (!d) continue;
    const found = slopes(x, d);
    add(3, found.x, found.y, { line, name, hoverinfo: 'skip' });
    if (found.step < 0 || !(found.y[found.step] > 0)) continue;
    const [a, b] = found.ends[found.step];
    const marker = { color: color(model.place), size: 12, symbol: mark(model.place), line: { color: ink(), width: 1.5 } };
    add(3, [found.x[found.step]], [found.y[found.step]], { mode: 'markers', marker, hovertemplate: `${name}: this step decides FSD, ${number(record(model)?.metrics.fsd_full)} 1/Å<extra></extra>` });
    add(2, [x[a], x[b]], [d[a], d[b]], { mode: 'lines+markers', line: { color: color(model.place), width: 5 }, marker: { color: color(model.place), size: 6 }, hoverinfo: 'skip' });
    shapes.push({ type: 'rect', xref: 'x', yref: 'paper', x0: x[a], x1: x[b], y0: 0, y1: 1, fillcolor: color(model.place), opacity: 0.22, line: { width: 0 }, layer: 'below' });
  }
  const reference = { line: { color: ink(), width: 2.5 }, name: 'reference', hovertemplate: 'reference %{y:.4g}<extra></extra>' };
  PANELS.slice(0, 2).forEach((panel, n) => {
    const values = curveOf(scan, panel.name);
    if (values) add(n, x, values, reference);
  });
  const { equilibrium } = scan.facts;
  const layout = { hovermode: 'x', dragmode: 'zoom', margin: { l: 70, r: 12, t: 22, b: 44 }, shapes, annotations: [] };
  if (equilibrium !== null) {
    const line = { color: ink(), width: 1, dash: 'dot' };
    shapes.push({ type: 'line', xref: 'x', yref: 'paper', x0: x[equilibrium], x1: x[equilibrium], y0: 0, y1: 1, line });
    layout.annotations.push({ text: 'equilibrium', xref: 'x', yref: 'paper', x: x[equilibrium], y: 1, yanchor: 'bottom', showarrow: false, font: { size: 11 } });
  }
  PANELS.forEach((panel, n) => {
    if (!domains.has(panel.name)) return;
    layout[n ? `yaxis${n + 1}` : 'yaxis'] = {
      domain: domains.get(panel.name),
      title: { text: panel.title, font: { size: 12 }, standoff: 4 },
      anchor: 'x',
      automargin: false,
      nticks: 5,
      ...(whole ? {} : wellRange(scan, models, panel.name)),
    };
  });
  layout.xaxis = { anchor: axis(PANELS.findLastIndex((panel) => domains.has(panel.name))), title: { text: 'distance of the scanned atoms α, Å' }, range: [x[0], x[x.length - 1]], zeroline: false, title_standoff: 6 };
  if (scan.facts.kind && scan.facts.kind !== 'bond') layout.xaxis.title.text = `coordinate of the scan (${plain(scan.facts.kind)}), Å`;
  const follow = (event) => onFrame(nearest(x, event.xvals ? event.xvals[0] : event.points[0].x));
  const node = figure(
    `Energy, force, D and the slope of D along the scan for ${['the reference', ...models.map((model) => model.model)].join(', ')}`,
    window.innerWidth < 700 ? 0.88 * height : height,
    traces,
    layout,
    { plotly_hover: follow, plotly_click: follow },
  );
  // The line at the frame is an element of its own: drawing the figure again takes too long to follow a hand.
  const line = el('div', { class: 'cursor' });
  const place = () => {
    const axis = node._fullLayout?.xaxis;
    if (!axis || node.wanted === undefined) return;
    const { t, h } = node._fullLayout._size;
    const at = axis.d2p(x[node.wanted]);
    Object.assign(line.style, { left: `${axis._offset + at}px`, top: `${t}px`, height: `${h}px` });
    line.hidden = at < 0 || at > axis._length;
  };
  node.drawn.then((Plotly) => {
    if (!Plotly) return;
    node.append(line);
    node.on('plotly_afterplot', place);
    place();
  });
  node.cursor = (frame) => {
    node.wanted = frame;
    place();
  };
  return node;
}

// Energies near the well and forces of the stretch: the wall of a compressed bond goes out of sight.
function wellRange(scan, models, name) {
  const e = scan.facts.equilibrium;
  const own = curveOf(scan, name);
  if (!own || e === null || (name !== 'energy' && name !== 'force')) return {};
  const tail = Array.from(own.subarray(e)).filter(Number.isFinite);
  if (!tail.length) return {};
  const size = Math.max(...tail.map(Math.abs), 0.02);
  const wall = Math.max(...Array.from(own).filter(Number.isFinite).map(Math.abs));
  if (wall < 6 * size || tail.length < 5) return {}; // there is no wall, or nothing but one
  const others = models.flatMap((model) => Array.from(curveOf(scan, `${model.place}:${name}`)?.subarray(e) || [])).filter(Number.isFinite);
  const far = Math.min(Math.max(size, ...others.map(Math.abs)), 2 * size);
  return { range: name === 'energy' ? [-0.12 * far, 1.25 * far] : [-1.3 * far, 1.3 * far], autorange: false };
}

function nearest(x, value) {
  let best = 0;
  for (let k = 1; k < x.length; k += 1) if (Math.abs(x[k] - value) < Math.abs(x[best] - value)) best = k;
  return best;
}
