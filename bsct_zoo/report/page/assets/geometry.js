// Triangles of spheres, cylinders and arrows.

const BALL = ball(2);

// Corners on a unit sphere and its triangles: an icosahedron, its faces divided `times`.
function ball(times) {
  const t = (1 + Math.sqrt(5)) / 2;
  let corners = [[-1, t, 0], [1, t, 0], [-1, -t, 0], [1, -t, 0], [0, -1, t], [0, 1, t], [0, -1, -t], [0, 1, -t], [t, 0, -1], [t, 0, 1], [-t, 0, -1], [-t, 0, 1]].map(unit);
  let faces = [[0, 11, 5], [0, 5, 1], [0, 1, 7], [0, 7, 10], [0, 10, 11], [1, 5, 9], [5, 11, 4], [11, 10, 2], [10, 7, 6], [7, 1, 8], [3, 9, 4], [3, 4, 2], [3, 2, 6], [3, 6, 8], [3, 8, 9], [4, 9, 5], [2, 4, 11], [6, 2, 10], [8, 6, 7], [9, 8, 1]];
  for (let n = 0; n < times; n += 1) {
    const middles = new Map();
    const next = [...corners];
    const middle = (a, b) => {
      const key = a < b ? `${a} ${b}` : `${b} ${a}`;
      if (!middles.has(key)) middles.set(key, next.push(unit(corners[a].map((x, i) => (x + corners[b][i]) / 2))) - 1);
      return middles.get(key);
    };
    faces = faces.flatMap(([a, b, c]) => {
      const [ab, bc, ca] = [middle(a, b), middle(b, c), middle(c, a)];
      return [[a, ab, ca], [b, bc, ab], [c, ca, bc], [ab, bc, ca]];
    });
    corners = next;
  }
  return { corners, faces };
}

function unit(v) {
  const length = Math.hypot(...v) || 1;
  return v.map((x) => x / length);
}

class Mesh {
  constructor() {
    [this.x, this.y, this.z, this.i, this.j, this.k] = [[], [], [], [], [], []];
  }

  sphere([x, y, z], radius) {
    const first = this.x.length;
    for (const [a, b, c] of BALL.corners) this.corner(x + radius * a, y + radius * b, z + radius * c);
    for (const [a, b, c] of BALL.faces) this.face(first + a, first + b, first + c);
  }

  // Rings of corners around a line, each {at: 0..1, radius}.
  turned(from, to, rings, sides = 12) {
    const axis = unit(to.map((x, n) => x - from[n]));
    const side = unit(cross(axis, Math.abs(axis[0]) < 0.8 ? [1, 0, 0] : [0, 1, 0]));
    const other = cross(axis, side);
    const first = this.x.length;
    for (const { at, radius } of rings) {
      for (let s = 0; s < sides; s += 1) {
        const [c, d] = [radius * Math.cos((2 * Math.PI * s) / sides), radius * Math.sin((2 * Math.PI * s) / sides)];
        this.corner(...from.map((x, n) => x + at * (to[n] - x) + c * side[n] + d * other[n]));
      }
    }
    for (let ring = 0; ring + 1 < rings.length; ring += 1) {
      for (let s = 0; s < sides; s += 1) {
        const [a, b] = [first + ring * sides + s, first + ring * sides + ((s + 1) % sides)];
        this.face(a, b, a + sides);
        this.face(b, b + sides, a + sides);
      }
    }
  }

  arrow(from, way, width) {
    const length = Math.hypot(...way);
    if (!(length > 0.02)) return;
    const head = Math.max(0, 1 - (3.2 * width) / length);
    const to = from.map((x, n) => x + way[n]);
    const thin = Math.min(width, length / 4);
    this.turned(from, to, [{ at: 0, radius: 0 }, { at: 0, radius: thin / 2 }, { at: head, radius: thin / 2 }, { at: head, radius: thin * 1.25 }, { at: 1, radius: 0 }]);
  }

  corner(x, y, z) {
    this.x.push(x);
    this.y.push(y);
    this.z.push(z);
  }

  face(a, b, c) {
    this.i.push(a);
    this.j.push(b);
    this.k.push(c);
  }

  trace(color, name) {
    // plotly draws nothing of an empty mesh: a triangle without a size stands for it
    const { x, y, z, i, j, k } = this.x.length ? this : { x: [0, 0, 0], y: [0, 0, 0], z: [0, 0, 0], i: [0], j: [1], k: [2] };
    return { type: 'mesh3d', x, y, z, i, j, k, color, name, hoverinfo: 'skip', flatshading: false, lighting: { ambient: 0.55, diffuse: 0.75, specular: 0.25, roughness: 0.5, fresnel: 0.1 }, lightposition: { x: 2000, y: 3000, z: 6000 } };
  }
}

function cross(a, b) {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}
