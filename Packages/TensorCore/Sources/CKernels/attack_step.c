// A step of an attack in one pass over its arrays.
#ifndef CK_LANES
#include "CKernels.h"
#define CK_FILE "attack_step.c"
#include "versions.h"

void ck_sign_step(const ck_sign_step_settings *s, float *p, const float *g, const float *x, size_t n) {
  CK_CALL(sign_step, s, p, g, x, n);
}
#else
#include "vectors.h"
#include "vector_math.h"
#include "bounds.h"

// The same operations in the same order as the elementwise kernels apply them one by one, so that both give the same
// bits; the sum stands in a statement of its own, because a multiply-add would keep another NaN.
static inline CK(vf) CK(stepped)(const ck_sign_step_settings *s, int is_small, CK(vf) p, CK(vf) g, CK(vf) x) {
  CK(vf) back = CK(splat)(-s->radius);
  CK(vf) lower = is_small ? CK(rounded_up)(x + back, x, back) : CK(add_up)(x, back);
  CK(vf) upper = is_small ? -CK(rounded_up)(-x + back, -x, back) : -CK(add_up)(-x, back);
  CK(vf) step = CK(splat)(s->size) * CK(sign)(g);
  CK(vf) moved = p + step;
  moved = CK(smaller)(CK(larger)(moved, lower), upper);
  return CK(smaller)(CK(larger)(moved, CK(splat)(s->low)), CK(splat)(s->high));
}

static inline void CK(sign_step_loop)(
    const ck_sign_step_settings *s, int is_small, float *p, const float *g, const float *x, size_t n) {
  size_t i = 0;
  for (; i + CK_LANES <= n; i += CK_LANES)
    CK(store)(p + i, CK(stepped)(s, is_small, CK(load)(p + i), CK(load)(g + i), CK(load)(x + i)));
  if (i < n) {
    size_t part = n - i;
    CK(vf) moved = CK(stepped)(
        s, is_small, CK(load_part)(p + i, part, 0), CK(load_part)(g + i, part, 0), CK(load_part)(x + i, part, 0));
    CK(store_part)(p + i, moved, part);
  }
}

static void CK(sign_step)(const ck_sign_step_settings *s, float *p, const float *g, const float *x, size_t n) {
  ck_sign_step_settings copy = *s;  // in registers: the stores cannot change it
  // x - radius is finite for every finite x when the radius is less than half the distance between the largest two
  // numbers, which is 2^104.
  if (s->radius < 0x1p100f)
    CK(sign_step_loop)(&copy, 1, p, g, x, n);
  else
    CK(sign_step_loop)(&copy, 0, p, g, x, n);
}
#endif
