// The register block of matrix products by panels. Include after vectors.h, inside the versioned part, and undefine
// CK_PANEL at its end.
#if CK_LANES == 16
enum { CK(panel_vectors) = 4 };
#else
enum { CK(panel_vectors) = 2 };
#endif
#define CK_PANEL (CK(panel_vectors) * CK_LANES)

enum { CK(panel_rows) = 6 };

// `rows` rows of C over one packed panel; rows and vectors are constants at the call.
static inline __attribute__((always_inline)) void CK(gemm_block)(
    const float *a, size_t row_stride, size_t column_stride, const float *panel, size_t depth,
    const float *start, float *c, size_t c_stride, int adds, size_t columns, int rows, int vectors) {
  CK(vf) sums[6][4];
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++) sums[r][v] = CK(splat)(0);
  for (size_t i = 0; i < depth; i++) {
    CK(vf) u[4];
    for (int v = 0; v < vectors; v++) u[v] = CK(load)(panel + i * CK_PANEL + (size_t)v * CK_LANES);
    for (int r = 0; r < rows; r++) {
      CK(vf) x = CK(splat)(a[(size_t)r * row_stride + i * column_stride]);
      for (int v = 0; v < vectors; v++) sums[r][v] = CK(fma)(x, u[v], sums[r][v]);
    }
  }
  for (int r = 0; r < rows; r++)
    for (int v = 0; v < vectors; v++) {
      size_t done = (size_t)v * CK_LANES;
      if (done >= columns) break;
      float *place = c + (size_t)r * c_stride + done;
      size_t count = CK_MINIMUM(columns - done, (size_t)CK_LANES);
      CK(vf) sum = sums[r][v];
      if (count == CK_LANES) {
        if (adds) sum += CK(load)(place);
        else if (start != NULL) sum += CK(load)(start + done);
        CK(store)(place, sum);
      } else {
        if (adds) sum += CK(load_part)(place, count, 0);
        else if (start != NULL) sum += CK(load_part)(start + done, count, 0);
        CK(store_part)(place, sum, count);
      }
    }
}
