// From the link to the view.

const VIEWS = {
  '': () => overviewView(),
  model: (parts) => modelView(parts[0]),
  scans: (parts) => scansView(parts[0]),
  scan: (parts, query) => scanView(parts[0], parts[1], query),
  versus: (parts) => versusView(...parts),
};

function parts() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  try {
    return { names: path.split('/').map(decodeURIComponent), query: new URLSearchParams(query || '') };
  } catch {
    return { names: [''], query: new URLSearchParams() }; // a link cut in the middle of a letter
  }
}

let drawing = 0;

async function show(focus = true) {
  if (location.hash && !location.hash.startsWith('#/')) return; // the skip link
  const { names, query } = parts();
  drawing += 1;
  const turn = drawing;
  let view;
  try {
    view = await (VIEWS[names[0]] || (() => missingView('There is no such page.')))(names.slice(1), query);
  } catch (error) {
    console.error(error);
    view = missingView(`This view could not be drawn: ${error.message}`);
  }
  if (turn !== drawing) return; // another link was followed meanwhile
  const main = document.getElementById('view');
  for (const plot of main.querySelectorAll('.js-plotly-plot')) window.Plotly?.purge(plot);
  main.replaceChildren(view.node);
  main.dataset.view = names[0] || 'overview';
  document.title = `${view.title} – bsct-zoo`;
  navigation(names[0]);
  if (focus) {
    window.scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
  await view.after?.();
  main.dataset.ready = location.hash;
}

function navigation(now) {
  const entries = [['', 'Overview', '#/']];
  if (suites().length) entries.push(['scans', 'Scans', link('scans', suites()[0].name)]);
  if (suites().length && zoo.models.length > 1) entries.push(['versus', 'Compare', link('versus', suites()[0].name)]);
  const models = el(
    'select',
    { 'aria-label': 'Open a model', onchange: (event) => { if (event.target.selectedIndex) location.hash = link('model', zoo.models[event.target.selectedIndex - 1].model); } },
    el('option', {}, 'Model …'),
    zoo.models.map((model) => el('option', { selected: now === 'model' && parts().names[1] === model.model }, model.model)),
  );
  document.getElementById('nav').replaceChildren(
    ...entries.map(([name, text, href]) => el('a', { href, 'aria-current': name === now || (name === 'scans' && now === 'scan') ? 'page' : null }, text)),
    models,
  );
}

async function start() {
  if (typeof DecompressionStream === 'undefined') {
    document.getElementById('loading').textContent = 'This browser is too old for the report; open it with one of 2023 or later.';
    return;
  }
  await openData();
  document.getElementById('foot').replaceChildren(
    'Written by ', el('a', { href: 'https://arxiv.org/abs/2602.04861', rel: 'noreferrer' }, `bsct-zoo ${zoo.written_by}`),
    '. FSD: Liu, Qu, Kreiman, Blau, Krishnapriyan, arXiv:2602.04861. Nothing on this page is fetched from a network.',
  );
  themeButton(document.getElementById('theme'), () => show(false));
  window.addEventListener('hashchange', () => show());
  await show(false);
}

start().catch((error) => {
  console.error(error);
  document.getElementById('view').replaceChildren(el('p', {}, `The report could not be opened: ${error.message}`));
});
