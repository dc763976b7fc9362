// Convolution with 3x3 kernels, stride 1, as F(4x4, 3x3): Lavin and Gray, "Fast Algorithms for Convolutional Neural
// Networks", CVPR 2016. Tiles of 6x6 pixels that overlap by two become 36 numbers each, which 36 small matrix products
// over the channels turn into 36 numbers of each output channel, and those into 4x4 output pixels.
//
// All transforms run with neighbouring channels in the lanes of a vector, so that the place of a tile does not matter:
// pixels are turned from planes to [row][column][channel] on the way in and back on the way out. Results of a tile do
// not depend on the tiles computed with it.
#ifndef CK_LANES
#include "CKernels.h"
#define CK_FILE "winograd.c"
#include "versions.h"

static size_t whole(size_t count, size_t unit) { return (count + unit - 1) / unit * unit; }

size_t ck_winograd_panels(size_t channels) {
  return (channels + ck_gemm_panel_columns() - 1) / ck_gemm_panel_columns();
}
size_t ck_winograd_weight_count(size_t inputs, size_t outputs) {
  return 36 * ck_winograd_panels(outputs) * inputs * ck_gemm_panel_columns();
}
// Both strides of the 36 matrices get a gap, so that they do not all begin in the same lines of the cache.
static size_t tile_matrix(size_t tiles, size_t channels) { return tiles * whole(channels, ck_lanes()) + 16; }
static size_t panel_matrix(size_t rows, size_t panels) { return rows * panels * ck_gemm_panel_columns() + 16; }

static size_t turned_size(const ck_winograd_shape *s, size_t rows) {
  return (4 * rows + 2) * (4 * s->tile_columns + 2) * ck_lanes();
}
size_t ck_winograd_scratch(const ck_winograd_shape *s, size_t rows, size_t panels) {
  size_t tiles = rows * s->tile_columns;
  return 36 * tile_matrix(tiles, s->inputs) + 36 * panel_matrix(tiles, panels) + turned_size(s, rows);
}
size_t ck_winograd_input_count(const ck_winograd_shape *s, size_t rows) {
  return 36 * tile_matrix(rows * s->tile_columns, s->inputs);
}
size_t ck_winograd_upstream_count(const ck_winograd_shape *s, size_t rows) {
  return 36 * panel_matrix(rows * s->tile_columns, ck_winograd_panels(s->outputs));
}
size_t ck_winograd_turned_count(const ck_winograd_shape *s) { return turned_size(s, s->tile_rows); }
size_t ck_winograd_sums_count(const ck_winograd_shape *s) {
  return 36 * panel_matrix(s->inputs, ck_winograd_panels(s->outputs));
}

void ck_winograd_weights(const float *w, size_t inputs, size_t outputs, size_t input_stride, size_t output_stride,
                         int turned, size_t first_input, size_t input_count, float *u) {
  CK_CALL(winograd_weights, w, inputs, outputs, input_stride, output_stride, turned, first_input, input_count, u);
}
void ck_winograd(const ck_winograd_shape *s, const float *x, const float *gate, const float *u,
                 const ck_direct_ending *e, size_t first_row, size_t rows, size_t first_panel, size_t panels, float *y,
                 float *scratch) {
  CK_CALL(winograd, s, x, gate, u, e, first_row, rows, first_panel, panels, y, scratch);
}
void ck_winograd_input(const ck_winograd_shape *s, const float *x, size_t first_row, size_t rows, size_t begin,
                       size_t end, float *v, float *turned) {
  CK_CALL(winograd_input, s, x, first_row, rows, begin, end, v, turned);
}
void ck_winograd_upstream(const ck_winograd_shape *s, const float *dy, const float *gate, size_t first_row, size_t rows,
                          size_t begin, size_t end, float *v, float *turned) {
  CK_CALL(winograd_upstream, s, dy, gate, first_row, rows, begin, end, v, turned);
}
void ck_winograd_sums(const ck_winograd_shape *s, const float *x, const float *dy, size_t rows, size_t number, int adds,
                      float *sums) {
  CK_CALL(winograd_sums, s, x, dy, rows, number, adds, sums);
}
void ck_winograd_weight_gradient(const ck_winograd_shape *s, const float *sums, size_t first_input, size_t input_count,
                                 float *dw) {
  CK_CALL(winograd_weight_gradient, s, sums, first_input, input_count, dw);
}
#else
#include "vectors.h"

#include "gemm_block.h"
#include "transpose.h"

// ---- one-dimensional transforms, the arrays `step` vectors apart

static inline __attribute__((always_inline)) void CK(input_line)(const CK(vf) *d, int step, CK(vf) *t, int t_step) {
  CK(vf) four = CK(splat)(4), five = CK(splat)(-5), two = CK(splat)(2);
  CK(vf) d0 = d[0], d1 = d[step], d2 = d[2 * step], d3 = d[3 * step], d4 = d[4 * step], d5 = d[5 * step];
  CK(vf) even = CK(fma)(-four, d2, d4), odd = CK(fma)(-four, d1, d3);
  CK(vf) near = d4 - d2, far = d3 - d1;
  t[0] = CK(fma)(four, d0, CK(fma)(five, d2, d4));
  t[t_step] = even + odd;
  t[2 * t_step] = even - odd;
  t[3 * t_step] = CK(fma)(two, far, near);
  t[4 * t_step] = CK(fma)(-two, far, near);
  t[5 * t_step] = CK(fma)(four, d1, CK(fma)(five, d3, d5));
}

static inline __attribute__((always_inline)) void CK(output_line)(const CK(vf) *m, int step, CK(vf) *y, int y_step) {
  CK(vf) s = m[step] + m[2 * step], d = m[step] - m[2 * step];
  CK(vf) u = m[3 * step] + m[4 * step], v = m[3 * step] - m[4 * step];
  y[0] = m[0] + s + u;
  y[y_step] = CK(fma)(CK(splat)(2), v, d);
  y[2 * y_step] = CK(fma)(CK(splat)(4), u, s);
  y[3 * y_step] = CK(fma)(CK(splat)(8), v, d) + m[5 * step];
}

// The transpose of output_line.
static inline __attribute__((always_inline)) void CK(upstream_line)(const CK(vf) *y, int step, CK(vf) *r, int r_step) {
  CK(vf) y0 = y[0], y1 = y[step], y2 = y[2 * step], y3 = y[3 * step];
  CK(vf) even = y0 + y2, odd = y1 + y3;
  CK(vf) even4 = CK(fma)(CK(splat)(4), y2, y0), odd8 = CK(splat)(2) * CK(fma)(CK(splat)(4), y3, y1);
  r[0] = y0;
  r[r_step] = even + odd;
  r[2 * r_step] = even - odd;
  r[3 * r_step] = even4 + odd8;
  r[4 * r_step] = even4 - odd8;
  r[5 * r_step] = y3;
}

static inline __attribute__((always_inline)) void CK(weight_line)(const CK(vf) *g, int step, CK(vf) *t, int t_step) {
  CK(vf) outer = g[0] + g[2 * step];
  CK(vf) wide = CK(fma)(CK(splat)(4), g[2 * step], g[0]);
  t[0] = CK(splat)(1.0f / 4) * g[0];
  t[t_step] = CK(splat)(-1.0f / 6) * (outer + g[step]);
  t[2 * t_step] = CK(splat)(-1.0f / 6) * (outer - g[step]);
  t[3 * t_step] = CK(splat)(1.0f / 24) * CK(fma)(CK(splat)(2), g[step], wide);
  t[4 * t_step] = CK(splat)(1.0f / 24) * CK(fma)(CK(splat)(-2), g[step], wide);
  t[5 * t_step] = g[2 * step];
}

// The transpose of weight_line.
static inline __attribute__((always_inline)) void CK(slope_line)(const CK(vf) *p, int step, CK(vf) *g, int g_step) {
  CK(vf) sixth = CK(splat)(1.0f / 6) * (p[step] + p[2 * step]), tilt = p[2 * step] - p[step];
  CK(vf) wide = p[3 * step] + p[4 * step], lean = p[3 * step] - p[4 * step];
  g[0] = CK(fma)(CK(splat)(1.0f / 4), p[0], CK(fma)(CK(splat)(1.0f / 24), wide, -sixth));
  g[g_step] = CK(fma)(CK(splat)(1.0f / 6), tilt, CK(splat)(1.0f / 12) * lean);
  g[2 * g_step] = CK(fma)(CK(splat)(1.0f / 6), wide, p[5 * step] - sixth);
}

// ---- planes to [row][column][channel] and back

// Pixels `from` to `end` of up to CK_LANES planes, counted along the rows, into turned[row - first][column][channel];
// a row of `turned` has `columns` places and the image begins in its column `left`.
static void CK(turn_in)(const float *x, const float *gate, size_t plane, size_t channels, size_t width, size_t from,
                        size_t end, ptrdiff_t first, ptrdiff_t left, size_t columns, float *turned) {
  for (size_t at = from; at < end;) {
    size_t count = CK_MINIMUM(end - at, (size_t)CK_LANES);
    CK(vf) square[CK_LANES];
    // the last square moves back to be whole: pixels written twice are the same
    if (count < CK_LANES && end - from >= CK_LANES) {
      at = end - CK_LANES;
      count = CK_LANES;
    }
    for (size_t c = 0; c < CK_LANES; c++) {
      CK(vf) v = CK(splat)(0);
      if (c < channels) {
        const float *p = x + c * plane + at;
        v = count == CK_LANES ? CK(load)(p) : CK(load_part)(p, count, 0);
        if (gate != NULL) {
          const float *g = gate + c * plane + at;
          CK(vf) open = count == CK_LANES ? CK(load)(g) : CK(load_part)(g, count, 0);
          v = CK(choose)(open > CK(splat)(0), v, CK(splat)(0));
        }
      }
      square[c] = v;
    }
    CK(turn_square)(square);
    size_t row = at / width, column = at % width;
    float *place = turned + ((size_t)((ptrdiff_t)row - first) * columns + (size_t)((ptrdiff_t)column + left)) * CK_LANES;
    for (size_t i = 0; i < count; i++) {
      CK(store)(place, square[i]);
      place += CK_LANES;
      if (++column == width) {
        column = 0;
        place += (columns - width) * CK_LANES;
      }
    }
    at += count;
  }
}

static inline CK(vf) CK(read_some)(const float *p, size_t count) {
  return count == CK_LANES ? CK(load)(p) : CK(load_part)(p, count, 0);
}

// `count` pixels side by side of up to CK_LANES channels, with the ending, from [pixel][channel] to planes. `channel` is
// the first channel, `place` the first pixel's place in y.
static inline void CK(turn_out)(const float *turned, size_t count, size_t channels, size_t plane,
                                const ck_direct_ending *e, size_t channel, size_t place, float *y) {
  CK(vf) square[CK_LANES];
  for (size_t i = 0; i < CK_LANES; i++) square[i] = i < count ? CK(load)(turned + i * CK_LANES) : CK(splat)(0);
  CK(turn_square)(square);
  CK(vf) zero = CK(splat)(0);
  for (size_t c = 0; c < channels; c++, place += plane) {
    CK(vf) v = square[c];
    if (e->bias != NULL) v += CK(splat)(e->bias[channel + c]);
    if (e->addend != NULL) v += CK(read_some)(e->addend + place, count);
    if (e->relu) v = CK(choose)(v < zero, zero, v);
    if (e->scale != NULL) v = CK(fma)(CK(splat)(e->scale[channel + c]), v, CK(splat)(e->shift[channel + c]));
    if (count == CK_LANES) CK(store)(y + place, v);
    else CK(store_part)(y + place, v, count);
  }
}

static inline size_t CK(whole_channels)(size_t channels) { return (channels + CK_LANES - 1) / CK_LANES * CK_LANES; }
static inline size_t CK(panels)(size_t channels) { return (channels + CK_PANEL - 1) / CK_PANEL; }

// ---- tiles in

// The rows of tiles `begin` to `end` of one image into the 36 matrices: v[number][tile][channel], the first of these
// tiles at `tile`.
static void CK(image_input)(const ck_winograd_shape *s, const float *x, const float *gate, size_t begin, size_t end,
                            size_t tile, size_t tiles, float *v, float *turned) {
  size_t stride = tiles * CK(whole_channels)(s->inputs) + 16, columns = 4 * s->tile_columns + 2;
  ptrdiff_t first = 4 * (ptrdiff_t)begin - s->top;
  ptrdiff_t from = first < 0 ? 0 : first, to = 4 * (ptrdiff_t)end + 2 - s->top;
  if (to > (ptrdiff_t)s->height) to = (ptrdiff_t)s->height;
  size_t plane = s->height * s->width;
  memset(turned, 0, (4 * (end - begin) + 2) * columns * CK_LANES * sizeof(float));
  for (size_t channel = 0; channel < s->inputs; channel += CK_LANES) {
    size_t channels = CK_MINIMUM(s->inputs - channel, (size_t)CK_LANES);
    if (to > from)
      CK(turn_in)(x + channel * plane, gate == NULL ? NULL : gate + channel * plane, plane, channels, s->width,
                  (size_t)from * s->width, (size_t)to * s->width, first, s->left, columns, turned);
    for (size_t row = begin; row < end; row++)
      for (size_t column = 0; column < s->tile_columns; column++) {
        const float *corner = turned + (4 * (row - begin) * columns + 4 * column) * CK_LANES;
        CK(vf) d[36], t[36], r[36];
        for (int i = 0; i < 6; i++)
          for (int j = 0; j < 6; j++)
            d[6 * i + j] = CK(load)(corner + ((size_t)i * columns + (size_t)j) * CK_LANES);
        for (int j = 0; j < 6; j++) CK(input_line)(d + j, 6, t + j, 6);
        for (int i = 0; i < 6; i++) CK(input_line)(t + 6 * i, 1, r + 6 * i, 1);
        float *place = v + (tile + (row - begin) * s->tile_columns + column) * CK(whole_channels)(s->inputs) + channel;
        for (int i = 0; i < 36; i++) CK(store)(place + (size_t)i * stride, r[i]);
      }
  }
}

// Calls `body(image, begin, end, tile)` for the pieces of images that rows first .. first + rows of all tiles make up.
#define CK_FOR_PIECES(body)                                                                \
  for (size_t row = first_row; row < first_row + rows;) {                                  \
    size_t image = row / s->tile_rows, begin = row % s->tile_rows;                         \
    size_t end = CK_MINIMUM(s->tile_rows, begin + (first_row + rows - row));               \
    size_t tile = (row - first_row) * s->tile_columns;                                     \
    body;                                                                                  \
    row += end - begin;                                                                    \
  }

// ---- tiles out

static void CK(image_output)(const ck_winograd_shape *s, const float *m, size_t stride, size_t width, size_t first_channel,
                             size_t channel_count, const ck_direct_ending *e, size_t begin, size_t end, size_t tile,
                             size_t place, float *y, float *turned) {
  size_t columns = 4 * s->tile_columns, plane = s->output_height * s->output_width;
  for (size_t channel = 0; channel < channel_count; channel += CK_LANES) {
    size_t channels = CK_MINIMUM(channel_count - channel, (size_t)CK_LANES);
    for (size_t row = begin; row < end; row++)
      for (size_t column = 0; column < s->tile_columns; column++) {
        const float *from = m + (tile + (row - begin) * s->tile_columns + column) * width + channel;
        CK(vf) d[36], t[24], r[16];
        for (int i = 0; i < 36; i++) d[i] = CK(load)(from + (size_t)i * stride);
        for (int j = 0; j < 6; j++) CK(output_line)(d + j, 6, t + j, 6);
        for (int i = 0; i < 4; i++) CK(output_line)(t + 6 * i, 1, r + 4 * i, 1);
        float *corner = turned + (4 * (row - begin) * columns + 4 * column) * CK_LANES;
        for (int i = 0; i < 4; i++)
          for (int j = 0; j < 4; j++)
            CK(store)(corner + ((size_t)i * columns + (size_t)j) * CK_LANES, r[4 * i + j]);
      }
    size_t first = 4 * begin, last = CK_MINIMUM(4 * end, s->output_height);
    size_t length = s->output_width, lines = last - first;
    if (columns == s->output_width) {  // the rows follow each other without a gap: one long line
      length *= lines;
      lines = 1;
    }
    size_t base = place + (first_channel + channel) * plane + first * s->output_width;
    for (size_t line = 0; line < lines; line++)
      for (size_t at = 0; at < length; at += CK_LANES) {
        size_t count = CK_MINIMUM(length - at, (size_t)CK_LANES);
        CK(turn_out)(turned + (line * columns + at) * CK_LANES, count, channels, plane, e, first_channel + channel,
                     base + line * s->output_width + at, y);
      }
  }
}

// One product of tiles and weights, rows of `a` times one panel.
static inline __attribute__((always_inline)) void CK(winograd_rows)(
    const float *a, size_t row_stride, size_t column_stride, size_t rows, size_t depth, const float *panel, float *c,
    size_t c_stride, int adds, int vectors) {
  size_t row = 0;
  for (; row + CK(panel_rows) <= rows; row += CK(panel_rows))
    CK(gemm_block)(a + row * row_stride, row_stride, column_stride, panel, depth, NULL, c + row * c_stride, c_stride,
                   adds, CK_PANEL, CK(panel_rows), vectors);
#define CK_LAST(count)                                                                                             \
  case count:                                                                                                      \
    CK(gemm_block)(a + row * row_stride, row_stride, column_stride, panel, depth, NULL, c + row * c_stride, c_stride, \
                   adds, CK_PANEL, count, vectors);                                                                \
    break
  switch (rows - row) {
    CK_LAST(1);
    CK_LAST(2);
    CK_LAST(3);
    CK_LAST(4);
    CK_LAST(5);
  }
#undef CK_LAST
}

static void CK(winograd_product)(const float *a, size_t row_stride, size_t column_stride, size_t rows, size_t depth,
                                 const float *panel, size_t channels, float *c, size_t c_stride, int adds) {
  switch ((CK_MINIMUM(channels, (size_t)CK_PANEL) + CK_LANES - 1) / CK_LANES) {
  case 1: CK(winograd_rows)(a, row_stride, column_stride, rows, depth, panel, c, c_stride, adds, 1); break;
  case 2: CK(winograd_rows)(a, row_stride, column_stride, rows, depth, panel, c, c_stride, adds, 2); break;
#if CK_LANES == 16
  case 3: CK(winograd_rows)(a, row_stride, column_stride, rows, depth, panel, c, c_stride, adds, 3); break;
  case 4: CK(winograd_rows)(a, row_stride, column_stride, rows, depth, panel, c, c_stride, adds, 4); break;
#endif
  }
}

static void CK(winograd)(const ck_winograd_shape *s, const float *x, const float *gate, const float *u,
                         const ck_direct_ending *e, size_t first_row, size_t rows, size_t first_panel, size_t panels,
                         float *y, float *scratch) {
  size_t tiles = rows * s->tile_columns, inputs = CK(whole_channels)(s->inputs);
  size_t v_stride = tiles * inputs + 16, m_stride = tiles * panels * CK_PANEL + 16;
  float *v = scratch, *m = v + 36 * v_stride, *turned = m + 36 * m_stride;
  size_t in_plane = s->inputs * s->height * s->width, out_plane = s->outputs * s->output_height * s->output_width;
  CK_FOR_PIECES(CK(image_input)(s, x + image * in_plane, gate == NULL ? NULL : gate + image * in_plane, begin, end, tile,
                                tiles, v, turned))
  size_t all_panels = CK(panels)(s->outputs);
  for (size_t number = 0; number < 36; number++)
    for (size_t panel = 0; panel < panels; panel++)
      CK(winograd_product)(v + number * v_stride, inputs, 1, tiles, s->inputs,
                           u + (number * all_panels + first_panel + panel) * s->inputs * CK_PANEL,
                           s->outputs - (first_panel + panel) * CK_PANEL, m + number * m_stride + panel * CK_PANEL,
                           panels * CK_PANEL, 0);
  size_t channel = first_panel * CK_PANEL;
  size_t channels = CK_MINIMUM(s->outputs - channel, panels * CK_PANEL);
  CK_FOR_PIECES(CK(image_output)(s, m, m_stride, panels * CK_PANEL, channel, channels, e, begin, end, tile,
                                 image * out_plane, y, turned))
}

// u[number][panel][input][output of the panel]
static void CK(winograd_weights)(const float *w, size_t inputs, size_t outputs, size_t input_stride,
                                 size_t output_stride, int turned, size_t first_input, size_t input_count, float *u) {
  size_t panels = CK(panels)(outputs);
  for (size_t input = first_input; input < first_input + input_count; input++)
    for (size_t output = 0; output < panels * CK_PANEL; output += CK_LANES) {
      float lanes[9][CK_LANES];
      for (size_t i = 0; i < CK_LANES; i++) {
        const float *from = w + input * input_stride + (output + i) * output_stride;
        for (size_t k = 0; k < 9; k++)
          lanes[turned ? 8 - k : k][i] = output + i < outputs ? from[k] : 0;
      }
      CK(vf) g[9], t[18], r[36];
      for (int k = 0; k < 9; k++) g[k] = CK(load)(lanes[k]);
      for (int j = 0; j < 3; j++) CK(weight_line)(g + j, 3, t + j, 3);
      for (int i = 0; i < 6; i++) CK(weight_line)(t + 3 * i, 1, r + 6 * i, 1);
      float *place = u + (output / CK_PANEL * inputs + input) * CK_PANEL + output % CK_PANEL;
      for (size_t i = 0; i < 36; i++) CK(store)(place + i * panels * inputs * CK_PANEL, r[i]);
    }
}

// ---- weight gradient

// `rows` is the size of v's matrices, and rows begin .. end of them are written.
static void CK(winograd_input)(const ck_winograd_shape *s, const float *x, size_t first_row, size_t all_rows,
                               size_t begin_row, size_t end_row, float *v, float *turned) {
  size_t tiles = all_rows * s->tile_columns, in_plane = s->inputs * s->height * s->width;
  size_t before = begin_row * s->tile_columns, rows = end_row - begin_row;
  first_row += begin_row;
  CK_FOR_PIECES(CK(image_input)(s, x + image * in_plane, NULL, begin, end, before + tile, tiles, v, turned))
}

// dy's tiles of 4x4 pixels as 36 numbers: v[number][panel][tile][channel of the panel]
static void CK(image_upstream)(const ck_winograd_shape *s, const float *dy, const float *gate, size_t begin, size_t end,
                               size_t tile, size_t tiles, float *v, float *turned) {
  size_t columns = 4 * s->tile_columns, plane = s->output_height * s->output_width, panels = CK(panels)(s->outputs);
  size_t stride = tiles * panels * CK_PANEL + 16;
  size_t last = CK_MINIMUM(4 * end, s->output_height);
  memset(turned, 0, 4 * (end - begin) * columns * CK_LANES * sizeof(float));
  for (size_t channel = 0; channel < s->outputs; channel += CK_LANES) {
    size_t channels = CK_MINIMUM(s->outputs - channel, (size_t)CK_LANES);
    CK(turn_in)(dy + channel * plane, gate == NULL ? NULL : gate + channel * plane, plane, channels, s->output_width,
                4 * begin * s->output_width, last * s->output_width, 4 * (ptrdiff_t)begin, 0, columns, turned);
    for (size_t row = begin; row < end; row++)
      for (size_t column = 0; column < s->tile_columns; column++) {
        const float *corner = turned + (4 * (row - begin) * columns + 4 * column) * CK_LANES;
        CK(vf) d[16], t[24], r[36];
        for (int i = 0; i < 4; i++)
          for (int j = 0; j < 4; j++)
            d[4 * i + j] = CK(load)(corner + ((size_t)i * columns + (size_t)j) * CK_LANES);
        for (int j = 0; j < 4; j++) CK(upstream_line)(d + j, 4, t + j, 4);
        for (int i = 0; i < 6; i++) CK(upstream_line)(t + 4 * i, 1, r + 6 * i, 1);
        size_t at = tile + (row - begin) * s->tile_columns + column;
        float *place = v + (channel / CK_PANEL * tiles + at) * CK_PANEL + channel % CK_PANEL;
        for (int i = 0; i < 36; i++) CK(store)(place + (size_t)i * stride, r[i]);
      }
  }
}

static void CK(winograd_upstream)(const ck_winograd_shape *s, const float *dy, const float *gate, size_t first_row,
                                  size_t all_rows, size_t begin_row, size_t end_row, float *v, float *turned) {
  size_t tiles = all_rows * s->tile_columns, out_plane = s->outputs * s->output_height * s->output_width;
  size_t before = begin_row * s->tile_columns, rows = end_row - begin_row;
  first_row += begin_row;
  CK_FOR_PIECES(CK(image_upstream)(s, dy + image * out_plane, gate == NULL ? NULL : gate + image * out_plane, begin, end,
                                   before + tile, tiles, v, turned))
}

// sums[number][panel][input][output of the panel] (+)= the products over tiles, for one number
static void CK(winograd_sums)(const ck_winograd_shape *s, const float *x, const float *dy, size_t rows, size_t number,
                              int adds, float *sums) {
  size_t tiles = rows * s->tile_columns, inputs = CK(whole_channels)(s->inputs), panels = CK(panels)(s->outputs);
  const float *a = x + number * (tiles * inputs + 16);
  const float *b = dy + number * (tiles * panels * CK_PANEL + 16);
  float *c = sums + number * (s->inputs * panels * CK_PANEL + 16);
  // Long sums lose digits: they are cut into parts that are added up in memory.
  for (size_t first = 0; first < tiles; first += 64) {
    size_t depth = CK_MINIMUM(tiles - first, (size_t)64);
    for (size_t panel = 0; panel < panels; panel++)
      CK(winograd_product)(a + first * inputs, 1, inputs, s->inputs, depth, b + (panel * tiles + first) * CK_PANEL,
                           s->outputs - panel * CK_PANEL, c + panel * s->inputs * CK_PANEL, CK_PANEL,
                           adds || first > 0);
  }
}

static void CK(winograd_weight_gradient)(const ck_winograd_shape *s, const float *sums, size_t first_input,
                                         size_t input_count, float *dw) {
  size_t panels = CK(panels)(s->outputs), stride = s->inputs * panels * CK_PANEL + 16;
  for (size_t input = first_input; input < first_input + input_count; input++)
    for (size_t output = 0; output < s->outputs; output += CK_LANES) {
      const float *from = sums + (output / CK_PANEL * s->inputs + input) * CK_PANEL + output % CK_PANEL;
      CK(vf) p[36], t[18], g[9];
      for (int i = 0; i < 36; i++) p[i] = CK(load)(from + (size_t)i * stride);
      for (int j = 0; j < 6; j++) CK(slope_line)(p + j, 6, t + j, 6);
      for (int i = 0; i < 3; i++) CK(slope_line)(t + 6 * i, 1, g + 3 * i, 1);
      float lanes[9][CK_LANES];
      for (int k = 0; k < 9; k++) CK(store)(lanes[k], g[k]);
      size_t count = CK_MINIMUM(s->outputs - output, (size_t)CK_LANES);
      for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < 9; k++) dw[((output + i) * s->inputs + input) * 9 + k] = lanes[k][i];
    }
}
#undef CK_FOR_PIECES
#undef CK_PANEL
#endif
