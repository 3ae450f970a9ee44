// Which models are shown: by level of theory, licence and elements. The choice stands in the link.

const chosen = { level: '', licence: '', elements: [], q: '' };

function readChoice() {
  const query = new URLSearchParams(location.hash.replace(/^#\/?\??/, ''));
  chosen.level = query.get('level') || '';
  chosen.licence = query.get('licence') || '';
  chosen.elements = (query.get('elements') || '').split(/[\s,]+/).filter(Boolean);
}

function writeChoice() {
  const query = new URLSearchParams();
  if (chosen.level) query.set('level', chosen.level);
  if (chosen.licence) query.set('licence', chosen.licence);
  if (chosen.elements.length) query.set('elements', chosen.elements.join(','));
  history.replaceState(null, '', query.toString() ? `#?${query}` : location.pathname);
  document.dispatchEvent(new Event('filtered'));
}

// A model that does not say which elements it knows is none that is known to know them; [] is any.
function isChosen(model) {
  const knows = (symbol) => model.elements !== null && (!model.elements.length || model.elements.includes(symbol));
  return (!chosen.level || model.level_of_theory === chosen.level) && (!chosen.licence || model.licence === chosen.licence) && chosen.elements.every(knows);
}

function filterBar(models) {
  readChoice();
  const values = (name) => [...new Set(models.map((model) => model[name]).filter(Boolean))].sort();
  const pick = (id, text, name, fact) =>
    el(
      'span',
      {},
      el('label', { for: id }, text),
      el(
        'select',
        { id, onchange: (event) => { chosen[name] = event.target.selectedIndex ? values(fact)[event.target.selectedIndex - 1] : ''; writeChoice(); } },
        el('option', {}, 'any'),
        values(fact).map((value) => el('option', { selected: value === chosen[name] }, value)),
      ),
    );
  const input = el('input', {
    type: 'search',
    id: 'elements',
    autocomplete: 'off',
    placeholder: 'H C N O',
    value: chosen.elements.join(' '),
    oninput: (event) => { chosen.elements = event.target.value.split(/[\s,]+/).filter(Boolean); writeChoice(); },
  });
  return el(
    'p',
    { class: 'picks', id: 'filters' },
    pick('level', 'Level of theory ', 'level', 'level_of_theory'),
    pick('licence', 'Licence ', 'licence', 'licence'),
    el('span', {}, el('label', { for: 'elements' }, 'Knows the elements '), input),
  );
}
