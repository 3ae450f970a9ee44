// A table that sorts by its headers and filters by what is typed.

// columns: {title, unit, hint, value(row), cell(row), left, better}; value is what it is sorted by.
// keep(row) is asked again when the document hears 'filtered'.
function sortedTable({ id, caption, columns, rows, sort, descending, filter, keep, perPage }) {
  const state = { column: sort ?? 0, descending: Boolean(descending), words: '', all: !perPage };
  const body = el('tbody');
  const status = el('p', { class: 'count', role: 'status' });
  const heads = columns.map((column, place) => {
    const button = el(
      'button',
      { type: 'button', title: column.hint, onclick: () => sortBy(place) },
      el('span', {}, column.title),
      column.unit ? el('span', { class: 'unit' }, column.unit) : null,
    );
    return el('th', { scope: 'col', class: column.left ? 'left' : null }, button);
  });
  const cells = rows.map((row) => {
    const made = columns.map((column, place) => {
      const tag = place === 0 ? 'th' : 'td';
      const facts = { class: column.left ? 'left' : null, scope: place === 0 ? 'row' : null };
      return el(tag, facts, column.cell ? column.cell(row) : String(column.value(row) ?? '–'));
    });
    const line = el('tr', {}, made);
    return { row, line, words: (filter ? filter(row) : line.textContent).toLowerCase() };
  });

  function sortBy(place) {
    state.descending = state.column === place ? !state.descending : columns[place].better === 'higher';
    state.column = place;
    show();
    announce(`sorted by ${columns[place].title}, ${state.descending ? 'largest' : 'smallest'} first`);
  }

  function show() {
    const { value } = columns[state.column];
    const sign = state.descending ? -1 : 1;
    const words = state.words.toLowerCase().split(/\s+/).filter(Boolean);
    const shown = cells.filter((cell) => (!keep || keep(cell.row)) && words.every((word) => cell.words.includes(word)));
    shown.sort((a, b) => {
      const [x, y] = [value(a.row) ?? null, value(b.row) ?? null];
      if (x === null || y === null) return (x === null) - (y === null);
      return sign * (typeof x === 'number' ? x - y : String(x).localeCompare(String(y), undefined, { numeric: true }));
    });
    const few = state.all ? shown : shown.slice(0, perPage);
    body.replaceChildren(...few.map((cell) => cell.line));
    heads.forEach((head, place) => {
      if (place === state.column) head.setAttribute('aria-sort', state.descending ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    });
    status.textContent = shown.length === rows.length ? '' : `${shown.length} of ${rows.length} shown`;
    more.hidden = few.length === shown.length;
    more.textContent = `Show all ${shown.length}`;
  }

  const more = el('button', {
    type: 'button',
    class: 'more',
    onclick: () => {
      state.all = true;
      show();
    },
  });
  const input = el('input', {
    type: 'search',
    id: `${id}-filter`,
    autocomplete: 'off',
    placeholder: 'part of a name',
    oninput: (event) => {
      state.words = event.target.value;
      show();
    },
  });
  const table = el(
    'table',
    { id },
    el('caption', {}, caption),
    el('thead', {}, el('tr', {}, heads)),
    body,
  );
  show();
  if (keep) document.addEventListener('filtered', show);
  const finder = el('p', { class: 'filter' }, el('label', { for: `${id}-filter` }, 'Filter '), input);
  return el(
    'div',
    { class: 'sorted' },
    rows.length > 2 ? finder : null,
    el('div', { class: 'wide', tabindex: '0', role: 'region', 'aria-label': caption }, table),
    status,
    more,
  );
}
