#include "CKernels.h"

enum { block = 16 };

// y[c][r] = x[r][c], in blocks that fit the first cache
void ck_transpose(const float *x, float *y, size_t rows, size_t columns) {
  for (size_t r0 = 0; r0 < rows; r0 += block)
    for (size_t c0 = 0; c0 < columns; c0 += block) {
      size_t r1 = r0 + block < rows ? r0 + block : rows, c1 = c0 + block < columns ? c0 + block : columns;
      for (size_t r = r0; r < r1; r++)
        for (size_t c = c0; c < c1; c++) y[c * rows + r] = x[r * columns + c];
    }
}
