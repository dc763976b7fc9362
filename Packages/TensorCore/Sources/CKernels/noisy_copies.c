// Copies of an image with normal noise, clamped. The noise is made a piece at a time, so that adding and clamping find it
// in the first-level cache.
#ifndef CK_LANES
#include "CKernels.h"
#define CK_FILE "noisy_copies.c"
#include "versions.h"

void ck_noisy_copies(const ck_noise *s, const float *x, size_t size, uint64_t first_block, float *y, size_t copies) {
  CK_CALL(noisy_copies, s, x, size, first_block, y, copies);
}
#else
#include "vectors.h"
#include "vector_math.h"
#include "bounds.h"

// y = clamp(x + y), by the elementwise kernels' operations one by one: the same bits.
static void CK(add_clamped)(const float *x, float low, float high, float *y, size_t n) {
  CK(vf) lower = CK(splat)(low), upper = CK(splat)(high);
  size_t i = 0;
  for (; i + CK_LANES <= n; i += CK_LANES)
    CK(store)(y + i, CK(smaller)(CK(larger)(CK(load)(x + i) + CK(load)(y + i), lower), upper));
  if (i < n) {
    CK(vf) sum = CK(load_part)(x + i, n - i, 0) + CK(load_part)(y + i, n - i, 0);
    CK(store_part)(y + i, CK(smaller)(CK(larger)(sum, lower), upper), n - i);
  }
}

static void CK(noisy_copies)(
    const ck_noise *s, const float *x, size_t size, uint64_t first_block, float *y, size_t copies) {
  const size_t piece = 2048;  // a multiple of a block's four draws
  size_t total = size * copies, place = 0;
  for (size_t done = 0; done < total; done += piece) {
    size_t end = done + CK_MINIMUM(piece, total - done);
    ck_random_normal(s->key, first_block + done / 4, 0, s->deviation, y + done, end - done);
    for (size_t i = done; i < end;) {
      size_t run = CK_MINIMUM(end - i, size - place);
      CK(add_clamped)(x + place, s->low, s->high, y + i, run);
      i += run;
      place = place + run == size ? 0 : place + run;
    }
  }
}
#endif
