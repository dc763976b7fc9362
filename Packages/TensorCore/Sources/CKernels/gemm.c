// Matrix products by panels: one call packs a panel of B, as wide as the registers can hold, and runs the rows of A
// over it, six at a time. A is read where it lies, and C is written once, with the bias: no pass packs the one or
// clears the other.
#ifndef CK_LANES
#include "CKernels.h"
#define CK_FILE "gemm.c"
#include "versions.h"

size_t ck_gemm_panel_columns(void) { return ck_level() == 2 ? 64 : ck_level() == 1 ? 16 : 8; }
void ck_gemm_panel(const ck_gemm_shape *s, const float *a, const float *b, const float *bias, float *c, float *panel) {
  CK_CALL(gemm_panel, s, a, b, bias, c, panel);
}
void ck_gemm_pack(const ck_gemm_shape *s, const float *b, float *packed) { CK_CALL(gemm_pack, s, b, packed); }
void ck_gemm_packed(const ck_gemm_shape *s, const float *a, const float *packed, const float *bias, float *c) {
  CK_CALL(gemm_packed, s, a, packed, bias, c);
}
#else
#include "vectors.h"

#include "gemm_block.h"

typedef float CK(v4) __attribute__((ext_vector_type(4)));

// Four columns of the panel from four contiguous columns of B, turned in blocks of 4 by 4.
static void CK(pack_four)(const float *b, size_t stride, size_t depth, float *panel) {
  size_t i = 0;
  for (; i + 4 <= depth; i += 4) {
    CK(v4) x[4];
    for (int j = 0; j < 4; j++) memcpy(&x[j], b + (size_t)j * stride + i, sizeof x[j]);
    CK(v4) low01 = __builtin_shufflevector(x[0], x[1], 0, 4, 1, 5);
    CK(v4) high01 = __builtin_shufflevector(x[0], x[1], 2, 6, 3, 7);
    CK(v4) low23 = __builtin_shufflevector(x[2], x[3], 0, 4, 1, 5);
    CK(v4) high23 = __builtin_shufflevector(x[2], x[3], 2, 6, 3, 7);
    CK(v4) y[4] = {
        __builtin_shufflevector(low01, low23, 0, 1, 4, 5), __builtin_shufflevector(low01, low23, 2, 3, 6, 7),
        __builtin_shufflevector(high01, high23, 0, 1, 4, 5), __builtin_shufflevector(high01, high23, 2, 3, 6, 7)};
    for (int r = 0; r < 4; r++) memcpy(panel + (i + (size_t)r) * CK_PANEL, &y[r], sizeof y[r]);
  }
  for (; i < depth; i++)
    for (size_t j = 0; j < 4; j++) panel[i * CK_PANEL + j] = b[j * stride + i];
}

// panel[i][j] = B[i][j] for `depth` rows from `first` on, zero beyond the last column
static void CK(pack_panel)(const ck_gemm_shape *s, const float *b, size_t first, size_t depth, float *panel) {
  if (s->b_column_stride == 1) {
    for (size_t i = 0; i < depth; i++) {
      const float *row = b + (first + i) * s->b_row_stride;
      // the rows lie far apart, so no hardware asks for the next ones early
      const float *later = row + 8 * s->b_row_stride;
      if (i + 8 < depth)
        for (size_t j = 0; j < s->columns; j += 16) __builtin_prefetch(later + j);
      for (size_t j = 0; j < CK_PANEL; j += CK_LANES) {
        CK(vf) v = CK(splat)(0);
        if (j + CK_LANES <= s->columns) v = CK(load)(row + j);
        else if (j < s->columns) v = CK(load_part)(row + j, s->columns - j, 0);
        CK(store)(panel + i * CK_PANEL + j, v);
      }
    }
    return;
  }
  const float *column = b + first * s->b_row_stride;
  size_t j = 0;
  if (s->b_row_stride == 1) {
    for (; j + 4 <= s->columns; j += 4, column += 4 * s->b_column_stride)
      CK(pack_four)(column, s->b_column_stride, depth, panel + j);
  }
  for (; j < s->columns; j++, column += s->b_column_stride)
    for (size_t i = 0; i < depth; i++) panel[i * CK_PANEL + j] = column[i * s->b_row_stride];
  for (; j < CK_PANEL; j++)
    for (size_t i = 0; i < depth; i++) panel[i * CK_PANEL + j] = 0;
}

static inline __attribute__((always_inline)) void CK(gemm_rows)(
    const ck_gemm_shape *s, const float *a, const float *panel, size_t depth, const float *start, float *c, int adds,
    int vectors) {
  size_t row = 0;
  for (; row + CK(panel_rows) <= s->rows; row += CK(panel_rows))
    CK(gemm_block)(a + row * s->a_row_stride, s->a_row_stride, s->a_column_stride, panel, depth, start,
                   c + row * s->c_stride, s->c_stride, adds, s->columns, CK(panel_rows), vectors);
#define CK_LAST(count)                                                                              \
  case count:                                                                                       \
    CK(gemm_block)(a + row * s->a_row_stride, s->a_row_stride, s->a_column_stride, panel, depth, start, \
                   c + row * s->c_stride, s->c_stride, adds, s->columns, count, vectors);           \
    break
  switch (s->rows - row) {
    CK_LAST(1);
    CK_LAST(2);
    CK_LAST(3);
    CK_LAST(4);
    CK_LAST(5);
  }
#undef CK_LAST
}

static void CK(gemm_part)(
    const ck_gemm_shape *s, const float *part, const float *panel, size_t depth, const float *bias, float *c, int adds) {
  switch ((s->columns + CK_LANES - 1) / CK_LANES) {
  case 1: CK(gemm_rows)(s, part, panel, depth, bias, c, adds, 1); break;
  case 2: CK(gemm_rows)(s, part, panel, depth, bias, c, adds, 2); break;
#if CK_LANES == 16
  case 3: CK(gemm_rows)(s, part, panel, depth, bias, c, adds, 3); break;
  case 4: CK(gemm_rows)(s, part, panel, depth, bias, c, adds, 4); break;
#endif
  }
}

// C[rows][columns] = A[rows][depth] B[depth][columns] + bias[columns], columns at most one panel wide
static void CK(gemm_panel)(
    const ck_gemm_shape *s, const float *a, const float *b, const float *bias, float *c, float *panel) {
  for (size_t first = 0; first < s->depth; first += ck_gemm_panel_depth) {
    size_t depth = CK_MINIMUM(s->depth - first, (size_t)ck_gemm_panel_depth);
    CK(pack_panel)(s, b, first, depth, panel);
    CK(gemm_part)(s, a + first * s->a_column_stride, panel, depth, bias, c, first > 0);
  }
}

static void CK(gemm_pack)(const ck_gemm_shape *s, const float *b, float *packed) {
  CK(pack_panel)(s, b, 0, s->depth, packed);
}

static void CK(gemm_packed)(
    const ck_gemm_shape *s, const float *a, const float *packed, const float *bias, float *c) {
  for (size_t first = 0; first < s->depth; first += ck_gemm_panel_depth)
    CK(gemm_part)(s, a + first * s->a_column_stride, packed + first * CK_PANEL,
                  CK_MINIMUM(s->depth - first, (size_t)ck_gemm_panel_depth), bias, c, first > 0);
}
#undef CK_PANEL
#endif
