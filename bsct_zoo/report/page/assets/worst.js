// The scans of a suite, worst first.

function scansView(name) {
  const task = zoo.taskOf.get(name) || suites()[0];
  if (!task) return missingView('This report holds no scans.');
  const models = modelsUnder(task);
  const rows = zoo.scans.filter((scan) => scan.task === task.name).map((scan) => {
    const records = models.map((model) => model.evaluations[task.name].byId.get(scan.id));
    const values = records.map((record) => record?.metrics.fsd_full ?? null);
    const failed = records.some((record) => record?.status === 'failed');
    const most = failed ? Infinity : Math.max(...values.map((value) => value ?? -1));
    const place = failed ? records.findIndex((record) => record?.status === 'failed') : values.indexOf(most);
    return { ...scan, records, values, most, worst: models[place], group: records.find(Boolean)?.group || '' };
  });
  return {
    title: `Scans of ${task.name}`,
    node: el(
      'div',
      {},
      el('h1', {}, `Scans of ${task.name}, worst first`),
      suites().length > 1 ? el('p', { class: 'keys' }, suites().map((suite) => el('a', { href: link('scans', suite.name), 'aria-current': suite === task ? 'page' : null }, suite.name))) : null,
      el('p', { class: 'about' }, 'FSD in 1/Å of every model; the worst of a scan decides its place. Open a scan to see its curves and its molecule.'),
      sortedTable({
        id: 'scans',
        caption: `Scans of ${task.name} by FSD`,
        rows,
        sort: 2,
        descending: true,
        perPage: 100,
        filter: (row) => `${row.id} ${row.group} ${task.flagged.includes(row.id) ? 'flagged' : ''} ${row.worst ? row.worst.model : ''}`,
        columns: [
          { title: 'scan', left: true, value: (row) => row.id, cell: (row) => [scanLink(task.name, row.id), task.flagged.includes(row.id) ? el('span', { class: 'note' }, 'flagged: its reference is not smooth or not whole') : null] },
          { title: 'type', left: true, value: (row) => row.group },
          { title: 'worst', better: 'higher', value: (row) => row.most, cell: (row) => (row.worst ? [row.most === Infinity ? 'no answer' : number(row.most), el('span', { class: 'note' }, row.worst.model)] : '–') },
          ...models.map((model, n) => ({
            title: model.model,
            better: 'higher',
            value: (row) => row.values[n],
            cell: (row) => (row.records[n]?.status === 'failed' ? 'failed' : number(row.values[n])),
          })),
        ],
      }),
    ),
  };
}

function missingView(text) {
  return { title: 'Not here', node: el('div', {}, el('h1', {}, 'Not in this report'), el('p', {}, text), el('p', {}, el('a', { href: '#/' }, 'To the overview'))) };
}
