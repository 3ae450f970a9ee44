// All runs of a model on a board: with the numbers, what made them.

function historySection(board, runs, id, withModel) {
  const { task } = board;
  const shown = task.headline.map((name) => columnOf(task, name)).filter((column) => column && runs.some((run) => (run.values[column.name] ?? null) !== null));
  const columns = [
    withModel
      ? { title: 'model', left: true, value: (run) => run.model, cell: modelLink }
      : { title: 'date', left: true, value: (run) => run.date, cell: (run) => dayOf(run.date) },
    ...(withModel ? [{ title: 'date', left: true, value: (run) => run.date, cell: (run) => dayOf(run.date) }] : []),
    ...shown.map((column) => ({ title: column.title, unit: unitOf(column), value: (run) => run.values[column.name] ?? null, cell: (run) => el('span', { title: String(run.values[column.name]) }, number(run.values[column.name])) })),
    { title: `${task.noun}s`, value: (run) => run.answered, cell: (run) => `${run.answered}/${task.n_items}` },
    { title: 'bsct-zoo', left: true, value: (run) => run.bsct_zoo },
    { title: 'packages', left: true, value: (run) => packages(run), cell: (run) => el('span', { class: 'note' }, packages(run)) },
    { title: 'computed on', left: true, value: (run) => run.machine, cell: (run) => [run.machine, el('span', { class: 'note' }, run.device)] },
    { title: 'weights', left: true, value: (run) => run.checkpoint_sha256, cell: (run) => (run.checkpoint_sha256 ? run.checkpoint_sha256.slice(0, 12) : '–') },
    { title: 'file', left: true, value: (run) => run.file },
  ];
  const column = rankedColumn(task);
  return [
    withModel || !column ? null : historyPicture(runs, column),
    sortedTable({ id, caption: `Runs under ${task.name}, ${counted(runs.length, 'run')}`, rows: runs, columns, sort: 0, descending: !withModel }),
  ];
}

function packages(run) {
  return Object.entries(run.versions).map(([name, version]) => `${name} ${version}`).join(', ');
}

// A line from run to run; the table beside it has the numbers.
function historyPicture(runs, column) {
  const known = runs.filter((run) => (run.values[column.name] ?? null) !== null);
  if (known.length < 2) return null;
  const values = known.map((run) => run.values[column.name]);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const [width, height, room] = [360, 96, 14];
  const at = (n) => [room + ((width - 2 * room) * n) / (known.length - 1), height - room - ((height - 2 * room) * (values[n] - low)) / (high - low || 1)];
  const points = values.map((value, n) => at(n));
  const said = known.map((run, n) => `${dayOf(run.date)} ${number(values[n])}`).join(', ');
  return el(
    'figure',
    { class: 'history' },
    svg(
      'svg',
      { width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `${column.title} of ${counted(known.length, 'run')}: ${said}` },
      svg('polyline', { points: points.map((point) => point.join(',')).join(' '), fill: 'none', stroke: color(0), 'stroke-width': 2 }),
      points.map(([x, y], n) => svg('circle', { cx: x, cy: y, r: 4, fill: color(0) }, svg('title', {}, `${dayOf(known[n].date)}: ${number(values[n])} ${column.unit}`))),
    ),
    el('figcaption', { class: 'small' }, `${column.title} from run to run: ${number(values[0])} to ${number(values.at(-1))} ${column.unit}`),
  );
}
