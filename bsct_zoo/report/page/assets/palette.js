// Colours that colour-blind readers tell apart (Okabe and Ito, 2008), with a dash and a marker beside each, and themes.

const LIGHT = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#b07d00', '#3aa0dc', '#6a4c93', '#7a7a7a'];
const DARK = ['#5aa9e6', '#ff8a3d', '#2fc79a', '#f0a3cb', '#f0c34a', '#a5dcff', '#b79cf0', '#b0b0b0'];
const DASHES = ['solid', 'dash', 'dashdot', 'longdash', 'dot', 'longdashdot'];
const MARKS = ['circle', 'square', 'diamond', 'triangle-up', 'cross', 'x', 'star', 'hexagon'];

// Elements as chemists draw them (after Corey, Pauling and Koltun), bright enough on both themes.
const ELEMENTS = {
  H: '#e8e8e8', C: '#707070', N: '#4169e1', O: '#e03c31', F: '#7fd13b', P: '#ff8c1a', S: '#e6c200', Cl: '#2fae4b',
  Br: '#a0522d', I: '#8a2be2', Si: '#d2b48c', B: '#f4a7a3', Na: '#9370db', Mg: '#5fbf5f', Al: '#a9b4bd', Cu: '#c88033',
};

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === 'dark' : window.matchMedia('(prefers-color-scheme: dark)').matches;
}

function color(place) {
  return (isDark() ? DARK : LIGHT)[place % LIGHT.length];
}

function dash(place) {
  return DASHES[place % DASHES.length];
}

function mark(place) {
  return MARKS[(place + Math.floor(place / MARKS.length)) % MARKS.length]; // a colour comes back with another marker
}

function elementColor(symbol) {
  return ELEMENTS[symbol] || '#c06fb0';
}

function ink() {
  return isDark() ? '#f2f2f2' : '#111111';
}

function themeButton(button, redraw) {
  const names = { '': 'Theme: as the system', light: 'Theme: light', dark: 'Theme: dark' };
  const order = ['', 'light', 'dark'];
  const show = (name) => {
    if (name) document.documentElement.dataset.theme = name;
    else delete document.documentElement.dataset.theme;
    button.textContent = names[name];
  };
  let now = '';
  try {
    now = localStorage.getItem('bsct-zoo-theme') || '';
  } catch { /* a browser that keeps nothing for files */ }
  show(order.includes(now) ? now : '');
  button.addEventListener('click', () => {
    now = order[(order.indexOf(now) + 1) % order.length];
    try {
      localStorage.setItem('bsct-zoo-theme', now);
    } catch { /* as above */ }
    show(now);
    redraw();
  });
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
}
