// A model: its card, its numbers, FSD by bond type, dynamics, properties.

function modelView(name) {
  const model = zoo.modelOf.get(name);
  if (!model) return missingView(`There is no model ${name} in this report.`);
  return {
    title: model.model,
    node: el(
      'div',
      {},
      el('h1', {}, swatch(model.place), model.model),
      el('p', { class: 'about' }, [model.card, model.level_of_theory, model.licence].filter(Boolean).join(' · ')),
      factsList(shortFacts(model)),
      suites().filter((task) => model.evaluations[task.name]).map((task) => [groupsSection(model, task), worstSection(model, task)]),
      accuracySection(zoo.taskOf.get(zoo.primary), model),
      zoo.tasks.filter((task) => task.kind === 'md' && model.evaluations[task.name]).map((task) => dynamicsSection(model, task)),
      zoo.tasks.filter((task) => task.kind === 'properties' && model.evaluations[task.name]).map((task) => propertiesSection(model, task)),
      zoo.tasks.filter((task) => model.evaluations[task.name]).map((task) => numbersSection(model, task)),
      cardSection(model),
    ),
  };
}

function shortFacts(model) {
  const forces = { true: 'the gradient of the energy', false: 'predicted directly', null: null };
  const elements = model.elements === null ? null : model.elements.length > 20 ? counted(model.elements.length, 'element') : model.elements.join(' ') || 'any';
  return [
    ['asked for as', model.named],
    ['title', model.facts.title],
    ['forces', forces[String(model.conservative)]],
    ['parameters', model.parameters === null ? null : model.parameters.toLocaleString('en')],
    ['elements', elements],
  ];
}

function cardSection(model) {
  const shown = new Set(['title']);
  return section(
    'Card',
    factsList([
      ['all elements', model.elements?.length > 20 ? model.elements.join(' ') : null],
      ['weights (sha256)', model.checkpoint_sha256],
      ...Object.entries(model.facts).filter(([name]) => !shown.has(name)),
    ]),
  );
}

function groupsSection(model, task) {
  const records = model.evaluations[task.name].records.filter((record) => record.metrics.fsd_full > 0);
  if (!records.length) return null;
  const groups = [...new Set(records.map((record) => record.group))].sort();
  const mean = (group) => {
    const own = records.filter((record) => record.group === group).map((record) => record.metrics.fsd_full);
    return own.reduce((sum, value) => sum + value, 0) / own.length;
  };
  groups.sort((a, b) => mean(b) - mean(a));
  const jitter = (n) => (((n * 7919) % 100) / 100 - 0.5) * 0.4;
  const points = {
    x: records.map((record, n) => groups.indexOf(record.group) + jitter(n)),
    y: records.map((record) => record.metrics.fsd_full),
    mode: 'markers',
    text: records.map((record) => plain(record.id)),
    marker: { color: color(model.place), symbol: mark(model.place), size: 9, opacity: 0.8 },
    hovertemplate: '%{text}<br>FSD %{y:.3g} 1/Å<extra></extra>',
  };
  const means = {
    x: groups.map((group, n) => n),
    y: groups.map(mean),
    mode: 'markers',
    marker: { symbol: 'line-ew', size: 26, line: { width: 3, color: ink() } },
    text: groups.map((group) => `${plain(group)}, mean of ${records.filter((record) => record.group === group).length}`),
    hovertemplate: '%{text}<br>FSD %{y:.3g} 1/Å<extra></extra>',
  };
  return section(
    `FSD by bond type, ${task.name}`,
    el('p', { class: 'about' }, 'A point is a scan, a bar the mean of its type. Click a point to open the scan, or go there by arrow keys and press Enter.'),
    figure(
      `FSD by bond type: ${groups.map((group) => `${group} ${number(mean(group))}`).join(', ')} 1/Å`,
      340,
      [points, means],
      {
        hovermode: 'closest',
        xaxis: { tickvals: groups.map((group, n) => n), ticktext: groups.map((group) => plain(shortened(group, 14))), range: [-0.6, groups.length - 0.4], zeroline: false },
        yaxis: { title: { text: 'FSD, 1/Å' }, ...logTicks(points.y) },
      },
      { plotly_click: (event) => { if (event.points[0].curveNumber === 0) location.hash = link('scan', task.name, records[event.points[0].pointNumber].id); } },
    ),
  );
}

function worstSection(model, task) {
  const records = [...model.evaluations[task.name].records].sort(byBadness).slice(0, 5);
  return section(
    `Worst scans, ${task.name}`,
    el('ol', {}, records.map((record) => el('li', {}, scanLink(task.name, record.id), ' – ', record.why))),
  );
}

function numbersSection(model, task) {
  const evaluation = model.evaluations[task.name];
  const known = task.columns.filter((column) => evaluation.values[column.name] !== null && evaluation.values[column.name] !== undefined);
  if (!known.length) return section(`Numbers, ${task.name}`, el('p', {}, evaluation.message || 'There are none.'));
  const message = evaluation.message ? el('p', { class: 'warn' }, `${task.name}: ${shortenedLine(evaluation.message)}`) : null;
  const numbers = el(
    'details',
    {},
    el('summary', {}, `All numbers, ${task.name} (${known.length})`),
    sortedTable({
      id: `numbers-${zoo.tasks.indexOf(task)}`,
      caption: `${model.model} under ${task.name}`,
      rows: known,
      columns: [
        { title: 'metric', left: true, value: (column) => column.title, cell: (column) => [column.title, el('span', { class: 'note' }, column.name)] },
        { title: 'value', value: (column) => evaluation.values[column.name], cell: (column) => valueCell(evaluation, column) },
        { title: 'unit', left: true, value: (column) => unitOf(column) },
        { title: 'over', left: true, value: (column) => `${column.over.replace('_', ' ')} of ${evaluation.counts[column.name] ?? '?'}` },
        { title: 'source', left: true, value: (column) => column.source },
      ],
    }),
  );
  return [message, numbers];
}

function decodeCurve(text) {
  const letters = atob(text);
  const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: bytes.length / 4 }, (_, n) => view.getFloat32(4 * n, true));
}

function dynamicsSection(model, task) {
  const evaluation = model.evaluations[task.name];
  const runs = evaluation.records.filter((record) => record.curves?.time);
  const systems = [...new Set(runs.map((record) => record.group))];
  const traces = runs.map((record) => {
    const failed = record.status === 'failed';
    const place = systems.indexOf(record.group);
    return {
      x: Array.from(decodeCurve(record.curves.time)),
      y: Array.from(decodeCurve(record.curves.energy)),
      mode: 'lines',
      line: { color: color(place), width: 1.5, dash: dash(place) },
      name: plain(record.id),
      hovertemplate: `${plain(record.id)}${failed ? ', failed' : ''}<br>%{x:.3g} ps: %{y:.3g} meV/atom<extra></extra>`,
    };
  });
  const ends = runs.filter((record) => record.status === 'failed').map((record) => runs.indexOf(record));
  traces.push({
    x: ends.map((n) => traces[n].x.at(-1)),
    y: ends.map((n) => traces[n].y.at(-1)),
    mode: 'markers',
    marker: { symbol: 'x', size: 12, color: '#d55e00' },
    text: ends.map((n) => plain(shortenedLine(runs[n].message))),
    hovertemplate: '%{text}<extra></extra>',
  });
  return section(
    `Energy along MD, ${task.name}`,
    el('p', { class: 'about' }, `${task.title}. Conserved energy from its start; a flat line is good${ends.length ? ', a cross is where a run failed' : ''}.`),
    el('p', { class: 'keys' }, systems.map((system, n) => el('span', { class: 'key' }, swatch(n), system))),
    runs.length
      ? figure(`Conserved energy against time of ${counted(runs.length, 'run')} of ${model.model}`, 340, traces, {
        hovermode: 'closest',
        xaxis: { title: { text: 'time, ps' } },
        yaxis: { title: { text: 'energy, meV/atom' } },
      })
      : el('p', {}, 'These results hold no curves of the runs.'),
    el('ul', {}, evaluation.records.filter((record) => record.message).map((record) => el('li', {}, `${record.id}: ${record.message}`))),
  );
}

function propertiesSection(model, task) {
  const rows = model.evaluations[task.name].records.flatMap((record) =>
    (record.quantities || []).map((quantity) => ({ ...quantity, system: record.id })),
  );
  if (!rows.length) return null;
  const named = (quantity) => (quantity.name === quantity.kind ? quantity.kind : `${quantity.kind} ${quantity.name}`).replaceAll('_', ' ');
  return section(
    `Properties, ${task.name}`,
    el('p', { class: 'about' }, zoo.reference ? `Errors are against ${zoo.reference}, measured by the same code.` : 'There is no reference, so there are no errors.'),
    sortedTable({
      id: `properties-${zoo.tasks.indexOf(task)}`,
      caption: `Properties of ${model.model}`,
      rows,
      perPage: 20,
      columns: [
        { title: 'system', left: true, value: (quantity) => quantity.system },
        { title: 'quantity', left: true, value: named },
        { title: 'value', value: (quantity) => quantity.value, cell: (quantity) => number(quantity.value, 5) },
        { title: 'reference', value: (quantity) => quantity.reference, cell: (quantity) => number(quantity.reference, 5) },
        { title: 'error', value: (quantity) => (quantity.error === null ? null : Math.abs(quantity.error)), cell: (quantity) => number(quantity.error) },
        { title: 'unit', left: true, value: (quantity) => quantity.unit },
        { title: 'remark', left: true, value: (quantity) => quantity.message },
      ],
    }),
  );
}
