// The three kinds of page.

let page = null;

function boardName(board) {
  const { name, counted: items } = board.task;
  const named = page.boards.filter((other) => other.task.name === name);
  if (named.length === 1) return / of /.test(items) ? `${name}, ${items}` : name;
  const alike = named.filter((other) => other.task.counted === items).length > 1;
  return `${name}, ${items}${alike ? `, ${board.slug.slice(-4)}` : ''}`;
}

function boardFacts({ task, reference }) {
  return factsList([
    ['asked for', [task.counted, task.title].filter(Boolean).join(' · ')],
    ['level of theory', task.level_of_theory],
    ['errors against', task.kind === 'properties' ? reference || 'nothing: there is no reference' : null],
    ['settings', Object.entries(task.settings).map(([name, value]) => `${name} ${value}`).join(' · ')],
    ['items (sha256)', task.sha256],
  ]);
}

const PAGES = {
  index: () => [
    el('h1', {}, 'Leaderboard'),
    el('p', { class: 'about' }, `${counted(page.n_files, 'file')} of results${page.last ? `, the last of ${dayOf(page.last)}` : ''}. Every number can be computed again: bsct-zoo results verify FILE.`),
    page.left_out.length ? section('Left out', el('ul', { class: 'warn', id: 'left-out' }, page.left_out.map((line) => el('li', {}, line)))) : null,
    filterBar(page.boards.flatMap((board) => board.models)),
    page.boards.map((board, n) => el(
      'section',
      {},
      el('h2', {}, el('a', { href: `suite/${board.slug}.html` }, boardName(board))),
      el('p', { class: 'about' }, board.verdict),
      rankedTable(board, `board-${n}`, false),
    )),
    rules(),
  ],
  suite: () => {
    const [board] = page.boards;
    return [
      el('h1', {}, board.task.name),
      el('p', { class: 'about' }, board.verdict),
      boardFacts(board),
      filterBar(board.models),
      rankedTable(board, 'board-0', true),
      rules(),
      section('All runs', historySection(board, page.runs, 'runs', true)),
    ];
  },
  model: () => {
    const mine = page.boards.map((board) => board.models.find((model) => model.slug === page.slug)).find(Boolean);
    return [
      el('h1', {}, mine.model),
      el('p', { class: 'about' }, [mine.card, mine.level_of_theory, mine.licence].filter(Boolean).join(' · ')),
      factsList([
        ['asked for as', mine.named],
        ['forces', { true: 'the gradient of the energy', false: 'predicted directly' }[String(mine.conservative)]],
        ['parameters', mine.parameters === null ? null : mine.parameters.toLocaleString('en')],
        ['elements', mine.elements === null ? 'unknown' : mine.elements.join(' ') || 'any'],
        ['weights (sha256)', mine.checkpoint_sha256],
        ...Object.entries(mine.facts),
      ]),
      page.boards.map((board, n) => {
        const rank = rankOf(board, board.models.find((model) => model.slug === page.slug));
        const said = rank === null ? 'without a rank there' : `rank ${rank} of ${ranking(board).length}`;
        return section(
          boardName(board),
          el('p', {}, el('a', { href: `../suite/${board.slug}.html` }, `All models on ${board.task.name}`), `: ${said}`),
          historySection(board, board.runs, `runs-${n}`, false),
        );
      }),
    ];
  },
};

function rules() {
  return el('p', { class: 'small' }, '↓ lower is better, ↑ higher is better; ★ best of its column. Below a mean: its 95 % interval (bootstrap). A model that did not answer everything, and the reference itself, have no rank. Click a header to sort.');
}

function draw() {
  document.getElementById('view').replaceChildren();
  append(document.getElementById('view'), PAGES[page.kind]());
  document.getElementById('view').dataset.ready = location.hash;
}

async function start() {
  if (typeof DecompressionStream === 'undefined') {
    document.getElementById('loading').textContent = 'This browser is too old for the page; open it with one of 2023 or later.';
    return;
  }
  page = JSON.parse(await unpackText(document.getElementById('data').textContent));
  document.getElementById('foot').replaceChildren(`Written by bsct-zoo ${page.written_by}. Nothing on this page is fetched from a network.`);
  themeButton(document.getElementById('theme'), draw);
  window.addEventListener('hashchange', draw); // a link with another choice
  draw();
}

start().catch((error) => {
  console.error(error);
  document.getElementById('view').replaceChildren(el('p', {}, `The page could not be opened: ${error.message}`));
});
