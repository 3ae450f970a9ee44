// Model against model, scan by scan.

function versusView(taskName, first, second, metricName) {
  const task = zoo.taskOf.get(taskName) || suites()[0];
  if (!task) return missingView('This report holds no scans to compare models on.');
  const models = modelsUnder(task);
  if (models.length < 2) return missingView('It takes two models to compare them.');
  const a = models.find((model) => model.model === first) || models[0];
  const b = models.find((model) => model.model === second && model !== a) || models.find((model) => model !== a);
  const metrics = task.columns.filter((column) => models.some((model) => model.evaluations[task.name].metrics.includes(column.of)));
  const metric = metrics.find((column) => column.name === metricName) || metrics[0];
  const to = (changes) => {
    const { t, x, y, m } = { t: task.name, x: a.model, y: b.model, m: metric.name, ...changes };
    location.hash = link('versus', t, x, y, m);
  };
  const pick = (id, text, names, now, act) =>
    el('span', {}, el('label', { for: id }, text), el('select', { id, onchange: (event) => act(names[event.target.selectedIndex]) }, names.map((name) => el('option', { selected: name === now }, name))));
  const names = models.map((model) => model.model);
  const titles = metrics.map((column) => column.name);
  return {
    title: `${a.model} against ${b.model}`,
    node: el(
      'div',
      {},
      el('h1', {}, `${a.model} against ${b.model}`),
      el(
        'p',
        { class: 'picks' },
        suites().length > 1 ? pick('versus-task', 'Suite ', suites().map((suite) => suite.name), task.name, (t) => to({ t })) : null,
        pick('versus-x', 'Across ', names, a.model, (x) => to({ x, y: x === b.model ? a.model : b.model })),
        pick('versus-y', 'Up ', names, b.model, (y) => to({ y, x: y === a.model ? b.model : a.model })),
        pick('versus-metric', 'Metric ', titles, metric.name, (m) => to({ m })),
      ),
      versusFigure(task, a, b, metric),
    ),
  };
}

function versusFigure(task, a, b, metric) {
  const [one, two] = [a.evaluations[task.name], b.evaluations[task.name]];
  const rows = one.records
    .map((record) => ({ id: record.id, group: record.group, x: record.metrics[metric.of] ?? null, y: two.byId.get(record.id)?.metrics[metric.of] ?? null }))
    .filter((row) => row.x !== null && row.y !== null);
  if (!rows.length) return el('p', {}, `No scan has ${metric.title} for both models.`);
  const better = rows.filter((row) => (metric.better === 'higher' ? row.y > row.x : row.y < row.x)).length;
  const same = rows.filter((row) => row.x === row.y).length;
  const all = rows.flatMap((row) => [row.x, row.y]);
  const log = all.every((value) => value > 0) && Math.max(...all) > 4 * Math.min(...all);
  const ticks = log ? logTicks(all) : {};
  const room = 0.05 * (Math.max(...all) - Math.min(...all) || 1);
  const [low, high] = log ? ticks.range.map((power) => 10 ** power) : [Math.min(...all) - room, Math.max(...all) + room];
  const axis = (model) => ({ title: { text: `${plain(shortened(model.model))}: ${plain(metric.title)}${metric.unit ? `, ${metric.unit}` : ''}` }, ...(log ? ticks : { range: [low, high] }) });
  const groups = [...new Set(rows.map((row) => row.group))].sort();
  const traces = [
    { x: [low, high], y: [low, high], mode: 'lines', line: { color: ink(), width: 1, dash: 'dot' }, hoverinfo: 'skip', showlegend: false },
    ...groups.map((group, n) => {
      const own = rows.filter((row) => row.group === group);
      return {
        x: own.map((row) => row.x),
        y: own.map((row) => row.y),
        customdata: own.map((row) => row.id),
        text: own.map((row) => plain(row.id)),
        name: plain(shortened(group, 14)),
        mode: 'markers',
        marker: { color: color(n), symbol: mark(n), size: 10, opacity: 0.85 },
        hovertemplate: `%{text}<br>${plain(a.model)} %{x:.3g}<br>${plain(b.model)} %{y:.3g}<extra></extra>`,
      };
    }),
  ];
  const said = metric.better ? `${b.model} is better on ${better} of ${counted(rows.length, 'scan')}${same ? `, equal on ${same}` : ''}.` : '';
  const about = `${said} Points below the dotted line: ${b.model} has the smaller value. Click a point to open its scan, or go there by arrow keys and press Enter.`;
  return el(
    'div',
    {},
    el('p', { class: 'about' }, about),
    figure(
      `${metric.title} of ${b.model} against ${a.model}, a point for each scan; the table below has the same numbers`,
      window.innerWidth < 700 ? 440 : 560,
      traces,
      { hovermode: 'closest', showlegend: groups.length > 1, legend: { orientation: 'h', y: -0.16 }, xaxis: axis(a), yaxis: axis(b), margin: { l: 70, r: 16, t: 12, b: 56 } },
      { plotly_click: (event) => { const id = event.points[0].customdata; if (id) location.hash = link('scan', task.name, id); } },
    ),
    sortedTable({
      id: 'versus',
      caption: `${metric.title} of both models, the largest difference first`,
      rows,
      sort: 4,
      descending: true,
      perPage: 25,
      columns: [
        { title: 'scan', left: true, value: (row) => row.id, cell: (row) => scanLink(task.name, row.id) },
        { title: 'type', left: true, value: (row) => row.group },
        { title: a.model, unit: unitOf(metric), value: (row) => row.x, cell: (row) => number(row.x) },
        { title: b.model, unit: unitOf(metric), value: (row) => row.y, cell: (row) => number(row.y) },
        { title: 'difference', better: 'higher', value: (row) => Math.abs(row.y - row.x), cell: (row) => number(row.y - row.x) },
      ],
    }),
  );
}
