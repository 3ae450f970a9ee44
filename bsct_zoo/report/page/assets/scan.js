// A scan: its curves, its molecule, and what the models say at the cursor.

async function scanView(taskName, id, query) {
  const task = zoo.taskOf.get(taskName);
  const data = task ? openScan(taskName, id) : null;
  if (!data) return missingView(`There is no scan ${id} of ${taskName} in this report.`);
  const scan = await data;
  const models = modelsUnder(task).filter((model) => model.evaluations[task.name].byId.has(id));
  const record = (model) => model.evaluations[task.name].byId.get(id);
  const ranked = [...models].sort((a, b) => byBadness(record(a), record(b)));
  const asked = query.get('with')?.split(',').map(decodeURIComponent);
  const chosen = new Set(asked ? models.filter((model) => asked.includes(model.model)) : models);
  const view = new ScanView(task, id, scan, models, ranked, chosen, record, Number(query.get('frame') ?? -1));
  return { title: id, node: view.node, after: () => view.draw() };
}

class ScanView {
  constructor(task, id, scan, models, ranked, chosen, record, frame) {
    Object.assign(this, { task, id, scan, models, ranked, chosen, record });
    this.x = curveOf(scan, 'coordinate') || new Float32Array(0);
    const start = this.decidingFrame() ?? scan.facts.equilibrium ?? 0;
    this.frame = frame >= 0 && frame < this.x.length ? frame : start;
    this.whole = false;
    this.kinds = new Set(['reference', 'model']);
    this.arrowModel = ranked.find((model) => scan.arrays.has(`${model.place}:forces`)) || ranked[0];
    this.build();
  }

  decidingFrame() {
    const worst = this.ranked[0];
    const d = worst && curveOf(this.scan, `${worst.place}:log_ratio`);
    if (!d) return null;
    const found = slopes(this.x, d);
    return found.step < 0 ? null : found.ends[found.step][0];
  }

  build() {
    const { facts } = this.scan;
    const group = this.models.length ? this.record(this.models[0]).group : '';
    const system = facts.symbols ? `${formula(facts.symbols)}, ${facts.symbols.length} atoms` : '';
    const state = [facts.charge ? `charge ${facts.charge > 0 ? '+' : ''}${facts.charge}` : '', facts.multiplicity > 1 ? `multiplicity ${facts.multiplicity}` : ''];
    const order = zoo.scans.filter((scan) => scan.task === this.task.name);
    const place = order.findIndex((scan) => scan.id === this.id);
    const step = (to, text) => (to ? el('a', { class: 'button', href: link('scan', to.task, to.id) }, text) : null);
    const moved = facts.symbols && facts.atoms.length ? `${facts.kind} ${facts.atoms.map((atom) => `${facts.symbols[atom]}${atom + 1}`).join('–')}` : '';
    this.plots = el('div', { class: 'plots' });
    this.readout = el('div', { class: 'readout' });
    this.slider = el('input', {
      type: 'range', id: 'cursor', min: '0', max: String(Math.max(0, this.x.length - 1)), step: '1', value: String(this.frame),
      oninput: (event) => this.go(Number(event.target.value)),
    });
    this.node = el(
      'div',
      { class: 'scan' },
      el('h1', {}, this.id),
      el('p', { class: 'about' }, [this.task.name, moved || group, system, ...state, facts.notes?.smiles].filter(Boolean).join(' · ')),
      this.task.flagged.includes(this.id) ? el('p', { class: 'warn' }, 'Flagged: the reference of this scan is itself not smooth or not whole.') : null,
      el('p', { class: 'steps' }, step(order[place - 1], '← worse'), step(order[place + 1], 'next worst →'), el('a', { class: 'button', href: link('scans', this.task.name) }, 'all scans')),
      this.legend(),
      el('ul', { class: 'why' }, this.ranked.slice(0, 8).map((model) => el('li', {}, el('b', {}, model.model), ': ', this.record(model).why))),
      el('div', { class: 'two' }, this.plots, this.side()),
    );
  }

  legend() {
    const boxes = this.models.map((model) => {
      const box = el('input', { type: 'checkbox', checked: this.chosen.has(model), onchange: () => this.toggle(model, box.checked) });
      return el('label', { class: 'key' }, box, swatch(model.place), model.model);
    });
    const whole = el('button', { type: 'button', 'aria-pressed': 'false', onclick: () => {
      this.whole = !this.whole;
      whole.setAttribute('aria-pressed', String(this.whole));
      this.drawCurves();
    } }, 'Whole range');
    const line = svg('line', { x1: 1, x2: 25, y1: 6, y2: 6, stroke: 'currentColor', 'stroke-width': 3 });
    return el(
      'fieldset',
      { class: 'keys' },
      el('legend', {}, 'Curves'),
      curveOf(this.scan, 'energy') ? el('span', { class: 'key' }, svg('svg', { class: 'swatch', width: 26, height: 12, 'aria-hidden': 'true' }, line), 'reference') : null,
      boxes,
      whole,
    );
  }

  side() {
    const label = el('label', { for: 'cursor' }, 'Frame ');
    const slider = el('p', { class: 'slider' }, label, this.slider);
    if (!this.scan.arrays.has('positions')) {
      return el('div', { class: 'side' }, el('p', {}, 'The frames of this suite were not at hand when the page was written, so there is no molecule.'), slider, this.readout);
    }
    const cell = this.scan.facts.periodic ? el('p', { class: 'small' }, 'Periodic: the atoms of one cell are shown.') : null;
    this.molecule = new Molecule(this.scan, (frame) => this.arrowSets(frame));
    const has = (name) => this.scan.arrays.has(name);
    const able = this.models.filter((model) => has(`${model.place}:forces`));
    const kinds = [
      ['reference', 'reference', ink(), has('forces')],
      ['model', 'model', null, able.length > 0],
      ['difference', 'model − reference', null, able.length > 0 && has('forces')],
    ].filter(([, , , there]) => there);
    const boxes = kinds.map(([kind, text]) => {
      const box = el('input', { type: 'checkbox', checked: this.kinds.has(kind), onchange: () => {
        if (box.checked) this.kinds.add(kind);
        else this.kinds.delete(kind);
        this.molecule.show(this.frame);
      } });
      const spot = el('span', { class: 'spot', style: { background: this.paint(kind) } });
      return { kind, spot, node: el('label', { class: 'key' }, box, spot, text) };
    });
    const choice = el('select', { id: 'arrow-model', onchange: (event) => {
      this.arrowModel = able[event.target.selectedIndex];
      for (const { kind, spot } of boxes) spot.style.background = this.paint(kind);
      this.molecule.show(this.frame);
    } }, able.map((model) => el('option', { selected: model === this.arrowModel }, model.model)));
    const arrows = kinds.length
      ? el('fieldset', { class: 'keys' }, el('legend', {}, 'Forces as arrows'), able.length ? el('span', {}, el('label', { for: 'arrow-model' }, 'of '), choice) : null, boxes.map((box) => box.node))
      : el('p', { class: 'small' }, 'Forces on every atom of this scan are not in this file.');
    const turn = (text, name, act) => el('button', { type: 'button', 'aria-label': name, title: name, onclick: act }, text);
    return el(
      'div',
      { class: 'side' },
      slider,
      this.molecule.node,
      el(
        'p',
        { class: 'turns' },
        turn('⟲', 'turn left', () => this.molecule.turn(-Math.PI / 8, 0)),
        turn('⟳', 'turn right', () => this.molecule.turn(Math.PI / 8, 0)),
        turn('+', 'zoom in', () => this.molecule.zoom(0.85)),
        turn('−', 'zoom out', () => this.molecule.zoom(1 / 0.85)),
      ),
      el('p', { class: 'keys' }, [...new Set(this.scan.facts.symbols)].map((symbol) => el('span', { class: 'key' }, el('span', { class: 'spot', style: { background: elementColor(symbol) } }), symbol)), this.molecule.caption),
      cell,
      arrows,
      this.readout,
    );
  }

  paint(kind) {
    if (kind === 'reference') return ink();
    return kind === 'model' ? color(this.arrowModel?.place ?? 0) : isDark() ? '#f0e442' : '#b00020';
  }

  arrowSets(frame) {
    const width = 3 * this.scan.facts.numbers.length;
    const at = (name) => this.scan.arrays.get(name)?.values.subarray(frame * width, (frame + 1) * width);
    const [own, other] = [at('forces'), at(`${this.arrowModel?.place}:forces`)];
    const values = { reference: own, model: other, difference: own && other && other.map((x, n) => x - own[n]) };
    return ['reference', 'model', 'difference'].map((kind) => ({ kind, color: this.paint(kind), values: this.kinds.has(kind) ? values[kind] : null }));
  }

  async draw() {
    if (!this.x.length) {
      this.plots.append(el('p', {}, 'These results hold no curves; they were made by a version that kept none.'));
      return;
    }
    this.drawCurves();
    await this.molecule?.draw(this.frame);
    this.go(this.frame, true);
  }

  drawCurves() {
    const shown = this.models.filter((model) => this.chosen.has(model));
    this.curves = curvesFigure(this.scan, shown, this.record, this.whole, (frame) => this.go(frame));
    this.plots.replaceChildren(this.curves);
    this.curves.cursor(this.frame);
    this.read();
  }

  toggle(model, on) {
    if (on) this.chosen.add(model);
    else this.chosen.delete(model);
    this.drawCurves();
    this.keepLink();
  }

  go(frame, quiet = false) {
    this.frame = frame;
    this.slider.value = String(frame);
    this.slider.setAttribute('aria-valuetext', `frame ${frame}, ${number(this.x[frame])} Å`);
    this.curves.cursor(frame);
    this.molecule?.show(frame);
    this.read();
    if (!quiet) this.keepLink();
  }

  read() {
    const at = (name) => curveOf(this.scan, name)?.[this.frame];
    const rows = this.models.filter((model) => this.chosen.has(model)).map((model) => [
      [swatch(model.place), model.model], at(`${model.place}:energy`), at(`${model.place}:force`), at(`${model.place}:log_ratio`),
    ]);
    if (curveOf(this.scan, 'energy')) rows.unshift([['reference'], at('energy'), at('force'), undefined]);
    this.readout.replaceChildren(
      el(
        'table',
        { class: 'plain' },
        el('caption', {}, `Frame ${this.frame}, ${number(this.x[this.frame])} Å`),
        el('thead', {}, el('tr', {}, el('th', { scope: 'col', class: 'left' }, 'curve'), ['E, eV', 'F, eV/Å', 'D'].map((text) => el('th', { scope: 'col' }, text)))),
        el('tbody', {}, rows.map(([name, ...values]) => el('tr', {}, el('th', { scope: 'row' }, name), values.map((value) => el('td', {}, number(value)))))),
      ),
    );
  }

  // The link of this view, with the frame and the models that are shown.
  keepLink() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (!this.node.isConnected) return;
      const all = this.chosen.size === this.models.length;
      const names = [...this.chosen].map((model) => encodeURIComponent(model.model)).join(',');
      history.replaceState(null, '', `${link('scan', this.task.name, this.id)}?frame=${this.frame}${all ? '' : `&with=${encodeURIComponent(names)}`}`);
    }, 250);
  }
}
