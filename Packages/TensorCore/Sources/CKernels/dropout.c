// Dropout: draws, mask and scaling in one pass.
#ifndef CK_LANES
#include "CKernels.h"
#define CK_FILE "dropout.c"
#include "versions.h"

void ck_dropout(uint64_t key, uint32_t threshold, float scale, const float *x, float *y, uint8_t *kept, size_t n) {
  CK_CALL(dropout, key, threshold, scale, x, y, kept, n);
}
void ck_dropout_gradient(const uint8_t *kept, float scale, const float *dy, float *dx, size_t n) {
  CK_CALL(dropout_gradient, kept, scale, dy, dx, n);
}
void ck_scale_rows(const float *x, const float *factors, size_t rows, size_t columns, float *y) {
  CK_CALL(scale_rows, x, factors, rows, columns, y);
}
#else
#include "vectors.h"
#include "philox.h"

typedef uint8_t CK(vb) __attribute__((ext_vector_type(CK_LANES)));

static void CK(dropout)(
    uint64_t key, uint32_t threshold, float scale, const float *x, float *y, uint8_t *kept, size_t n) {
  for (size_t done = 0; done < n; done += 4 * CK_LANES) {
    CK(vu) word[4];
    CK(vf) draw[4];
    CK(philox)(key, done / 4, word);
    // 1 or 0, each in the order of the draws
    for (int w = 0; w < 4; w++) {
      CK(vi) mask = (word[w] >> 8) >= threshold;
      draw[w] = CK(choose)(mask, CK(splat)(1), CK(splat)(0));
    }
    float draws[4 * CK_LANES];
    CK(put)(draw, draws, 4 * CK_LANES);
    if (n - done >= 4 * CK_LANES) {
      for (int w = 0; w < 4; w++) {
        size_t i = done + (size_t)w * CK_LANES;
        CK(vi) mask = CK(load)(draws + w * CK_LANES) != 0;
        CK(store)(y + i, CK(choose)(mask, CK(load)(x + i) * scale, CK(splat)(0)));
        CK(vb) bytes = __builtin_convertvector(mask, CK(vb));
        memcpy(kept + i, &bytes, sizeof bytes);
      }
    } else {
      for (size_t i = done; i < n; i++) {
        int keep = draws[i - done] != 0;
        y[i] = keep ? x[i] * scale : 0;
        kept[i] = keep ? 0xFF : 0;
      }
    }
  }
}

static void CK(dropout_gradient)(const uint8_t *kept, float scale, const float *dy, float *dx, size_t n) {
  size_t i = 0;
  for (; i + CK_LANES <= n; i += CK_LANES) {
    CK(vb) bytes;
    memcpy(&bytes, kept + i, sizeof bytes);
    CK(vi) mask = __builtin_convertvector(bytes, CK(vi)) != 0;
    CK(store)(dx + i, CK(choose)(mask, CK(load)(dy + i) * scale, CK(splat)(0)));
  }
  for (; i < n; i++) dx[i] = kept[i] ? dy[i] * scale : 0;
}

static void CK(scale_rows)(const float *x, const float *factors, size_t rows, size_t columns, float *y) {
  for (size_t r = 0; r < rows; r++) {
    float factor = factors[r], *to = y + r * columns;
    const float *from = x + r * columns;
    if (factor == 0) memset(to, 0, columns * sizeof(float));
    else
      for (size_t c = 0; c < columns; c++) to[c] = from[c] * factor;
  }
}
#endif
