// Convolution with a weight of which most elements are zero: each output channel is a list of its non-zero taps.
//
// The lanes of a vector are strips: rectangles of one image's output, two vectors' worth of neighbouring pixels of which
// lane l holds 2l and 2l + 1, of one strip or, where rows are short, of several. The input of a block of strips is laid
// out so that every tap reads whole, aligned vectors, all rows of a column one after the other, whatever its place in
// the kernel: a few channels at a time, which stay in the first-level cache while all output channels take their taps
// from them. A sum's order is that of the taps in the dense weight, in every strip and block.
#ifndef CK_LANES
#include "CKernels.h"
#define CK_FILE "sparse.c"
#include "sparse.h"
#include "versions.h"

size_t ck_sparse_group_channels(const ck_sparse_shape *s) { return CK_CALL(sparse_group_channels, s); }
void ck_sparse_pack(const ck_sparse_shape *s, const float *w, uint32_t *starts, ck_sparse_tap *taps) {
  CK_CALL(sparse_pack, s, w, starts, taps);
}
size_t ck_sparse_blocks(const ck_sparse_shape *s, size_t images) { return CK_CALL(sparse_blocks, s, images); }
size_t ck_sparse_scratch(const ck_sparse_shape *s, size_t outputs) { return CK_CALL(sparse_scratch, s, outputs); }
void ck_sparse(const ck_sparse_shape *s, const float *x, size_t images, const uint32_t *starts, const ck_sparse_tap *taps,
               const ck_direct_ending *e, size_t block, size_t first_output, size_t outputs, float *y, float *scratch) {
  CK_CALL(sparse, s, x, images, starts, taps, e, block, first_output, outputs, y, scratch);
}
#else
#include "vectors.h"

#include "transpose.h"

enum { CK(most_rows) = CK_LANES == 16 ? 8 : 4 };  // of a strip: accumulators are two vectors a row

// ---- weights

static size_t CK(sparse_group_channels)(const ck_sparse_shape *s) {
  ck_sparse_layout g = ck_sparse_layout_of(s, CK(most_rows));
  // as many as stay in the first-level cache beside an output's sums
  size_t channels = (24 << 10) / (g.channel_columns * g.rows * CK_LANES * sizeof(float));
  return channels < 1 ? 1 : CK_MINIMUM(channels, s->inputs);
}

static void CK(sparse_pack)(const ck_sparse_shape *s, const float *w, uint32_t *starts, ck_sparse_tap *taps) {
  ck_sparse_layout g = ck_sparse_layout_of(s, CK(most_rows));
  uint32_t count = 0;
  for (size_t first = 0; first < s->inputs; first += s->group_channels) {
    size_t end = CK_MINIMUM(s->inputs, first + s->group_channels);
    for (size_t o = 0; o < s->outputs; o++) {
      *starts++ = count;
      for (size_t c = first; c < end; c++)
        for (size_t k = 0; k < s->kernel_height; k++)
          for (size_t l = 0; l < s->kernel_width; l++) {
            float value = w[((o * s->inputs + c) * s->kernel_height + k) * s->kernel_width + l];
            if (value == 0) continue;
            size_t column = (k % g.row_phases * g.column_phases + l % g.column_phases) * g.columns +
                            l * s->dilation_width / s->stride_width;
            size_t row = k * s->dilation_height / s->stride_height;
            taps[count].place = (uint32_t)((((c - first) * g.channel_columns + column) * g.rows + row) * CK_LANES);
            taps[count++].weight = value;
          }
    }
  }
  *starts = count;
}

// ---- strips

// How the output is cut: lanes of one strip in a vector, strips in a vector, rows of a strip, strips of an image.
typedef struct {
  size_t lanes, strips, rows, across, down, total;
} CK(strip_plan);

static CK(strip_plan) CK(plan_strips)(const ck_sparse_shape *s, size_t images) {
  CK(strip_plan) p;
  p.lanes = CK_LANES;
  // as wide as leaves few lanes without a pixel
  while (p.lanes > 1 && (s->output_width + 2 * p.lanes - 1) / (2 * p.lanes) * 2 * p.lanes * 7 > s->output_width * 8)
    p.lanes /= 2;
  p.strips = CK_LANES / p.lanes;
  p.across = (s->output_width + 2 * p.lanes - 1) / (2 * p.lanes);
  p.rows = CK(most_rows);
  while (p.rows > 1 && p.rows / 2 >= s->output_height) p.rows /= 2;
  for (;; p.rows /= 2) {
    p.down = (s->output_height + p.rows - 1) / p.rows;
    p.total = images * p.down * p.across;
    // Few strips: lower ones, so that all lanes have work.
    if (p.total >= p.strips || p.rows == 1) break;
  }
  return p;
}

static size_t CK(sparse_blocks)(const ck_sparse_shape *s, size_t images) {
  CK(strip_plan) p = CK(plan_strips)(s, images);
  return (p.total + p.strips - 1) / p.strips;
}

static size_t CK(sparse_scratch)(const ck_sparse_shape *s, size_t outputs) {
  ck_sparse_layout g = ck_sparse_layout_of(s, CK(most_rows));
  size_t masks = g.column_phases * ((g.columns + 1) / 2 * 2);
  return (s->group_channels * g.channel_columns * g.rows + outputs * 2 * CK(most_rows) + masks) * CK_LANES;
}

typedef struct {
  size_t image, row, column;  // of the first output pixel
} CK(strip_place);

static inline CK(strip_place) CK(place_strip)(const CK(strip_plan) *p, size_t strip) {
  size_t part = strip % (p->down * p->across);
  return (CK(strip_place)){strip / (p->down * p->across), part / p->across * p->rows, part % p->across * 2 * p->lanes};
}

// ---- input


// Pixels, `stride` apart.
static inline CK(vf) CK(load_apart)(const float *x, size_t stride) {
  if (stride == 1) return CK(load)(x);
  if (stride == 2) return CK(load_even)(x);
  float lanes[CK_LANES];
  for (size_t i = 0; i < CK_LANES; i++) lanes[i] = x[i * stride];
  return CK(load)(lanes);
}

// Two vectors from as many pixels of each strip's row, strip after strip.
static inline void CK(join_strips)(const float *const *rows, size_t strips, ptrdiff_t offset, size_t stride, CK(vf) *a,
                                   CK(vf) *b) {
  if (strips == 1) {
    *a = CK(load_apart)(rows[0] + offset, stride);
    *b = CK(load_apart)(rows[0] + offset + CK_LANES * stride, stride);
  } else if (strips == 2) {
    *a = CK(load_apart)(rows[0] + offset, stride);
    *b = CK(load_apart)(rows[1] + offset, stride);
  } else if (strips == 4) {
    a->lo = CK(load_apart)(rows[0] + offset, stride).lo;
    a->hi = CK(load_apart)(rows[1] + offset, stride).lo;
    b->lo = CK(load_apart)(rows[2] + offset, stride).lo;
    b->hi = CK(load_apart)(rows[3] + offset, stride).lo;
  } else {
    float both[2 * CK_LANES];
    size_t width = 2 * CK_LANES / strips;
    for (size_t i = 0; i < 2 * CK_LANES; i++) both[i] = rows[i / width][offset + (ptrdiff_t)(i % width * stride)];
    *a = CK(load)(both);
    *b = CK(load)(both + CK_LANES);
  }
}

// What a block reads: its strips, and for each pair of columns which lanes lie inside the image.
typedef struct {
  CK(strip_plan) p;
  CK(strip_place) strips[CK_LANES];
  size_t strip_count;
  const float *x, *end;  // the memory that may be read
  CK(vi) *masks;
} CK(sparse_block);

static inline ptrdiff_t CK(first_column)(const ck_sparse_shape *s, const CK(strip_place) *strip, size_t phase) {
  return (ptrdiff_t)(strip->column * s->stride_width + phase * s->dilation_width % s->stride_width) -
         (ptrdiff_t)s->padding_width;
}

static void CK(mask_columns)(const ck_sparse_shape *s, const ck_sparse_layout *g, size_t phase, size_t column,
                             const CK(sparse_block) *b, CK(vi) *masks) {
  int32_t lanes[2 * CK_LANES];
  size_t width = 2 * b->p.lanes;
  for (size_t i = 0; i < 2 * CK_LANES; i++) {
    size_t strip = CK_MINIMUM(i / width, b->strip_count - 1);
    ptrdiff_t at = CK(first_column)(s, &b->strips[strip], phase) + (ptrdiff_t)((column + i % width) * s->stride_width);
    lanes[i] = at >= 0 && at < (ptrdiff_t)s->width ? -1 : 0;
  }
  memcpy(masks, lanes, sizeof lanes);
}

// One channel of a block, x its first image's plane: [phase][column][row] vectors, zeros outside the image.
static inline __attribute__((always_inline)) void CK(sparse_columns)(
    const ck_sparse_shape *s, const ck_sparse_layout *g, const CK(sparse_block) *b, const float *x, float *columns,
    size_t strips, size_t stride) {
  const size_t rows = b->p.rows + g->rows - CK(most_rows), pitch = g->rows * CK_LANES, pairs = (g->columns + 1) / 2;
  const ptrdiff_t height = (ptrdiff_t)s->height, width = (ptrdiff_t)s->width, row_stride = (ptrdiff_t)s->stride_height;
  const int has_last = g->columns % 2 == 0;
  // floats from a row's first to beyond the last that whole vectors read
  const ptrdiff_t span = (ptrdiff_t)((2 * pairs + 2 * CK_LANES) * stride + CK_LANES);
  const ptrdiff_t lowest = b->x - x, highest = b->end - x - span;
  float zeros[span], edges[strips][span];
  memset(zeros, 0, sizeof zeros);
  for (size_t k = 0; k < g->row_phases; k++)
    for (size_t l = 0; l < g->column_phases; l++, columns += g->columns * pitch) {
      const CK(vi) *masks = b->masks + l * pairs * 2;
      ptrdiff_t tops[CK_LANES], places[CK_LANES];
      for (size_t i = 0; i < strips; i++) {
        const CK(strip_place) *strip = &b->strips[CK_MINIMUM(i, b->strip_count - 1)];
        tops[i] = (ptrdiff_t)(strip->row * s->stride_height + k * s->dilation_height % s->stride_height) -
                  (ptrdiff_t)s->padding_height;
        places[i] = (ptrdiff_t)strip->image * (ptrdiff_t)s->unit_inputs * height * width + CK(first_column)(s, strip, l);
      }
      for (size_t r = 0; r < rows; r++) {
        const float *sources[CK_LANES];
        for (size_t i = 0; i < strips; i++) {
          ptrdiff_t row = tops[i] + (ptrdiff_t)r * row_stride, place = places[i] + row * width;
          if (row < 0 || row >= height) {
            sources[i] = zeros;
          } else if (place >= lowest && place <= highest) {
            sources[i] = x + place;
          } else {
            // at the edge of the memory
            ptrdiff_t from = place < lowest ? lowest : place, to = CK_MINIMUM(place, highest) + span;
            memset(edges[i], 0, sizeof edges[i]);
            if (from < to) memcpy(edges[i] + (from - place), x + from, (size_t)(to - from) * sizeof(float));
            sources[i] = edges[i];
          }
        }
        float *to = columns + r * CK_LANES;
        for (size_t pair = 0; pair < pairs; pair++, to += 2 * pitch) {
          CK(vf) first, second, zero = CK(splat)(0);
          CK(join_strips)(sources, strips, (ptrdiff_t)(2 * pair * stride), stride, &first, &second);
          first = CK(choose)(masks[2 * pair], first, zero);
          second = CK(choose)(masks[2 * pair + 1], second, zero);
          CK(store)(to, CK(even)(first, second));
          if (has_last || pair + 1 < pairs) CK(store)(to + pitch, CK(odd)(first, second));
        }
      }
    }
}

static void CK(sparse_input)(const ck_sparse_shape *s, const ck_sparse_layout *g, const CK(sparse_block) *b,
                             const float *x, float *columns) {
  if (s->stride_width == 1 && b->p.strips == 1) CK(sparse_columns)(s, g, b, x, columns, 1, 1);
  else if (s->stride_width == 1 && b->p.strips == 2) CK(sparse_columns)(s, g, b, x, columns, 2, 1);
  else if (s->stride_width == 1 && b->p.strips == 4) CK(sparse_columns)(s, g, b, x, columns, 4, 1);
  else if (s->stride_width == 2 && b->p.strips == 2) CK(sparse_columns)(s, g, b, x, columns, 2, 2);
  else if (s->stride_width == 2 && b->p.strips == 4) CK(sparse_columns)(s, g, b, x, columns, 4, 2);
  else CK(sparse_columns)(s, g, b, x, columns, b->p.strips, s->stride_width);
}

// ---- sums

// sums[2][rows] of one output channel: from 0, or onto what is there, the taps' vectors times their weights.
static inline __attribute__((always_inline)) void CK(sparse_sums)(
    const float *columns, size_t next_column, const ck_sparse_tap *tap, const ck_sparse_tap *end, int adds, float *sums,
    int rows) {
  CK(vf) a[8], b[8];
  for (int i = 0; i < rows; i++) {
    a[i] = adds ? CK(load)(sums + i * CK_LANES) : CK(splat)(0);
    b[i] = adds ? CK(load)(sums + (rows + i) * CK_LANES) : CK(splat)(0);
  }
  for (; tap < end; tap++) {
    const float *p = columns + tap->place, *q = p + next_column;
    CK(vf) w = CK(splat)(tap->weight);
    for (int i = 0; i < rows; i++) {
      a[i] = CK(fma)(w, CK(load)(p + i * CK_LANES), a[i]);
      b[i] = CK(fma)(w, CK(load)(q + i * CK_LANES), b[i]);
    }
  }
  for (int i = 0; i < rows; i++) {
    CK(store)(sums + i * CK_LANES, a[i]);
    CK(store)(sums + (rows + i) * CK_LANES, b[i]);
  }
}

// ---- output

// The first n pixels of a vector to one row of the output.
static inline __attribute__((always_inline)) void CK(end_pixels)(
    const ck_direct_ending *e, size_t channel, size_t place, size_t n, CK(vf) v, float *y) {
  CK(vf) addend = CK(splat)(0);
  if (e->addend != NULL) memcpy(&addend, e->addend + place, n * sizeof(float));
  if (e->bias != NULL) v += CK(splat)(e->bias[channel]);
  if (e->addend != NULL) v += addend;
  if (e->relu) v = CK(choose)(v < CK(splat)(0), CK(splat)(0), v);
  if (e->scale != NULL) v = CK(fma)(CK(splat)(e->scale[channel]), v, CK(splat)(e->shift[channel]));
  memcpy(y + place, &v, n * sizeof(float));
}

// Neighbouring pixels of one strip that share a vector: where its first row goes in the output of channel 0.
typedef struct {
  size_t place, pixels, rows;
} CK(sparse_piece);

static void CK(find_pieces)(const ck_sparse_shape *s, const CK(sparse_block) *b, size_t width, CK(sparse_piece) *pieces) {
  for (size_t i = 0; i < 2 * CK_LANES / width; i++) {
    size_t strip = i * width / (2 * b->p.lanes);
    pieces[i].pixels = 0;
    if (strip >= b->strip_count) continue;
    size_t row = b->strips[strip].row, column = b->strips[strip].column + i * width % (2 * b->p.lanes);
    if (column >= s->output_width) continue;
    pieces[i].place = (b->strips[strip].image * s->unit_outputs * s->output_height + row) * s->output_width + column;
    pieces[i].pixels = CK_MINIMUM(width, s->output_width - column);
    pieces[i].rows = CK_MINIMUM(b->p.rows, s->output_height - row);
  }
}

// One output channel of a block from its sums, two vectors a row whose lanes take turns.
static void CK(sparse_output)(const ck_sparse_shape *s, size_t rows, const ck_direct_ending *ending, size_t channel,
                              const CK(sparse_piece) *pieces, size_t width, const float *sums, float *y) {
  const ck_direct_ending e = *ending;
  const size_t line = s->output_width, first = channel * s->output_height * s->output_width;
  float pixels[2 * CK(most_rows) + 1][CK_LANES];
  for (size_t r = 0; r < rows; r++) {
    CK(vf) low, high;
    CK(interleave)(CK(load)(sums + r * CK_LANES), CK(load)(sums + (rows + r) * CK_LANES), &low, &high);
    CK(store)(pixels[2 * r], low);
    CK(store)(pixels[2 * r + 1], high);
  }
  for (size_t i = 0; i < 2 * CK_LANES / width; i++) {
    size_t place = pieces[i].place + first, count = pieces[i].pixels;
    const float *from = pixels[0] + i * width;
    if (count == 0) continue;
    for (size_t r = 0; r < pieces[i].rows; r++, place += line, from += 2 * CK_LANES) {
      if (count == CK_LANES) CK(end_pixels)(&e, channel, place, CK_LANES, CK(load)(from), y);
      else if (count == CK_LANES / 2) CK(end_pixels)(&e, channel, place, CK_LANES / 2, CK(load)(from), y);
      else CK(end_pixels)(&e, channel, place, count, CK(load)(from), y);
    }
  }
}

static void CK(sparse)(const ck_sparse_shape *s, const float *x, size_t images, const uint32_t *starts,
                       const ck_sparse_tap *taps, const ck_direct_ending *e, size_t block, size_t first_output,
                       size_t outputs, float *y, float *scratch) {
  ck_sparse_layout g = ck_sparse_layout_of(s, CK(most_rows));
  size_t plane = s->height * s->width, channel_floats = g.channel_columns * g.rows * CK_LANES;
  CK(sparse_block) b;
  b.p = CK(plan_strips)(s, images);
  b.strip_count = CK_MINIMUM(b.p.strips, b.p.total - block * b.p.strips);
  for (size_t i = 0; i < b.strip_count; i++) b.strips[i] = CK(place_strip)(&b.p, block * b.p.strips + i);
  b.x = x;
  b.end = x + ((images - 1) * s->unit_inputs + s->inputs) * plane;
  size_t sum_floats = 2 * b.p.rows * CK_LANES;
  float *columns = scratch, *sums = columns + s->group_channels * channel_floats;
  b.masks = (CK(vi) *)(sums + outputs * sum_floats);
  CK(vi) *masks = b.masks;
  for (size_t l = 0; l < g.column_phases; l++)
    for (size_t column = 0; column < g.columns; column += 2, masks += 2)
      CK(mask_columns)(s, &g, l, column, &b, masks);
  for (size_t first = 0; first < s->inputs; first += s->group_channels, starts += s->outputs) {
    size_t count = CK_MINIMUM(s->group_channels, s->inputs - first);
    for (size_t c = 0; c < count; c++)
      CK(sparse_input)(s, &g, &b, x + (first + c) * plane, columns + c * channel_floats);
    for (size_t o = 0; o < outputs; o++) {
      const ck_sparse_tap *from = taps + starts[first_output + o], *to = taps + starts[first_output + o + 1];
      if (from == to && first > 0) continue;
      float *own = sums + o * sum_floats;
      switch (b.p.rows) {
#if CK_LANES == 16
      case 8: CK(sparse_sums)(columns, g.rows * CK_LANES, from, to, first > 0, own, 8); break;
#endif
      case 4: CK(sparse_sums)(columns, g.rows * CK_LANES, from, to, first > 0, own, 4); break;
      case 2: CK(sparse_sums)(columns, g.rows * CK_LANES, from, to, first > 0, own, 2); break;
      case 1: CK(sparse_sums)(columns, g.rows * CK_LANES, from, to, first > 0, own, 1); break;
      }
    }
  }
  CK(sparse_piece) pieces[2 * CK_LANES];
  size_t width = CK_MINIMUM(2 * b.p.lanes, (size_t)CK_LANES);
  CK(find_pieces)(s, &b, width, pieces);
  for (size_t o = 0; o < outputs; o++)
    CK(sparse_output)(s, b.p.rows, e, first_output + o, pieces, width, sums + o * sum_floats, y);
}
#endif
