// Products of a matrix of which most elements are zero with samples that lie side by side: each row of the matrix is a
// list of its non-zero elements. They go in turn to four sums, which hides the time that an addition takes; the four are
// joined in the same order for any number of samples.
#ifndef CK_LANES
#include "CKernels.h"
#define CK_FILE "sparse_rows.c"
#include "versions.h"

void ck_sparse_rows(const uint32_t *starts, const ck_sparse_tap *taps, size_t rows, const float *x, size_t samples,
                    float *y) {
  CK_CALL(sparse_rows, starts, taps, rows, x, samples, y);
}
#else
#include "vectors.h"

static inline float CK(scalar_fma)(float a, float b, float c) {
#if CK_FMA
  return __builtin_fmaf(a, b, c);
#else
  return a * b + c;
#endif
}

static float CK(sparse_dot)(const ck_sparse_tap *tap, size_t count, const float *x) {
  float sums[4] = {0, 0, 0, 0};
  size_t i = 0;
  for (; i + 4 <= count; i += 4)
    for (size_t k = 0; k < 4; k++) sums[k] = CK(scalar_fma)(tap[i + k].weight, x[tap[i + k].place], sums[k]);
  for (size_t k = 0; i + k < count; k++) sums[k] = CK(scalar_fma)(tap[i + k].weight, x[tap[i + k].place], sums[k]);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

// The same for whole vectors of samples; lanes beyond the last sample hold anything.
static inline __attribute__((always_inline)) void CK(sparse_vectors)(
    const ck_sparse_tap *tap, size_t count, const float *x, size_t samples, CK(vf) *result, int vectors) {
  CK(vf) sums[4][4];
  for (int k = 0; k < 4; k++)
    for (int v = 0; v < vectors; v++) sums[k][v] = CK(splat)(0);
#define CK_ADD(tap, k)                                                                   \
  for (int v = 0; v < vectors; v++)                                                      \
    sums[k][v] = CK(fma)(CK(splat)((tap).weight), CK(load)(x + (tap).place * samples + v * CK_LANES), sums[k][v])
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    CK_ADD(tap[i], 0);
    CK_ADD(tap[i + 1], 1);
    CK_ADD(tap[i + 2], 2);
    CK_ADD(tap[i + 3], 3);
  }
  if (i < count) CK_ADD(tap[i], 0);
  if (i + 1 < count) CK_ADD(tap[i + 1], 1);
  if (i + 2 < count) CK_ADD(tap[i + 2], 2);
#undef CK_ADD
  for (int v = 0; v < vectors; v++) result[v] = (sums[0][v] + sums[1][v]) + (sums[2][v] + sums[3][v]);
}

static void CK(sparse_rows)(const uint32_t *starts, const ck_sparse_tap *taps, size_t rows, const float *x,
                            size_t samples, float *y) {
  enum { most = CK_LANES == 16 ? 4 : 2 };  // vectors of samples at a time
  for (size_t row = 0; row < rows; row++, y += samples) {
    const ck_sparse_tap *tap = taps + starts[row];
    size_t count = starts[row + 1] - starts[row];
    if (samples == 1) {
      *y = CK(sparse_dot)(tap, count, x);
      continue;
    }
    for (size_t i = 0; i < samples;) {
      CK(vf) sums[most];
      size_t left = samples - i;
      int vectors = left > (most - 1) * CK_LANES ? most : 1;
      if (vectors == most) CK(sparse_vectors)(tap, count, x + i, samples, sums, most);
      else CK(sparse_vectors)(tap, count, x + i, samples, sums, 1);
      for (int v = 0; v < vectors && i < samples; v++, i += CK_LANES) {
        if (samples - i >= CK_LANES) CK(store)(y + i, sums[v]);
        else CK(store_part)(y + i, sums[v], samples - i);
      }
    }
  }
}
#endif
