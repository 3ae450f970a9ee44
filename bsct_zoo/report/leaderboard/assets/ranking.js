// The ranked table of a board.

function modelLink(model) {
  return el('a', { href: `${page.root}model/${model.slug}.html` }, model.model);
}

function rankedColumn(task) {
  return task.columns.find((column) => column.name === 'fsd_full') || columnOf(task, task.headline[0]);
}

function columnOf(task, name) {
  return task.columns.find((column) => column.name === name);
}

function isWhole(model, task) {
  return model.evaluations[task.name].answered === task.n_items;
}

// A mean over fewer items does not compare, nor does the reference itself: these stand last.
function rankValue(model, task, column) {
  const evaluation = model.evaluations[task.name];
  return isWhole(model, task) && !evaluation.is_reference ? evaluation.values[column.name] ?? null : null;
}

// Models of a board with a rank, best first.
function ranking(board) {
  const column = rankedColumn(board.task);
  if (!column) return [];
  const sign = column.better === 'higher' ? -1 : 1;
  const known = board.models.filter((model) => rankValue(model, board.task, column) !== null);
  return known.sort((a, b) => sign * (rankValue(a, board.task, column) - rankValue(b, board.task, column)));
}

// 1 is the best; models with the same number share a rank. null has none, nor has one model alone.
function rankOf(board, model) {
  const order = ranking(board);
  if (order.length < 2 || !order.includes(model)) return null;
  const column = rankedColumn(board.task);
  const own = rankValue(model, board.task, column);
  return 1 + order.findIndex((other) => rankValue(other, board.task, column) === own);
}

function rankedTable(board, id, more) {
  const { task, models } = board;
  models.forEach((model, place) => { model.place = place; });
  const ranked = rankedColumn(task);
  const order = ranking(board);
  const names = more ? task.columns.map((column) => column.name) : task.headline;
  const known = names.filter((name) => columnOf(task, name) && models.some((model) => (model.evaluations[task.name].values[name] ?? null) !== null));
  const notes = new Map();
  for (const model of models) for (const note of notesOn(model, task)) notes.set(note, [...(notes.get(note) || []), model.model]);
  const columns = [
    { title: 'model', left: true, value: (model) => model.model, cell: (model) => [modelLink(model), marks(notes, model), el('span', { class: 'note' }, aboutOf(model))] },
    { title: 'rank', value: (model) => rankOf(board, model), cell: (model) => rankOf(board, model) ?? '–' },
    ...known.map((name) => valueColumn(task, columnOf(task, name), name === ranked?.name ? models : null)),
    {
      title: `${task.noun}s`,
      hint: `${task.noun}s with an answer, of those asked for`,
      better: 'higher',
      value: (model) => model.evaluations[task.name].answered,
      cell: (model) => el('span', { class: isWhole(model, task) ? null : 'warn' }, `${model.evaluations[task.name].answered}/${task.n_items}`),
    },
    { title: 'time', unit: 's ↓', value: (model) => model.evaluations[task.name].seconds || null, cell: (model) => number(model.evaluations[task.name].seconds || null) },
    { title: 'date', left: true, better: 'higher', value: (model) => model.date || null, cell: (model) => dayOf(model.date) },
  ];
  return [
    sortedTable({ id, caption: `${task.name}: models by ${ranked ? ranked.title : 'name'}`, columns, rows: models, sort: order.length ? 1 : 0, keep: isChosen }),
    el('ol', { class: 'notes' }, [...notes].map(([note, of]) => el('li', {}, el('b', {}, of.join(', ')), `: ${note}`))),
  ];
}

function aboutOf(model) {
  return [model.level_of_theory, model.licence].filter(Boolean).join(' · ');
}

function dayOf(date) {
  return date ? date.slice(0, 10) : 'unknown';
}
