// Normalisation of blocks of neighbouring values: a sample's group of channels, or a row. A block is `parts` runs of
// `inner` values, each run with a weight and a bias of its own; runs of one value lie side by side, with their weights.
// A block is small enough to stay in a near cache between its sums and its values.
#ifndef CK_LANES
#include "CKernels.h"
#define CK_FILE "group_norm.c"
#include "versions.h"

void ck_group_normalize(
    const ck_groups *s, const float *x, const float *weight, const float *bias, double epsilon, float *y,
    float *centers, float *scales) {
  CK_CALL(group_normalize, s, x, weight, bias, epsilon, y, centers, scales);
}
void ck_group_gradient(
    const ck_groups *s, const float *dy, const float *x, const float *weight, const float *centers, const float *scales,
    float *dx, double *sums, double *products) {
  CK_CALL(group_gradient, s, dy, x, weight, centers, scales, dx, sums, products);
}
#else
#include "vectors.h"

// One value a run, or one for all of it.
static inline CK(vf) CK(factor)(const float *w, int step, size_t i, size_t count) {
  return step == 0 ? CK(splat)(*w) : count == CK_LANES ? CK(load)(w + i) : CK(load_part)(w + i, count, 0);
}
static inline CK(vf) CK(read)(const float *p, size_t i, size_t count) {
  return count == CK_LANES ? CK(load)(p + i) : CK(load_part)(p + i, count, 0);
}
static inline void CK(write)(float *p, size_t i, CK(vf) v, size_t count) {
  if (count == CK_LANES) CK(store)(p + i, v);
  else CK(store_part)(p + i, v, count);
}
// Adds the first `count` lanes to numbers in memory.
static inline void CK(add_to)(double *p, CK(vd) v, size_t count) {
  double lanes[CK_LANES];
  memcpy(lanes, &v, sizeof v);
  for (size_t i = 0; i < count; i++) p[i] += lanes[i];
}

#define CK_RUN(n) \
  for (size_t i = 0, count = CK_MINIMUM((size_t)(n), (size_t)CK_LANES); i < (n); \
       i += CK_LANES, count = CK_MINIMUM((size_t)(n) - i, (size_t)CK_LANES))

static void CK(group_normalize)(
    const ck_groups *s, const float *x, const float *weight, const float *bias, double epsilon, float *y,
    float *centers, float *scales) {
  size_t size = s->parts * s->inner;
  int step = s->inner == 1;
  size_t runs = step ? 1 : s->parts, run = step ? s->parts : s->inner;
  for (size_t b = 0; b < s->blocks; b++, x += size, y += size) {
    CK(vd) sum = 0, square = 0;
    CK_RUN(size) {
      CK(vd) v = CK(widen)(CK(read)(x, i, count));
      sum += v;
      square += v * v;
    }
    double mean = CK(sum_lanes_double)(sum) / (double)size;
    double variance = CK(sum_lanes_double)(square) / (double)size - mean * mean;
    double exact = 1 / __builtin_sqrt((variance > 0 ? variance : 0) + epsilon);
    float center = (float)mean, scale = (float)exact;
    // what rounding the mean has left out
    CK(vf) shift = CK(splat)((float)((center - mean) * exact));
    centers[b] = center;
    scales[b] = scale;
    size_t first = (s->first_block + b) % s->groups * s->parts;
    for (size_t r = 0; r < runs; r++) {
      const float *from = x + r * run, *w = weight + first + r, *o = bias + first + r;
      CK_RUN(run) {
        CK(vf) v = CK(fma)(CK(read)(from, i, count) - center, CK(splat)(scale), shift);
        CK(write)(y + r * run, i, CK(fma)(v, CK(factor)(w, step, i, count), CK(factor)(o, step, i, count)), count);
      }
    }
  }
}

static void CK(group_gradient)(
    const ck_groups *s, const float *dy, const float *x, const float *weight, const float *centers, const float *scales,
    float *dx, double *sums, double *products) {
  size_t size = s->parts * s->inner;
  int step = s->inner == 1;
  size_t runs = step ? 1 : s->parts, run = step ? s->parts : s->inner;
  for (size_t b = 0; b < s->blocks; b++, x += size, dy += size) {
    float center = centers[b];
    double scale = scales[b], total = 0, product = 0;  // of dy weight, and of that with x - center
    size_t first = (s->first_block + b) % s->groups * s->parts;
    for (size_t r = 0; r < runs; r++) {
      const float *from = x + r * run, *up = dy + r * run, *w = weight + first + r;
      CK(vd) gradients = 0, moments = 0;
      CK_RUN(run) {
        CK(vf) g = CK(read)(up, i, count), v = CK(read)(from, i, count) - center;
        CK(vd) wide = CK(widen)(g), moment = wide * CK(widen)(v);
        if (step) {
          if (sums != NULL) {
            CK(add_to)(sums + first + i, wide, count);
            CK(add_to)(products + first + i, moment * scale, count);
          }
          CK(vd) factor = CK(widen)(CK(factor)(w, step, i, count));
          wide *= factor;
          moment *= factor;
        }
        gradients += wide;
        moments += moment;
      }
      double gradient = CK(sum_lanes_double)(gradients), moment = CK(sum_lanes_double)(moments);
      if (!step && sums != NULL) {
        sums[first + r] += gradient;
        products[first + r] += moment * scale;
      }
      double factor = step ? 1 : *w;
      total += factor * gradient;
      product += factor * moment;
    }
    if (dx == NULL) continue;
    CK(vf) turn = CK(splat)((float)(-scale * scale * scale * product / (double)size));
    CK(vf) rest = CK(splat)((float)(-scale * total / (double)size));
    for (size_t r = 0; r < runs; r++) {
      const float *from = x + r * run, *up = dy + r * run, *w = weight + first + r;
      CK_RUN(run) {
        CK(vf) g = CK(read)(up, i, count) * CK(factor)(w, step, i, count);
        CK(vf) d = CK(fma)(turn, CK(read)(from, i, count) - center, rest);
        CK(write)(dx + b * size + r * run, i, CK(fma)(CK(splat)((float)scale), g, d), count);
      }
    }
  }
}
#endif
