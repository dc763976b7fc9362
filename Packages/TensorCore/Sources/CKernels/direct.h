// Direct convolution for one vector length. Included by direct.c, once or twice in each version, with
// CK_WIDE = floats in a vector and CK_W(name) = the name for that length.

#define CK_UNROLL _Pragma("unroll")
typedef float CK_W(vw) __attribute__((ext_vector_type(CK_WIDE)));

static inline CK_W(vw) CK_W(read)(const float *p) {
  CK_W(vw) v;
  memcpy(&v, p, sizeof v);
  return v;
}
static inline CK_W(vw) CK_W(muladd)(CK_W(vw) a, CK_W(vw) b, CK_W(vw) c) {
#if CK_FMA
  return __builtin_elementwise_fma(a, b, c);
#else
  return a * b + c;
#endif
}
static inline void CK_W(write)(float *p, CK_W(vw) v, size_t count) {
  if (count == CK_WIDE) {
    memcpy(p, &v, sizeof v);
  } else {
    float lanes[CK_WIDE];
    memcpy(lanes, &v, sizeof v);
    for (size_t i = 0; i < count; i++) p[i] = lanes[i];
  }
}
static inline CK_W(vw) CK_W(read_part)(const float *p, size_t count) {
  if (count == CK_WIDE) return CK_W(read)(p);
  float lanes[CK_WIDE] = {0};
  for (size_t i = 0; i < count; i++) lanes[i] = p[i];
  return CK_W(read)(lanes);
}

static inline float CK_W(sum_lanes)(CK_W(vw) v) {
#if CK_WIDE == 16
  CK(v8) half = __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) +
              __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
  CK(v4) quarter = __builtin_shufflevector(half, half, 0, 1, 2, 3) + __builtin_shufflevector(half, half, 4, 5, 6, 7);
#elif CK_WIDE == 8
  CK(v4) quarter = __builtin_shufflevector(v, v, 0, 1, 2, 3) + __builtin_shufflevector(v, v, 4, 5, 6, 7);
#else
  CK(v4) quarter = v;
#endif
  CK(v4) pair = quarter + __builtin_shufflevector(quarter, quarter, 2, 3, 2, 3);
  return pair[0] + pair[1];
}

// `channels` outputs of `vectors` vectors of neighbouring pixels; both are constants at the call. Every output adds its
// taps in the same order, whatever the block it falls into.
static inline __attribute__((always_inline)) void CK_W(direct_block)(
    const ck_direct_shape *s, const float *x, const float *w, const ck_direct_ending *e, size_t channel, float *y,
    size_t first, int channels, int vectors) {
  CK_W(vw) sums[6][8];
  const float *from[8];
  CK_UNROLL for (int v = 0; v < vectors; v++) from[v] = x + s->place[first + (size_t)v];
  CK_UNROLL for (int c = 0; c < channels; c++)
    CK_UNROLL for (int v = 0; v < vectors; v++)
      sums[c][v] = (CK_W(vw))(e->bias != NULL ? e->bias[channel + (size_t)c] : 0.0f);
  const ptrdiff_t *tap = s->tap;
  for (size_t k = s->taps; k > 0; k--, tap++, w += channels) {
    ptrdiff_t offset = *tap;
    CK_W(vw) pixels[8];
    CK_UNROLL for (int v = 0; v < vectors; v++) pixels[v] = CK_W(read)(from[v] + offset);
    CK_UNROLL for (int c = 0; c < channels; c++) {
      CK_W(vw) weight = (CK_W(vw))w[c];
      CK_UNROLL for (int v = 0; v < vectors; v++) sums[c][v] = CK_W(muladd)(weight, pixels[v], sums[c][v]);
    }
  }
  y += channel * s->plane;
  size_t target[8];
  CK_UNROLL for (int v = 0; v < vectors; v++) target[v] = (size_t)s->target[first + (size_t)v];
  if (e->addend != NULL) {
    const float *addend = e->addend + channel * s->plane;
    CK_UNROLL for (int c = 0; c < channels; c++)
      CK_UNROLL for (int v = 0; v < vectors; v++)
        sums[c][v] += CK_W(read_part)(addend + (size_t)c * s->plane + target[v], s->lanes);
  }
  CK_W(vw) zero = (CK_W(vw))0.0f;
  if (e->relu) {
    CK_UNROLL for (int c = 0; c < channels; c++)
      CK_UNROLL for (int v = 0; v < vectors; v++) sums[c][v] = zero > sums[c][v] ? zero : sums[c][v];  // a NaN stays one
  }
  if (e->scale != NULL) {
    CK_UNROLL for (int c = 0; c < channels; c++) {
      CK_W(vw) scale = (CK_W(vw))e->scale[channel + (size_t)c], shift = (CK_W(vw))e->shift[channel + (size_t)c];
      CK_UNROLL for (int v = 0; v < vectors; v++) sums[c][v] = CK_W(muladd)(scale, sums[c][v], shift);
    }
  }
  if (s->lanes == CK_WIDE) {
    CK_UNROLL for (int c = 0; c < channels; c++)
      CK_UNROLL for (int v = 0; v < vectors; v++) CK_W(write)(y + (size_t)c * s->plane + target[v], sums[c][v], CK_WIDE);
  } else {
    CK_UNROLL for (int c = 0; c < channels; c++)
      CK_UNROLL for (int v = 0; v < vectors; v++) CK_W(write)(y + (size_t)c * s->plane + target[v], sums[c][v], s->lanes);
  }
}

#define CK_BLOCK(c, v) \
  case v: CK_W(direct_block)(s, x, w, e, channel, y, first, c, v); break
#define CK_UP_TO_2(c) CK_BLOCK(c, 1); CK_BLOCK(c, 2)
#define CK_UP_TO_4(c) CK_UP_TO_2(c); CK_BLOCK(c, 3); CK_BLOCK(c, 4)
#define CK_UP_TO_6(c) CK_UP_TO_4(c); CK_BLOCK(c, 5); CK_BLOCK(c, 6)
#define CK_UP_TO_8(c) CK_UP_TO_6(c); CK_BLOCK(c, 7); CK_BLOCK(c, 8)

// 24 sums in 32 registers, 12 in 16
#if CK_LANES == 16
#define CK_MOST_6 CK_UP_TO_4
#define CK_MOST_4 CK_UP_TO_6
#define CK_MOST_3 CK_UP_TO_8
static const size_t CK_W(most)[7] = {0, 8, 8, 8, 6, 4, 4};
#else
#define CK_MOST_6 CK_UP_TO_2
#define CK_MOST_4 CK_UP_TO_2
#define CK_MOST_3 CK_UP_TO_4
static const size_t CK_W(most)[7] = {0, 4, 4, 4, 2, 2, 2};
#endif

static void CK_W(direct_tile)(
    const ck_direct_shape *s, const float *x, const float *w, const ck_direct_ending *e, size_t channel, float *y,
    size_t first, size_t channels, size_t vectors) {
#define CK_CASE(c, most) \
  case c:                \
    switch (vectors) { most(c); } \
    break
  switch (channels) {
    CK_CASE(6, CK_MOST_6);
    CK_CASE(5, CK_MOST_6);
    CK_CASE(4, CK_MOST_4);
    CK_CASE(3, CK_MOST_3);
    CK_CASE(2, CK_MOST_3);
    CK_CASE(1, CK_MOST_3);
  }
#undef CK_CASE
}

static void CK_W(direct)(
    const ck_direct_shape *s, const float *x, const float *w, const ck_direct_ending *e, size_t first_block,
    size_t blocks, float *y) {
  // The tiles of a block of channels are made as equal as they can be: eight vectors are two fours, not six and two.
  size_t largest = ck_direct_block_start(s->channels, 1);
  size_t tiles = (s->vectors + CK_W(most)[largest] - 1) / CK_W(most)[largest];
  for (size_t tile = 0; tile < tiles; tile++) {
    size_t first = tile * s->vectors / tiles;
    size_t vectors = (tile + 1) * s->vectors / tiles - first;
    for (size_t block = first_block; block < first_block + blocks; block++) {
      size_t channel = ck_direct_block_start(s->channels, block);
      size_t channels = ck_direct_block_start(s->channels, block + 1) - channel;
      CK_W(direct_tile)(s, x, w + channel * s->taps, e, channel, y, first, channels, vectors);
    }
  }
}

// Four rows of one output channel, `vectors` vectors each: a vector of input pixels is loaded once for all the rows that
// its kernel column reaches. `height`, of the kernel, and `vectors` are constants at the call.
static inline __attribute__((always_inline)) void CK_W(band_block)(
    const ck_band_shape *s, const float *x, const float *w, float *y, int height, int vectors) {
  CK_W(vw) sums[4][4];
  CK_UNROLL for (int r = 0; r < 4; r++)
    CK_UNROLL for (int v = 0; v < vectors; v++) sums[r][v] = (CK_W(vw))0.0f;
  for (size_t k = 0; k < s->taps; k++, w += height) {
    const float *from = x + s->tap[k];
    CK_UNROLL for (int row = 0; row < height + 3; row++, from += s->row) {
      CK_W(vw) pixels[4];
      CK_UNROLL for (int v = 0; v < vectors; v++) pixels[v] = CK_W(read)(from + v * CK_WIDE);
      CK_UNROLL for (int r = 0; r < 4; r++)
        if (row - r >= 0 && row - r < height)
          CK_UNROLL for (int v = 0; v < vectors; v++)
            sums[r][v] = CK_W(muladd)((CK_W(vw))w[row - r], pixels[v], sums[r][v]);
    }
  }
  CK_UNROLL for (int r = 0; r < 4; r++)
    CK_UNROLL for (int v = 0; v < vectors; v++)
      CK_W(write)(y + (size_t)r * s->width + (size_t)v * CK_WIDE, sums[r][v], CK_WIDE);
}

// Blocks of four rows cover the plane, the last ones moved back to end with it.
static void CK_W(band)(const ck_band_shape *s, const float *x, const float *w, float *y) {
  enum { most = CK_LANES == 16 ? 4 : 2 };
  for (size_t row = 0; row < s->height;) {
    for (size_t column = 0; column < s->width;) {
      const float *from = x + row * s->row + column;
      float *to = y + row * s->width + column;
      size_t vectors = CK_MINIMUM((s->width - column) / CK_WIDE, (size_t)most);
#define CK_BAND(v)                                                   \
  if (s->kernel_height == 3) CK_W(band_block)(s, from, w, to, 3, v); \
  else CK_W(band_block)(s, from, w, to, 5, v)
      switch (vectors) {
#if CK_LANES == 16
      case 4: CK_BAND(4); break;
      case 3: CK_BAND(3); break;
#endif
      case 2: CK_BAND(2); break;
      default: CK_BAND(1);
      }
#undef CK_BAND
      column += vectors * CK_WIDE;
      if (column < s->width && column + CK_WIDE > s->width) column = s->width - CK_WIDE;
    }
    row += 4;
    if (row < s->height && row + 4 > s->height) row = s->height - 4;
  }
}

// Sums of products over pixels: `rows` channels of dy by `columns` taps of x, both constants at the call. `step` holds
// the places of each vector of pixels in dy and in x. The lanes are added up at the end.
static inline __attribute__((always_inline)) void CK_W(weight_block)(
    const float *dy, size_t plane, const float *x, const ptrdiff_t *step, size_t steps, float *dw, size_t dw_stride,
    const ptrdiff_t *tap, int rows, int columns) {
  CK_W(vw) sums[6][4];
  const float *a[6], *b[4];
  CK_UNROLL for (int r = 0; r < rows; r++) a[r] = dy + (size_t)r * plane;
  CK_UNROLL for (int c = 0; c < columns; c++) b[c] = x + tap[c];
  CK_UNROLL for (int r = 0; r < rows; r++)
    CK_UNROLL for (int c = 0; c < columns; c++) sums[r][c] = (CK_W(vw))0.0f;
  for (const ptrdiff_t *end = step + 2 * steps; step != end; step += 2) {
    ptrdiff_t from = step[0], place = step[1];
    CK_W(vw) pixels[4];
    CK_UNROLL for (int c = 0; c < columns; c++) pixels[c] = CK_W(read)(b[c] + place);
    CK_UNROLL for (int r = 0; r < rows; r++) {
      CK_W(vw) slope = CK_W(read)(a[r] + from);
      CK_UNROLL for (int c = 0; c < columns; c++) sums[r][c] = CK_W(muladd)(slope, pixels[c], sums[r][c]);
    }
  }
  CK_UNROLL for (int r = 0; r < rows; r++)
    CK_UNROLL for (int c = 0; c < columns; c++)
      dw[(size_t)r * dw_stride + (size_t)c] += CK_W(sum_lanes)(sums[r][c]);
}

static void CK_W(weights)(
    const ck_weight_shape *s, const float *dy, const float *x, const ptrdiff_t *step, size_t steps, float *dw) {
#if CK_LANES == 16
  enum { width = 4 };
#else
  enum { width = 2 };
#endif
  for (size_t block = 0; block < ck_direct_blocks(s->channels); block++) {
    size_t channel = ck_direct_block_start(s->channels, block);
    size_t rows = ck_direct_block_start(s->channels, block + 1) - channel;
    const float *from = dy + channel * s->dy_plane;
    for (size_t k = 0; k < s->taps; k += width) {
      size_t columns = CK_MINIMUM(s->taps - k, (size_t)width);
      float *place = dw + channel * s->taps + k;
#define CK_SUM(r, c) \
  CK_W(weight_block)(from, s->dy_plane, x, step, steps, place, s->taps, s->tap + k, r, c)
#if CK_LANES == 16
#define CK_CASE(r)                      \
  case r:                               \
    switch (columns) {                  \
    case 4: CK_SUM(r, 4); break;        \
    case 3: CK_SUM(r, 3); break;        \
    case 2: CK_SUM(r, 2); break;        \
    default: CK_SUM(r, 1);              \
    }                                   \
    break
#else
#define CK_CASE(r)                      \
  case r:                               \
    if (columns == 2) CK_SUM(r, 2);     \
    else CK_SUM(r, 1);                  \
    break
#endif
      switch (rows) {
        CK_CASE(6);
        CK_CASE(5);
        CK_CASE(4);
        CK_CASE(3);
        CK_CASE(2);
        CK_CASE(1);
      }
#undef CK_CASE
#undef CK_SUM
    }
  }
}

// The input's gradient by scattering: every input pixel a tap reaches gets its share of each output pixel. No work is
// spent on places that the kernel reaches from outside the image, as gathering does; the sums of a tile of `rows` taps,
// that differ in channel and kernel row, are added to memory one kernel column after the other.
static inline __attribute__((always_inline)) void CK_W(scatter_block)(
    const ck_scatter_shape *s, const float *dy, const float *w, const ptrdiff_t *target, const int32_t *place,
    const int32_t *corner, float *dx, int rows, int vectors) {
  CK_W(vw) sums[6][4];
  const float *from[4];
  CK_UNROLL for (int v = 0; v < vectors; v++) from[v] = dy + place[v];
  CK_UNROLL for (int r = 0; r < rows; r++)
    CK_UNROLL for (int v = 0; v < vectors; v++) sums[r][v] = (CK_W(vw))0.0f;
  for (size_t channel = s->channels, at = 0; channel > 0; channel--, at += s->dy_plane, w += rows) {
    CK_W(vw) slopes[4];
    CK_UNROLL for (int v = 0; v < vectors; v++) slopes[v] = CK_W(read)(from[v] + at);
    CK_UNROLL for (int r = 0; r < rows; r++) {
      CK_W(vw) weight = (CK_W(vw))w[r];
      CK_UNROLL for (int v = 0; v < vectors; v++) sums[r][v] = CK_W(muladd)(weight, slopes[v], sums[r][v]);
    }
  }
  CK_UNROLL for (int r = 0; r < rows; r++)
    CK_UNROLL for (int v = 0; v < vectors; v++) {
      float *to = dx + target[r] + corner[v];
      CK_W(write)(to, CK_W(read)(to) + sums[r][v], CK_WIDE);
    }
}

static void CK_W(scatter)(const ck_scatter_shape *s, const float *dy, const float *w, float *dx) {
#if CK_LANES == 16
  enum { most = 4 };
#else
  enum { most = 2 };
#endif
  for (size_t column = 0; column < s->kernel_width; column++) {
    for (size_t block = 0; block < ck_direct_blocks(s->taps); block++) {
      size_t tap = ck_direct_block_start(s->taps, block);
      size_t rows = ck_direct_block_start(s->taps, block + 1) - tap;
      const float *weights = w + (column * s->taps + tap) * s->channels;
      for (size_t v = 0; v < s->vectors; v += most) {
        size_t vectors = CK_MINIMUM(s->vectors - v, (size_t)most);
#define CK_ADD(r, c)                                                                                             \
  CK_W(scatter_block)(s, dy, weights, s->target + tap, s->place + v, s->corner + v, dx + column * s->column, r, c)
#if CK_LANES == 16
#define CK_CASE(r)                      \
  case r:                               \
    switch (vectors) {                  \
    case 4: CK_ADD(r, 4); break;        \
    case 3: CK_ADD(r, 3); break;        \
    case 2: CK_ADD(r, 2); break;        \
    default: CK_ADD(r, 1);              \
    }                                   \
    break
#else
#define CK_CASE(r)                      \
  case r:                               \
    if (vectors == 2) CK_ADD(r, 2);     \
    else CK_ADD(r, 1);                  \
    break
#endif
        switch (rows) {
          CK_CASE(6);
          CK_CASE(5);
          CK_CASE(4);
          CK_CASE(3);
          CK_CASE(2);
          CK_CASE(1);
        }
#undef CK_CASE
#undef CK_ADD
      }
    }
  }
}
#undef CK_UNROLL
#undef CK_BLOCK
#undef CK_UP_TO_2
#undef CK_UP_TO_4
#undef CK_UP_TO_6
#undef CK_UP_TO_8
#undef CK_MOST_6
#undef CK_MOST_4
#undef CK_MOST_3
