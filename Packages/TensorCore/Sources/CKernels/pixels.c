// Bytes to floats: the pixels of chosen rows.
#ifndef CK_LANES
#include "CKernels.h"
#define CK_FILE "pixels.c"
#include "versions.h"

void ck_gather_pixels(const uint8_t *x, size_t row_size, const int64_t *rows, size_t count, float *y) {
  CK_CALL(gather_pixels, x, row_size, rows, count, y);
}
#else
#include "vectors.h"

typedef uint8_t CK(vb) __attribute__((ext_vector_type(CK_LANES)));

// b / 255 to the last bit: the product with the rounded reciprocal, corrected by its exact remainder.
static inline CK(vf) CK(over_255)(CK(vf) b) {
#if CK_FMA
  CK(vf) q = b * CK(splat)(1 / 255.0f);
  CK(vf) remainder = CK(fma)(q, CK(splat)(-255.0f), b);
  return CK(fma)(remainder, CK(splat)(1 / 255.0f), q);
#else
  return b / CK(splat)(255.0f);
#endif
}

static inline void CK(row_pixels)(const uint8_t *x, float *y, size_t n) {
  size_t i = 0;
  for (; i + CK_LANES <= n; i += CK_LANES) {
    CK(vb) bytes;
    memcpy(&bytes, x + i, sizeof bytes);
    CK(store)(y + i, CK(over_255)(__builtin_convertvector(bytes, CK(vf))));
  }
  for (; i < n; i++) y[i] = (float)x[i] / 255.0f;
}

// Row i of y is row rows[i] of x, divided by 255. The rows lie anywhere in memory: each is asked for some rows early.
static void CK(gather_pixels)(
    const uint8_t *x, size_t row_size, const int64_t *rows, size_t count, float *y) {
  enum { ahead = 4 };
  for (size_t i = 0; i < count; i++) {
    if (i + ahead < count) {
      const uint8_t *later = x + (size_t)rows[i + ahead] * row_size;
      for (size_t line = 0; line < row_size; line += 64) __builtin_prefetch(later + line);
    }
    CK(row_pixels)(x + (size_t)rows[i] * row_size, y + i * row_size, row_size);
  }
}
#endif
