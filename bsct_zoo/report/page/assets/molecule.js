// The molecule of a frame in three dimensions, with forces as arrows; drag, or use the arrow keys, to turn it.

const LONGEST = 1.6; // Å, of the longest arrow of a frame
const FLOOR = 1.0; // eV/Å: forces below it are drawn small, not blown up

class Molecule {
  // `arrows(frame)` gives {kind, color, values: [3 n] eV/Å}[], always as many; those that are off have no values.
  constructor(scan, arrows) {
    this.scan = scan;
    this.arrows = arrows;
    this.positions = scan.arrays.get('positions').values;
    this.caption = el('p', { class: 'small', id: 'arrow-scale' });
    this.node = el('div', {
      class: 'molecule',
      tabindex: '0',
      role: 'img',
      'aria-label': `${formula(scan.facts.symbols)} in three dimensions; arrow keys turn it, plus and minus zoom`,
      'aria-describedby': 'arrow-scale',
      onkeydown: (event) => this.key(event),
    });
    this.camera = startingCamera(scan);
    this.pending = false;
  }

  async draw(frame) {
    const Plotly = await plotly();
    await settled(this.node);
    if (!this.node.isConnected) return;
    this.frame = frame;
    await Plotly.newPlot(this.node, this.traces(frame), looks(this.layout()), { ...CONFIG, scrollZoom: false });
    this.node.on('plotly_relayout', () => { this.camera = this.node.layout.scene.camera || this.camera; });
    this.Plotly = Plotly;
  }

  // Move to a frame; of several asked for while one is drawn, the last counts.
  show(frame) {
    this.frame = frame;
    if (this.pending || !this.Plotly) return;
    this.pending = true;
    requestAnimationFrame(async () => {
      const drawn = this.frame;
      if (this.node.isConnected) {
        const traces = this.traces(drawn);
        const all = (name) => traces.map((trace) => trace[name]);
        await this.Plotly.restyle(this.node, { x: all('x'), y: all('y'), z: all('z'), i: all('i'), j: all('j'), k: all('k'), color: all('color') });
      }
      this.pending = false;
      this.node.dataset.frame = String(drawn);
      if (drawn !== this.frame) this.show(this.frame);
    });
  }

  layout() {
    const { middle, reach } = extent(this.positions);
    const axis = (n) => ({ visible: false, range: [middle[n] - reach, middle[n] + reach], showspikes: false });
    return {
      margin: { l: 0, r: 0, t: 0, b: 0 },
      uirevision: 'molecule',
      scene: { xaxis: axis(0), yaxis: axis(1), zaxis: axis(2), aspectmode: 'cube', dragmode: 'orbit', camera: this.camera },
    };
  }

  at(frame, atom) {
    const first = (frame * this.scan.facts.numbers.length + atom) * 3;
    return [this.positions[first], this.positions[first + 1], this.positions[first + 2]];
  }

  traces(frame) {
    const { symbols, radii } = this.scan.facts;
    const meshes = new Map([...new Set(symbols)].map((symbol) => [symbol, new Mesh()]));
    const places = symbols.map((_, atom) => this.at(frame, atom));
    places.forEach((place, atom) => {
      meshes.get(symbols[atom]).sphere(place, 0.2 + 0.28 * radii[atom]);
      for (let other = 0; other < atom; other += 1) {
        const apart = Math.hypot(...place.map((x, n) => x - places[other][n]));
        if (apart > 1.25 * (radii[atom] + radii[other])) continue;
        const middle = place.map((x, n) => (x + places[other][n]) / 2);
        const rings = [{ at: 0, radius: 0.11 }, { at: 1, radius: 0.11 }];
        meshes.get(symbols[atom]).turned(place, middle, rings);
        meshes.get(symbols[other]).turned(places[other], middle, rings);
      }
    });
    const traces = [...meshes].map(([symbol, mesh]) => mesh.trace(elementColor(symbol), symbol));
    return [...traces, ...this.arrowTraces(frame, places)];
  }

  arrowTraces(frame, places) {
    const sets = this.arrows(frame);
    let most = 0;
    const length = (values, atom) => Math.hypot(values[3 * atom], values[3 * atom + 1], values[3 * atom + 2]);
    for (const { values } of sets) {
      if (!values) continue;
      for (let atom = 0; atom < places.length; atom += 1) most = Math.max(most, length(values, atom) || 0);
    }
    const scale = LONGEST / Math.max(most, FLOOR);
    this.caption.textContent = !sets.some(({ values }) => values) ? '' : `The longest arrow is ${number(most)} eV/Å.`;
    return sets.map(({ kind, color: paint, values }) => {
      const mesh = new Mesh();
      if (values) places.forEach((place, atom) => {
        const way = [0, 1, 2].map((n) => scale * values[3 * atom + n]);
        if (way.every(Number.isFinite)) mesh.arrow(place, way, 0.13);
      });
      return mesh.trace(paint, kind);
    });
  }

  key(event) {
    const turns = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (turns[event.key]) this.turn(...turns[event.key].map((n) => n * (Math.PI / 12)));
    else if (event.key === '+' || event.key === '=') this.zoom(0.85);
    else if (event.key === '-') this.zoom(1 / 0.85);
    else return;
    event.preventDefault();
  }

  turn(around, over) {
    const { eye } = this.camera;
    const radius = Math.hypot(eye.x, eye.y, eye.z);
    const azimuth = Math.atan2(eye.y, eye.x) + around;
    const height = Math.max(-1.5, Math.min(1.5, Math.asin(eye.z / radius) + over));
    const flat = radius * Math.cos(height);
    this.look({ x: flat * Math.cos(azimuth), y: flat * Math.sin(azimuth), z: radius * Math.sin(height) });
  }

  zoom(by) {
    const { eye } = this.camera;
    this.look({ x: eye.x * by, y: eye.y * by, z: eye.z * by });
  }

  look(eye) {
    this.camera = { eye, up: { x: 0, y: 0, z: 1 }, center: { x: 0, y: 0, z: 0 } };
    if (this.Plotly) this.Plotly.relayout(this.node, { 'scene.camera': this.camera });
  }
}

function extent(positions) {
  const low = [Infinity, Infinity, Infinity];
  const high = [-Infinity, -Infinity, -Infinity];
  positions.forEach((x, n) => {
    low[n % 3] = Math.min(low[n % 3], x);
    high[n % 3] = Math.max(high[n % 3], x);
  });
  const middle = low.map((x, n) => (x + high[n]) / 2);
  let radius = 0;
  for (let n = 0; n + 2 < positions.length; n += 3) {
    radius = Math.max(radius, Math.hypot(...middle.map((x, i) => positions[n + i] - x)));
  }
  return { middle, radius: radius + 0.9, reach: Math.max(...low.map((x, n) => (high[n] - x) / 2)) + 0.9 };
}

// Across the bond that is scanned, and onto the flat side of the molecule.
function startingCamera(scan) {
  const positions = scan.arrays.get('positions').values;
  const frame = (scan.facts.equilibrium ?? 0) * scan.facts.numbers.length * 3;
  const place = (atom) => [0, 1, 2].map((n) => positions[frame + 3 * atom + n]);
  const [i, j] = scan.facts.atoms.length > 1 ? scan.facts.atoms : [0, Math.min(1, scan.facts.numbers.length - 1)];
  const bond = unit(place(j).map((x, n) => x - place(i)[n]));
  let flat = [0, 0, 0];
  for (let atom = 0; atom < scan.facts.numbers.length; atom += 1) {
    const normal = cross(bond, place(atom).map((x, n) => x - place(i)[n]));
    const sign = flat[0] * normal[0] + flat[1] * normal[1] + flat[2] * normal[2] < 0 ? -1 : 1;
    flat = flat.map((x, n) => x + sign * normal[n]);
  }
  const normal = Math.hypot(...flat) > 0.05 ? unit(flat) : unit(cross(bond, Math.abs(bond[2]) < 0.9 ? [0, 0, 1] : [0, 1, 0]));
  const up = unit(cross(normal, bond));
  const { reach, radius } = extent(positions);
  const eye = unit(normal.map((x, n) => x + 0.25 * up[n])).map((x) => 1.25 * Math.max(1, radius / reach) * x);
  return { eye: { x: eye[0], y: eye[1], z: eye[2] }, up: { x: up[0], y: up[1], z: up[2] }, center: { x: 0, y: 0, z: 0 } };
}
