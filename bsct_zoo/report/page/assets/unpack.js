// The inverse of packing.py: base64, gzip, differences of bit patterns, bytes by planes.

async function gunzip(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let n = 0; n < letters.length; n += 1) bytes[n] = letters.charCodeAt(n);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function unpackText(text) {
  return new TextDecoder().decode(await gunzip(text));
}

const WIDTH = { exact: 4, curve: 3, position: 2, force: 2 };

// Facts, and arrays by name as {shape, values}; the frames are the first axis.
async function unpackArrays(text) {
  const bytes = await gunzip(text);
  const length = new DataView(bytes.buffer).getUint32(0, true);
  const facts = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  const arrays = new Map();
  let start = 4 + length;
  for (const { name, kind, shape } of facts.arrays) {
    const size = shape.reduce((product, n) => product * n, 1);
    const end = start + size * WIDTH[kind];
    arrays.set(name, { shape, values: fromPlanes(bytes.subarray(start, end), kind, shape[0], size) });
    start = end;
  }
  return { facts, arrays };
}

function fromPlanes(bytes, kind, frames, size) {
  const columns = frames ? size / frames : 0;
  const mask = { exact: -1, curve: 0xffffff, position: 0xffff, force: 0xffff }[kind];
  const values = new Float32Array(size);
  for (let column = 0; column < columns; column += 1) {
    let bits = 0;
    for (let frame = 0; frame < frames; frame += 1) {
      const at = column * frames + frame;
      let step = 0;
      for (let byte = 0; byte < WIDTH[kind]; byte += 1) step |= bytes[at + byte * size] << (8 * byte);
      bits = (bits + step) & mask;
      values[frame * columns + column] = READ[kind](bits);
    }
  }
  return values;
}

const scratch = new DataView(new ArrayBuffer(4));
const READ = {
  exact(bits) {
    scratch.setInt32(0, bits);
    return scratch.getFloat32(0);
  },
  curve(bits) {
    scratch.setUint32(0, bits << 8 >>> 0);
    return scratch.getFloat32(0);
  },
  position: (bits) => (bits << 16 >> 16) * 1e-3,
  force(bits) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
    return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024) : sign * 2 ** -14 * (fraction / 1024);
  },
};
