// Normalisation by channels: tensors [samples, channels, inner], of which a call sees `channels` neighbouring ones, the
// samples `stride` floats apart. Sums are kept in double: squares of floats are exact there, and the difference of two
// large sums still has its digits.
#ifndef CK_LANES
#include "CKernels.h"
#define CK_FILE "normalization.c"
#include "versions.h"

void ck_channel_sums(const ck_channels *s, const float *x, double *sums, double *squares) {
  CK_CALL(channel_sums, s, x, sums, squares);
}
void ck_channel_normalize(const ck_channels *s, const ck_affine *f, const float *x, float *y) {
  CK_CALL(channel_normalize, s, f, x, y);
}
void ck_channel_products(
    const ck_channels *s, const ck_affine *f, const float *dy, const float *x, double *sums, double *products) {
  CK_CALL(channel_products, s, f, dy, x, sums, products);
}
void ck_channel_gradient(
    const ck_channels *s, const ck_affine *f, const float *dy, const float *x, const float *slope, const float *turn,
    const float *rest, float *dx) {
  CK_CALL(channel_gradient, s, f, dy, x, slope, turn, rest, dx);
}
#else
#include "vectors.h"

static inline CK(vd) CK(widen_squared)(CK(vf) v) {
  CK(vd) w = CK(widen)(v);
  return w * w;
}

// The last `rest` < CK_LANES floats before `end`, in the upper lanes, the others 0; CK_LANES of them can be read.
static inline CK(vf) CK(load_last)(const float *end, size_t rest) {
  static const int32_t lane[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  CK(vi) number;
  memcpy(&number, lane, sizeof number);
  return CK(choose)(number >= (int32_t)(CK_LANES - rest), CK(load)(end - CK_LANES), CK(splat)(0));
}
static inline CK(vf) CK(load_rest)(const float *first, size_t i, size_t n) {
  return n >= CK_LANES ? CK(load_last)(first + n, n - i) : CK(load_part)(first + i, n - i, 0);
}

static void CK(channel_sums)(const ck_channels *s, const float *x, double *sums, double *squares) {
  if (s->inner == 1) {
    for (size_t c = 0; c < s->channels; c += CK_LANES) {
      size_t count = CK_MINIMUM(s->channels - c, (size_t)CK_LANES);
      CK(vd) sum = 0, square = 0;
      for (size_t n = 0; n < s->samples; n++) {
        const float *row = x + n * s->stride + c;
        CK(vf) v = count == CK_LANES ? CK(load)(row) : CK(load_part)(row, count, 0);
        sum += CK(widen)(v);
        square += CK(widen_squared)(v);
      }
      memcpy(sums + c, &sum, count * sizeof(double));
      memcpy(squares + c, &square, count * sizeof(double));
    }
    return;
  }
  for (size_t c = 0; c < s->channels; c++) {
    CK(vd) sum0 = 0, sum1 = 0, square0 = 0, square1 = 0;
    for (size_t n = 0; n < s->samples; n++) {
      const float *plane = x + n * s->stride + c * s->inner;
      size_t i = 0;
      for (; i + 2 * CK_LANES <= s->inner; i += 2 * CK_LANES) {
        CK(vf) u = CK(load)(plane + i), v = CK(load)(plane + i + CK_LANES);
        sum0 += CK(widen)(u);
        sum1 += CK(widen)(v);
        square0 += CK(widen_squared)(u);
        square1 += CK(widen_squared)(v);
      }
      for (; i < s->inner; i += CK_LANES) {
        CK(vf) v = i + CK_LANES <= s->inner ? CK(load)(plane + i) : CK(load_rest)(plane, i, s->inner);
        sum0 += CK(widen)(v);
        square0 += CK(widen_squared)(v);
      }
    }
    sums[c] = CK(sum_lanes_double)(sum0 + sum1);
    squares[c] = CK(sum_lanes_double)(square0 + square1);
  }
}

// BODY(i) for vectors from i on that cover `n` elements; the last overlaps the one before, so it must only write. Where
// n is less than a vector, PART(n).
#define CK_COVER(n, BODY, PART)                                        \
  if ((n) >= CK_LANES) {                                               \
    size_t i = 0;                                                      \
    for (; i + CK_LANES <= (n); i += CK_LANES) { BODY(i); }            \
    if (i < (n)) { BODY((n) - CK_LANES); }                             \
  } else {                                                             \
    PART(n);                                                           \
  }

static inline CK(vf) CK(positive)(CK(vf) v) { return CK(choose)((v > 0) | (v != v), v, CK(splat)(0)); }

static void CK(channel_normalize)(const ck_channels *s, const ck_affine *f, const float *x, float *y) {
  int relu = f->then_relu;
  for (size_t n = 0; n < s->samples; n++) {
    const float *from = x + n * s->stride;
    float *to = y + n * s->stride;
    if (s->inner == 1) {
#define VALUE(v, center, scale, shift) CK(fma)((v) - (center), scale, shift)
#define BODY(i)                                                                                                     \
  CK(vf) v = VALUE(CK(load)(from + (i)), CK(load)(f->center + (i)), CK(load)(f->scale + (i)), CK(load)(f->shift + (i))); \
  CK(store)(to + (i), relu ? CK(positive)(v) : v)
#define PART(count)                                                                                       \
  CK(vf) v = VALUE(CK(load_part)(from, count, 0), CK(load_part)(f->center, count, 0),                     \
                   CK(load_part)(f->scale, count, 0), CK(load_part)(f->shift, count, 0));                 \
  CK(store_part)(to, relu ? CK(positive)(v) : v, count)
      CK_COVER(s->channels, BODY, PART)
#undef BODY
#undef PART
      continue;
    }
    for (size_t c = 0; c < s->channels; c++, from += s->inner, to += s->inner) {
      CK(vf) center = CK(splat)(f->center[c]), scale = CK(splat)(f->scale[c]), shift = CK(splat)(f->shift[c]);
#define BODY(i)                                                    \
  CK(vf) v = VALUE(CK(load)(from + (i)), center, scale, shift);    \
  CK(store)(to + (i), relu ? CK(positive)(v) : v)
#define PART(count)                                                            \
  CK(vf) v = VALUE(CK(load_part)(from, count, 0), center, scale, shift);       \
  CK(store_part)(to, relu ? CK(positive)(v) : v, count)
      CK_COVER(s->inner, BODY, PART)
#undef BODY
#undef PART
    }
  }
}

// The upstream gradient, 0 where the ReLU gave 0: the forward pass's value is computed again, bit for bit, so that the
// output need not be read.
#define GATED(g, v, center, scale, shift) \
  (relu ? CK(choose)(VALUE(v, center, scale, shift) > 0, g, CK(splat)(0)) : (g))

static void CK(channel_products)(
    const ck_channels *s, const ck_affine *f, const float *dy, const float *x, double *sums, double *products) {
  int relu = f->then_relu;
  if (s->inner == 1) {
    for (size_t c = 0; c < s->channels; c += CK_LANES) {
      size_t count = CK_MINIMUM(s->channels - c, (size_t)CK_LANES);
      CK(vf) center = CK(load_part)(f->center + c, count, 0), scale = CK(load_part)(f->scale + c, count, 0);
      CK(vf) shift = CK(load_part)(f->shift + c, count, 0);
      CK(vd) sum = 0, product = 0;
      for (size_t n = 0; n < s->samples; n++) {
        size_t at = n * s->stride + c;
        CK(vf) v = count == CK_LANES ? CK(load)(x + at) : CK(load_part)(x + at, count, 0);
        CK(vf) g = count == CK_LANES ? CK(load)(dy + at) : CK(load_part)(dy + at, count, 0);
        g = GATED(g, v, center, scale, shift);
        sum += CK(widen)(g);
        product += CK(widen)(g) * CK(widen)(v - center);
      }
      memcpy(sums + c, &sum, count * sizeof(double));
      memcpy(products + c, &product, count * sizeof(double));
    }
    return;
  }
  for (size_t c = 0; c < s->channels; c++) {
    CK(vf) center = CK(splat)(f->center[c]), scale = CK(splat)(f->scale[c]), shift = CK(splat)(f->shift[c]);
    CK(vd) sum = 0, product = 0;
    for (size_t n = 0; n < s->samples; n++) {
      const float *plane = x + n * s->stride + c * s->inner, *slope = dy + n * s->stride + c * s->inner;
      size_t i = 0;
      while (i + 2 * CK_LANES <= s->inner) {
        // Eight vectors at most are added in float, so that few have to be widened.
        CK(vf) sum0 = 0, sum1 = 0, product0 = 0, product1 = 0;
        for (int k = 0; k < 4 && i + 2 * CK_LANES <= s->inner; k++, i += 2 * CK_LANES) {
          CK(vf) u = CK(load)(plane + i), v = CK(load)(plane + i + CK_LANES);
          CK(vf) g = GATED(CK(load)(slope + i), u, center, scale, shift);
          CK(vf) h = GATED(CK(load)(slope + i + CK_LANES), v, center, scale, shift);
          sum0 += g;
          sum1 += h;
          product0 = CK(fma)(g, u - center, product0);
          product1 = CK(fma)(h, v - center, product1);
        }
        sum += CK(widen)(sum0 + sum1);
        product += CK(widen)(product0 + product1);
      }
      for (; i < s->inner; i += CK_LANES) {
        int whole = i + CK_LANES <= s->inner;
        CK(vf) v = whole ? CK(load)(plane + i) : CK(load_rest)(plane, i, s->inner);
        CK(vf) g = whole ? CK(load)(slope + i) : CK(load_rest)(slope, i, s->inner);
        g = GATED(g, v, center, scale, shift);
        sum += CK(widen)(g);
        product += CK(widen)(g) * CK(widen)(v - center);
      }
    }
    sums[c] = CK(sum_lanes_double)(sum);
    products[c] = CK(sum_lanes_double)(product);
  }
}

// dx = slope g + turn (x - center) + rest, the last two left out where they are NULL.
static void CK(channel_gradient)(
    const ck_channels *s, const ck_affine *f, const float *dy, const float *x, const float *slope, const float *turn,
    const float *rest, float *dx) {
  int relu = f->then_relu;
  for (size_t n = 0; n < s->samples; n++) {
    const float *from = x + n * s->stride, *up = dy + n * s->stride;
    float *to = dx + n * s->stride;
    if (s->inner == 1) {
#define LOADED(load)                                                                                                  \
  CK(vf) v = load(from), center = load(f->center);                                                                    \
  CK(vf) g = GATED(load(up), v, center, load(f->scale), load(f->shift));                                              \
  CK(vf) d = turn == NULL ? load(slope) * g : CK(fma)(load(slope), g, CK(fma)(load(turn), v - center, load(rest)))
#define BODY(i)                                \
  size_t at = (i);                             \
  LOADED(WHOLE);                               \
  CK(store)(to + at, d)
#define PART(count)                            \
  LOADED(SHORT);                               \
  CK(store_part)(to, d, count)
#define WHOLE(p) CK(load)((p) + at)
#define SHORT(p) CK(load_part)(p, s->channels, 0)
      CK_COVER(s->channels, BODY, PART)
#undef LOADED
#undef BODY
#undef PART
#undef WHOLE
#undef SHORT
      continue;
    }
    for (size_t c = 0; c < s->channels; c++, from += s->inner, up += s->inner, to += s->inner) {
      CK(vf) center = CK(splat)(f->center[c]), scale = CK(splat)(f->scale[c]), shift = CK(splat)(f->shift[c]);
      CK(vf) a = CK(splat)(slope[c]);
      if (turn == NULL) {
#define BODY(i) CK(store)(to + (i), a * GATED(CK(load)(up + (i)), CK(load)(from + (i)), center, scale, shift))
#define PART(count)                                                                                        \
  CK(store_part)(                                                                                          \
      to, a * GATED(CK(load_part)(up, count, 0), CK(load_part)(from, count, 0), center, scale, shift), count)
        CK_COVER(s->inner, BODY, PART)
#undef BODY
#undef PART
        continue;
      }
      CK(vf) b = CK(splat)(turn[c]), r = CK(splat)(rest[c]);
#define BODY(i)                                                            \
  CK(vf) v = CK(load)(from + (i));                                         \
  CK(vf) g = GATED(CK(load)(up + (i)), v, center, scale, shift);           \
  CK(store)(to + (i), CK(fma)(a, g, CK(fma)(b, v - center, r)))
#define PART(count)                                                        \
  CK(vf) v = CK(load_part)(from, count, 0);                                \
  CK(vf) g = GATED(CK(load_part)(up, count, 0), v, center, scale, shift);  \
  CK(store_part)(to, CK(fma)(a, g, CK(fma)(b, v - center, r)), count)
      CK_COVER(s->inner, BODY, PART)
#undef BODY
#undef PART
    }
  }
}
#undef VALUE
#undef GATED
#endif
