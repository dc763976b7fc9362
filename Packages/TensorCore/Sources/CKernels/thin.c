// Matrix products in which one side has few rows or columns: linear layers with a handful of outputs, where a
// general sgemm spends its time on packing. Each result is summed in an order that depends on the inner
// size alone, so blocks of rows may be computed anywhere.
#ifndef CK_LANES
#include "CKernels.h"
#define CK_FILE "thin.c"
#include "versions.h"

void ck_thin_nt(const float *x, const float *w, const float *bias, float *y, size_t m, size_t n, size_t k) {
  CK_CALL(thin_nt, x, w, bias, y, m, n, k);
}
void ck_thin_tn(
    const float *dy, const float *x, float *dw, size_t m, size_t k, size_t stride, size_t columns) {
  CK_CALL(thin_tn, dy, x, dw, m, k, stride, columns);
}
void ck_thin_nn(const float *dy, const float *w, float *dx, size_t m, size_t k, size_t n) {
  CK_CALL(thin_nn, dy, w, dx, m, k, n);
}
#else
#include "vectors.h"

#if CK_LANES == 16
enum { CK(block_rows) = 4, CK(block_vectors) = 4 };
#else
enum { CK(block_rows) = 2, CK(block_vectors) = 2 };
#endif

static inline float CK(reduce)(CK(vf) v) {
#if CK_LANES == 16
  typedef float v8 __attribute__((ext_vector_type(8)));
  v8 a = v.lo + v.hi;
#elif CK_LANES == 8
  CK(vf) a = v;
#endif
#if CK_LANES >= 8
  typedef float v4 __attribute__((ext_vector_type(4)));
  v4 b = a.lo + a.hi;
#else
  CK(vf) b = v;
#endif
  return (b.x + b.z) + (b.y + b.w);
}

// `rows` rows of x by `outputs` rows of w; both counts are constants at the call, so everything stays in registers.
static inline __attribute__((always_inline)) void CK(thin_nt_block)(
    const float *x, const float *w, const float *bias, float *y, size_t n, size_t k, int rows, int outputs) {
  CK(vf) sums[4][5];
  for (int r = 0; r < rows; r++)
    for (int o = 0; o < outputs; o++) sums[r][o] = CK(splat)(0);
  size_t i = 0;
  for (; i + CK_LANES <= k; i += CK_LANES) {
    CK(vf) v[4];
    for (int r = 0; r < rows; r++) v[r] = CK(load)(x + (size_t)r * k + i);
    for (int o = 0; o < outputs; o++) {
      CK(vf) u = CK(load)(w + (size_t)o * k + i);
      for (int r = 0; r < rows; r++) sums[r][o] = CK(fma)(v[r], u, sums[r][o]);
    }
  }
  if (i < k) {
    CK(vf) v[4];
    for (int r = 0; r < rows; r++) v[r] = CK(load_part)(x + (size_t)r * k + i, k - i, 0);
    for (int o = 0; o < outputs; o++) {
      CK(vf) u = CK(load_part)(w + (size_t)o * k + i, k - i, 0);
      for (int r = 0; r < rows; r++) sums[r][o] = CK(fma)(v[r], u, sums[r][o]);
    }
  }
  for (int r = 0; r < rows; r++)
    for (int o = 0; o < outputs; o++)
      y[(size_t)r * n + o] = CK(reduce)(sums[r][o]) + (bias != NULL ? bias[o] : 0);
}

static inline __attribute__((always_inline)) void CK(thin_nt_rows)(
    const float *x, const float *w, const float *bias, float *y, size_t n, size_t k, int rows) {
  size_t o = 0;
  for (; o + 5 <= n; o += 5) CK(thin_nt_block)(x, w + o * k, bias ? bias + o : bias, y + o, n, k, rows, 5);
  for (; o < n; o++) CK(thin_nt_block)(x, w + o * k, bias ? bias + o : bias, y + o, n, k, rows, 1);
}

// y[m][n] = x[m][k] w[n][k]^T + bias[n]; bias may be NULL
static void CK(thin_nt)(
    const float *x, const float *w, const float *bias, float *y, size_t m, size_t n, size_t k) {
  size_t r = 0;
  for (; r + CK(block_rows) <= m; r += CK(block_rows))
    CK(thin_nt_rows)(x + r * k, w, bias, y + r * n, n, k, CK(block_rows));
  for (; r < m; r++) CK(thin_nt_rows)(x + r * k, w, bias, y + r * n, n, k, 1);
}

// `outputs` rows of dw by `vectors` vectors of columns, summed over all k rows of dy and x
static inline __attribute__((always_inline)) void CK(thin_tn_block)(
    const float *dy, const float *x, float *dw, size_t m, size_t k, size_t x_stride, size_t dw_stride,
    int outputs, int vectors, size_t part) {
  CK(vf) sums[5][4];
  for (int o = 0; o < outputs; o++)
    for (int v = 0; v < vectors; v++) sums[o][v] = CK(splat)(0);
  for (size_t r = 0; r < k; r++) {
    CK(vf) u[4];
    for (int v = 0; v < vectors; v++)
      u[v] = part ? CK(load_part)(x + r * x_stride, part, 0)
                  : CK(load)(x + r * x_stride + (size_t)v * CK_LANES);
    for (int o = 0; o < outputs; o++) {
      CK(vf) d = CK(splat)(dy[r * m + o]);
      for (int v = 0; v < vectors; v++) sums[o][v] = CK(fma)(d, u[v], sums[o][v]);
    }
  }
  for (int o = 0; o < outputs; o++)
    for (int v = 0; v < vectors; v++) {
      float *place = dw + (size_t)o * dw_stride + (size_t)v * CK_LANES;
      if (part) CK(store_part)(place, sums[o][v], part);
      else CK(store)(place, sums[o][v]);
    }
}

static inline __attribute__((always_inline)) void CK(thin_tn_columns)(
    const float *dy, const float *x, float *dw, size_t m, size_t k, size_t stride, int vectors, size_t part) {
  size_t o = 0;
  for (; o + 5 <= m; o += 5)
    CK(thin_tn_block)(dy + o, x, dw + o * stride, m, k, stride, stride, 5, vectors, part);
  for (; o < m; o++)
    CK(thin_tn_block)(dy + o, x, dw + o * stride, m, k, stride, stride, 1, vectors, part);
}

// dw[m][columns] = dy[k][m]^T x[k][columns]; rows of x and dw lie `stride` apart, so a caller may ask for some
// of the columns
static void CK(thin_tn)(
    const float *dy, const float *x, float *dw, size_t m, size_t k, size_t stride, size_t columns) {
  const size_t wide = CK(block_vectors) * CK_LANES;
  size_t c = 0;
  for (; c + wide <= columns; c += wide)
    CK(thin_tn_columns)(dy, x + c, dw + c, m, k, stride, CK(block_vectors), 0);
  for (; c + CK_LANES <= columns; c += CK_LANES) CK(thin_tn_columns)(dy, x + c, dw + c, m, k, stride, 1, 0);
  if (c < columns) CK(thin_tn_columns)(dy, x + c, dw + c, m, k, stride, 1, columns - c);
}

static inline __attribute__((always_inline)) void CK(thin_nn_block)(
    const float *dy, const float *w, float *dx, size_t k, size_t n, int rows, int vectors, size_t part) {
  CK(vf) sums[4][4];
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++) sums[r][v] = CK(splat)(0);
  for (size_t i = 0; i < k; i++) {
    CK(vf) u[4];
    for (int v = 0; v < vectors; v++)
      u[v] = part ? CK(load_part)(w + i * n, part, 0) : CK(load)(w + i * n + (size_t)v * CK_LANES);
    for (int r = 0; r < rows; r++) {
      CK(vf) d = CK(splat)(dy[(size_t)r * k + i]);
      for (int v = 0; v < vectors; v++) sums[r][v] = CK(fma)(d, u[v], sums[r][v]);
    }
  }
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++) {
      float *place = dx + (size_t)r * n + (size_t)v * CK_LANES;
      if (part) CK(store_part)(place, sums[r][v], part);
      else CK(store)(place, sums[r][v]);
    }
}

static inline __attribute__((always_inline)) void CK(thin_nn_rows)(
    const float *dy, const float *w, float *dx, size_t k, size_t n, int rows) {
  const size_t wide = CK(block_vectors) * CK_LANES;
  size_t c = 0;
  for (; c + wide <= n; c += wide) CK(thin_nn_block)(dy, w + c, dx + c, k, n, rows, CK(block_vectors), 0);
  for (; c + CK_LANES <= n; c += CK_LANES) CK(thin_nn_block)(dy, w + c, dx + c, k, n, rows, 1, 0);
  if (c < n) CK(thin_nn_block)(dy, w + c, dx + c, k, n, rows, 1, n - c);
}

// dx[m][n] = dy[m][k] w[k][n], k small
static void CK(thin_nn)(const float *dy, const float *w, float *dx, size_t m, size_t k, size_t n) {
  size_t r = 0;
  for (; r + CK(block_rows) <= m; r += CK(block_rows))
    CK(thin_nn_rows)(dy + r * k, w, dx + r * n, k, n, CK(block_rows));
  for (; r < m; r++) CK(thin_nn_rows)(dy + r * k, w, dx + r * n, k, n, 1);
}
#endif
