// Optimizer updates, each in one pass over its arrays.
#ifndef CK_LANES
#include "CKernels.h"
#define CK_FILE "optimizers.c"
#include "versions.h"

void ck_sgd(const ck_sgd_settings *s, float *p, const float *g, float *velocity, size_t n) {
  CK_CALL(sgd, s, p, g, velocity, n);
}
void ck_adam(const ck_adam_settings *s, float *p, const float *g, float *mean, float *square, size_t n) {
  CK_CALL(adam, s, p, g, mean, square, n);
}
#else
#include "vectors.h"

static inline CK(vf) CK(sgd_step)(const ck_sgd_settings *s, CK(vf) p, CK(vf) g, CK(vf) *velocity) {
  g = CK(fma)(CK(splat)(s->coupled_decay), p, g);
  if (s->momentum != 0) {
    CK(vf) v = s->first ? g : CK(fma)(CK(splat)(s->momentum), *velocity, CK(splat)(1 - s->dampening) * g);
    *velocity = v;
    g = s->nesterov ? CK(fma)(CK(splat)(s->momentum), v, g) : v;
  }
  return CK(fma)(CK(splat)(-s->rate), g, p);
}

// velocity may be NULL when momentum is 0
static void CK(sgd)(const ck_sgd_settings *s, float *p, const float *g, float *velocity, size_t n) {
  size_t i = 0;
  CK(vf) v = CK(splat)(0);
  for (; i + CK_LANES <= n; i += CK_LANES) {
    if (velocity != NULL) v = CK(load)(velocity + i);
    CK(store)(p + i, CK(sgd_step)(s, CK(load)(p + i), CK(load)(g + i), &v));
    if (velocity != NULL) CK(store)(velocity + i, v);
  }
  if (i < n) {
    size_t part = n - i;
    if (velocity != NULL) v = CK(load_part)(velocity + i, part, 0);
    CK(store_part)(p + i, CK(sgd_step)(s, CK(load_part)(p + i, part, 0), CK(load_part)(g + i, part, 0), &v), part);
    if (velocity != NULL) CK(store_part)(velocity + i, v, part);
  }
}

static inline CK(vf) CK(adam_step)(
    const ck_adam_settings *s, CK(vf) p, CK(vf) g, CK(vf) *mean, CK(vf) *square) {
  g = CK(fma)(CK(splat)(s->coupled_decay), p, g);
  p = p * CK(splat)(s->shrink);
  CK(vf) m = CK(fma)(CK(splat)(s->rest1), g - *mean, *mean);
  CK(vf) v = CK(fma)(CK(splat)(s->rest2), g * g, CK(splat)(s->beta2) * *square);
  *mean = m;
  *square = v;
  CK(vf) root = __builtin_elementwise_sqrt(v) * CK(splat)(s->square_correction) + CK(splat)(s->epsilon);
  return p - CK(splat)(s->step) * m / root;
}

static void CK(adam)(
    const ck_adam_settings *s, float *p, const float *g, float *mean, float *square, size_t n) {
  size_t i = 0;
  for (; i + CK_LANES <= n; i += CK_LANES) {
    CK(vf) m = CK(load)(mean + i), v = CK(load)(square + i);
    CK(store)(p + i, CK(adam_step)(s, CK(load)(p + i), CK(load)(g + i), &m, &v));
    CK(store)(mean + i, m);
    CK(store)(square + i, v);
  }
  if (i < n) {
    size_t part = n - i;
    CK(vf) m = CK(load_part)(mean + i, part, 0), v = CK(load_part)(square + i, part, 0);
    CK(store_part)(p + i, CK(adam_step)(s, CK(load_part)(p + i, part, 0), CK(load_part)(g + i, part, 0), &m, &v), part);
    CK(store_part)(mean + i, m, part);
    CK(store_part)(square + i, v, part);
  }
}
#endif
