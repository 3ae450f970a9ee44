// Numbers and names as people read them.

const ARROWS = { lower: '↓', higher: '↑' };

// Three significant digits, without an exponent where it can be avoided; as the tables of the terminal.
function number(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 99950 || size < 9.995e-4) return value.toExponential(2).replace('e+', 'e');
  const rounded = Math.abs(Number(value.toExponential(digits - 1)));
  return value.toFixed(Math.max(0, digits - 1 - Math.floor(Math.log10(rounded))));
}

function counted(n, noun) {
  return `${n} ${noun}${n === 1 ? '' : 's'}`;
}

function unitOf(column) {
  return [column.unit, ARROWS[column.better] || ''].filter(Boolean).join(' ');
}

// plotly reads markup in its texts; a name is shown as it is.
function plain(text) {
  return String(text).replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

function shortened(text, length = 28) {
  return text.length <= length ? text : `${text.slice(0, 8)}…${text.slice(-(length - 9))}`;
}

function formula(symbols) {
  const counts = new Map();
  for (const symbol of symbols) counts.set(symbol, (counts.get(symbol) || 0) + 1);
  const first = counts.has('C') ? ['C', 'H'].filter((one) => counts.has(one)) : [];
  const rest = [...counts.keys()].filter((one) => !first.includes(one)).sort();
  return [...first, ...rest].map((one) => one + (counts.get(one) > 1 ? counts.get(one) : '')).join('');
}
