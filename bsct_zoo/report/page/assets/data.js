// What the file holds, and where each view stands.

let zoo = null; // the summary

async function openData() {
  zoo = JSON.parse(await unpackText(document.getElementById('summary').textContent));
  zoo.models.forEach((model, place) => {
    model.place = place;
    for (const evaluation of Object.values(model.evaluations)) {
      evaluation.byId = new Map(evaluation.records.map((record) => [record.id, record]));
      for (const record of evaluation.records) {
        record.metrics = Object.fromEntries(evaluation.metrics.map((name, n) => [name, record.values[n]]));
      }
    }
  });
  zoo.taskOf = new Map(zoo.tasks.map((task) => [task.name, task]));
  zoo.modelOf = new Map(zoo.models.map((model) => [model.model, model]));
  zoo.chunkOf = new Map(zoo.scans.map((scan) => [JSON.stringify([scan.task, scan.id]), scan.chunk]));
}

const opened = new Map();

// Curves, molecule and forces of a scan; the last few stay unpacked.
function openScan(task, id) {
  const chunk = zoo.chunkOf.get(JSON.stringify([task, id]));
  if (chunk === undefined) return null;
  if (!opened.has(chunk)) {
    if (opened.size > 8) opened.delete(opened.keys().next().value);
    opened.set(chunk, unpackArrays(document.getElementById(`chunk-${chunk}`).textContent));
  }
  return opened.get(chunk);
}

function link(...parts) {
  return `#/${parts.map(encodeURIComponent).join('/')}`;
}

function suites() {
  return zoo.tasks.filter((task) => task.kind === 'scans');
}

function columnOf(task, name) {
  return task.columns.find((column) => column.name === name);
}

function modelsUnder(task) {
  return zoo.models.filter((model) => model.evaluations[task.name]);
}

function modelLink(model) {
  return el('a', { href: link('model', model.model), class: model.model.length < 24 ? 'whole' : null }, swatch(model.place), model.model);
}

function scanLink(task, id, ...text) {
  const [group, ...rest] = id.split('/');
  const name = rest.length ? [el('span', { class: 'whole' }, `${group}/`), el('wbr'), rest.join('/')] : id;
  return el('a', { href: link('scan', task, id) }, text.length ? text : name);
}

// The line of a model as it is drawn in figures.
function swatch(place) {
  const pattern = { solid: '', dash: '7 4', dashdot: '7 3 2 3', longdash: '11 4', dot: '2 3', longdashdot: '11 3 2 3' }[dash(place)];
  const line = svg('line', { x1: 1, x2: 25, y1: 6, y2: 6, stroke: color(place), 'stroke-width': 3, 'stroke-dasharray': pattern });
  return svg('svg', { class: 'swatch', width: 26, height: 12, 'aria-hidden': 'true' }, line);
}

// A record's worst first: those without an answer, then by FSD.
function byBadness(a, b) {
  const rank = (record) => (record.status === 'failed' ? Infinity : record.metrics.fsd_full ?? -1);
  const [x, y] = [rank(a), rank(b)];
  return x === y ? 0 : y - x;
}
