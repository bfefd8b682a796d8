// Numbers that the page holds as text: base64 of gzip of the bytes of all numbers, the first bytes of each first, so
// that gzip finds what they have in common. See flows/report/explore/packing.py.

/** The bytes of a packed element. */
export async function bytesOf(id) {
  const packed = Uint8Array.from(atob(document.getElementById(id).textContent), sign => sign.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** The bytes of `count` numbers of `size` bytes, in the usual order. */
function interleaved(bytes, start, count, size) {
  const numbers = new Uint8Array(count * size);
  for (let place = 0; place < size; place++)
    for (let i = 0, from = start + place * count; i < count; i++) numbers[i * size + place] = bytes[from + i];
  return numbers.buffer;
}

/** Half-precision numbers, of 1 sign bit, 5 bits of exponent and 10 of fraction, as floats. */
function fromHalf(halves) {
  return Float32Array.from(halves, half => {
    const exponent = (half >> 10) & 31, fraction = half & 1023, sign = half >> 15 ? -1 : 1;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction);
  });
}

/** The parameters of a network after each of its epochs, of which the formats say how precise they are. */
export async function framesOf(network, id) {
  const bytes = await bytesOf(id), frames = [];
  const layers = network.sizes.slice(1).map((fanOut, i) => [network.sizes[i], fanOut]);
  const count = layers.reduce((sum, [fanIn, fanOut]) => sum + (fanIn + 1) * fanOut, 0);
  let start = 0;
  for (const format of network.formats) {
    const size = format === 'f4' ? 4 : 2, raw = interleaved(bytes, start, count, size);
    start += count * size;
    frames.push(shaped(size === 4 ? new Float32Array(raw) : fromHalf(new Uint16Array(raw)), layers));
  }
  return frames;
}

/** One vector as weights and biases, in the order of mlp.nn.network.flatten. */
function shaped(vector, layers) {
  let at = 0;
  return layers.map(([fanIn, fanOut]) => {
    const weights = vector.subarray(at, (at += fanIn * fanOut));
    return {weights, biases: vector.subarray(at, (at += fanOut))};
  });
}
