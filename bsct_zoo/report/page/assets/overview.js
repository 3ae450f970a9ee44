// The first screen: the verdict, the ranked tables, what ran where.

function overviewView() {
  const remarks = zoo.remarks.map((text) => el('li', {}, text));
  const advice = zoo.advice.map(({ use, text }) => el('li', {}, el('b', {}, `For ${use}: `), text));
  return {
    title: 'Overview',
    node: el(
      'div',
      {},
      el('h1', { class: 'verdict' }, zoo.verdict),
      advice.length ? el('ul', { class: 'advice' }, advice) : null,
      zoo.tasks.map((task) => taskSection(task)),
      accuracySection(zoo.taskOf.get(zoo.primary), null),
      whatRan(),
      remarks.length ? section('What this page leaves out', el('ul', {}, remarks)) : null,
    ),
  };
}

function taskSection(task) {
  const rows = modelsUnder(task);
  const notes = new Map(); // text -> models
  for (const model of rows) for (const note of notesOn(model, task)) notes.set(note, [...(notes.get(note) || []), model.model]);
  const about = [task.counted, task.level_of_theory, task.title].filter(Boolean).join(' · ');
  const ranked = task.columns.find((column) => column.name === 'fsd_full') || columnOf(task, task.headline[0]);
  const columns = [
    { title: 'model', left: true, value: (model) => model.model, cell: (model) => [modelLink(model), marks(notes, model)] },
    ...task.headline.filter((name) => columnOf(task, name) && rows.some((model) => model.evaluations[task.name].values[name] !== null)).map((name) => valueColumn(task, columnOf(task, name), name === ranked?.name ? rows : null)),
    {
      title: `${task.noun}s`,
      hint: `${task.noun}s with an answer, of those asked for`,
      value: (model) => answered(model, task),
      cell: (model) => `${answered(model, task)}/${model.evaluations[task.name].records.length}`,
      better: 'higher',
    },
    {
      title: 'time',
      unit: 's ↓',
      value: (model) => model.evaluations[task.name].seconds || null,
      cell: (model) => number(model.evaluations[task.name].seconds || null),
    },
    ...(task.kind === 'scans' ? [worstColumn(task)] : []),
  ];
  const sort = columns.findIndex((column) => column.of === ranked?.name);
  return section(
    `${task.name}`,
    el('p', { class: 'about' }, about),
    sortedTable({
      id: `table-${zoo.tasks.indexOf(task)}`,
      caption: `${task.name}: models by ${ranked ? ranked.title : 'name'}`,
      columns,
      rows,
      sort: Math.max(0, sort),
      descending: ranked?.better === 'higher',
      filter: (model) =>
        [model.model, model.card, model.level_of_theory, model.licence, ...model.evaluations[task.name].notes].join(' '),
    }),
    el('ol', { class: 'notes' }, [...notes].map(([note, models]) => el('li', {}, el('b', {}, models.join(', ')), `: ${note}`))),
    el(
      'p',
      { class: 'small' },
      '↓ lower is better, ↑ higher is better; ★ best of its column. Below a mean: its 95 % interval (bootstrap over ',
      `${task.noun}s). Click a header to sort.`,
    ),
  );
}

function answered(model, task) {
  return model.evaluations[task.name].records.filter((record) => record.status !== 'failed').length;
}

function notesOn(model, task) {
  const evaluation = model.evaluations[task.name];
  return [
    otherLevel(model, task),
    evaluation.is_reference ? 'the reference itself: its errors say nothing' : '',
    ...evaluation.notes,
    evaluation.message,
  ].filter(Boolean).map(shortenedLine);
}

// The numbers of the notes on a model.
function marks(notes, model) {
  const own = [...notes.values()].map((models, n) => (models.includes(model.model) ? n + 1 : 0)).filter(Boolean);
  return own.length ? el('sup', {}, `\u00a0${own.join('\u00a0')}`) : null;
}

function otherLevel(model, task) {
  const level = task.level_of_theory;
  if (!level || model.level_of_theory === level) return '';
  return `${model.level_of_theory || 'unknown level of theory'}, not that of the reference: compare aligned energies and shapes`;
}

function shortenedLine(text) {
  const line = text.replace(/\s+/g, ' ');
  return line.length > 140 ? `${line.slice(0, 139)}…` : line;
}

// `among` are the models whose means and intervals are drawn on one axis below the numbers; null for none.
function valueColumn(task, column, among) {
  const picture = among && column.over === 'mean' ? spanPicture(task, column, among) : () => null;
  return {
    of: column.name,
    title: column.title,
    unit: unitOf(column),
    hint: [column.name, column.source].filter(Boolean).join(', '),
    better: column.better,
    value: (model) => model.evaluations[task.name].values[column.name] ?? null,
    cell: (model) => [valueCell(model.evaluations[task.name], column), picture(model)],
  };
}

function valueCell(evaluation, column) {
  const value = evaluation.values[column.name] ?? null;
  if (value === null) return '–';
  const span = evaluation.intervals[column.name];
  const best = evaluation.best.includes(column.name);
  return [
    el('span', { class: best ? 'best' : null, title: String(value) }, number(value), best ? ' ★' : ''),
    span ? el('span', { class: 'span' }, `${number(span[0])} – ${number(span[1])}`) : null,
  ];
}

// A function that draws mean and interval of a model on the axis of all.
function spanPicture(task, column, rows) {
  const ends = rows.flatMap((model) => {
    const evaluation = model.evaluations[task.name];
    return [...(evaluation.intervals[column.name] || []), evaluation.values[column.name] ?? 0];
  });
  const most = Math.max(...ends, 1e-9);
  const [width, height] = [130, 16];
  const at = (value) => 4 + ((width - 8) * value) / most;
  return (model) => {
    const evaluation = model.evaluations[task.name];
    const value = evaluation.values[column.name] ?? null;
    if (value === null) return null;
    const [low, high] = evaluation.intervals[column.name] || [value, value];
    const paint = color(model.place);
    const line = (x1, x2, more) => svg('line', { x1, x2, y1: height / 2, y2: height / 2, ...more });
    return svg(
      'svg',
      { class: 'span-plot', width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `0 to ${number(most)} ${column.unit}: ${number(value)}, ${number(low)} to ${number(high)}` },
      line(4, width - 4, { class: 'axis' }),
      line(at(low), at(high), { stroke: paint, 'stroke-width': 6, 'stroke-opacity': 0.45 }),
      svg('circle', { cx: at(value), cy: height / 2, r: 5, fill: paint }),
    );
  };
}

function worstColumn(task) {
  const worst = (model) => [...model.evaluations[task.name].records].sort(byBadness)[0];
  return {
    title: 'worst scan',
    left: true,
    value: (model) => worst(model)?.metrics.fsd_full ?? null,
    cell: (model) => {
      const record = worst(model);
      if (!record) return '–';
      const said = record.status === 'failed' ? 'no answer' : number(record.metrics.fsd_full);
      return [scanLink(task.name, record.id), el('span', { class: 'span' }, said)];
    },
  };
}

// Force error against FSD, a point for each model; `own` is emphasised.
function accuracySection(task, own) {
  if (!task || task.kind !== 'scans') return null;
  const rows = modelsUnder(task).filter((model) => {
    const { values } = model.evaluations[task.name];
    return values.fsd_full > 0 && values.forces_mae_full > 0;
  });
  if (rows.length < 2) return null;
  const bars = (model, name) => {
    const evaluation = model.evaluations[task.name];
    const [low, high] = evaluation.intervals[name] || [evaluation.values[name], evaluation.values[name]];
    return { type: 'data', symmetric: false, array: [high - evaluation.values[name]], arrayminus: [evaluation.values[name] - low], thickness: 1.5, width: 0 };
  };
  const across = rows.map((model) => Math.log(model.evaluations[task.name].values.forces_mae_full));
  const [left, right] = [Math.min(...across), Math.max(...across)];
  const order = [...rows].sort((a, b) => a.evaluations[task.name].values.fsd_full - b.evaluations[task.name].values.fsd_full);
  const textposition = (model, n) => `${order.indexOf(model) % 2 ? 'top' : 'bottom'} ${across[n] > left + 0.7 * (right - left) ? 'left' : 'right'}`;
  const traces = rows.map((model, n) => {
    const { values } = model.evaluations[task.name];
    const faint = own && own !== model;
    return {
      x: [values.forces_mae_full],
      y: [values.fsd_full],
      error_x: { ...bars(model, 'forces_mae_full'), color: color(model.place) },
      error_y: { ...bars(model, 'fsd_full'), color: color(model.place) },
      mode: 'markers+text',
      text: [plain(shortened(model.model))],
      textposition: textposition(model, n),
      textfont: { color: ink() },
      opacity: faint ? 0.45 : 1,
      marker: { color: color(model.place), symbol: mark(model.place), size: own === model ? 16 : 12 },
      hovertemplate: `${plain(model.model)}<br>F MAE %{x:.3g} eV/Å<br>FSD %{y:.3g} 1/Å<extra></extra>`,
    };
  });
  const range = (name) => rows.flatMap((model) => [model.evaluations[task.name].values[name], ...(model.evaluations[task.name].intervals[name] || [])]);
  return section(
    'Accuracy against smoothness',
    el('p', { class: 'about' }, `${task.name}; bars are 95 % intervals; lower left is better. Click a point to open the model, or go there by arrow keys and press Enter.`),
    figure(
      `Scatter of force error against FSD: ${rows.map((model) => `${model.model} ${number(model.evaluations[task.name].values.forces_mae_full)} eV/Å, ${number(model.evaluations[task.name].values.fsd_full)} 1/Å`).join('; ')}`,
      380,
      traces,
      {
        hovermode: 'closest',
        xaxis: { title: { text: 'mean error of force components, eV/Å' }, ...logTicks(range('forces_mae_full')) },
        yaxis: { title: { text: 'FSD, 1/Å' }, ...logTicks(range('fsd_full')) },
      },
      { plotly_click: (event) => { location.hash = link('model', rows[event.points[0].curveNumber].model); } },
    ),
  );
}

function whatRan() {
  const rows = zoo.models.flatMap((model) =>
    Object.entries(model.evaluations).map(([task, evaluation]) =>
      el(
        'tr',
        {},
        el('th', { scope: 'row' }, model.model),
        [task, model.card, `${evaluation.device}, ${evaluation.dtype}`, number(evaluation.seconds || null)].map((text) => el('td', { class: 'left' }, text)),
        el('td', { class: 'left small' }, Object.entries(evaluation.versions).map(([name, version]) => `${name} ${version}`).join(', ')),
      ),
    ),
  );
  const heads = ['model', 'task', 'card', 'computed on', 'seconds', 'versions'];
  return section(
    'What ran where',
    factsList([
      ['machine', Object.entries(zoo.machine).map(([name, value]) => `${name} ${value}`).join(' · ')],
      ['asked for', Object.entries(zoo.settings).map(([name, value]) => `${name} ${value}`).join(' · ')],
      ...zoo.tasks.map((task) => [task.name, Object.entries(task.settings).map(([name, value]) => `${name} ${value}`).join(' · ') || 'everything']),
      ['measured by', `bsct-zoo ${zoo.bsct_zoo}`],
      ['page written by', `bsct-zoo ${zoo.written_by}`],
    ]),
    el('div', { class: 'wide', tabindex: '0', role: 'region', 'aria-label': 'What ran where' },
      el('table', { class: 'plain' }, el('thead', {}, el('tr', {}, heads.map((head) => el('th', { scope: 'col', class: 'left' }, head)))), el('tbody', {}, rows))),
  );
}
