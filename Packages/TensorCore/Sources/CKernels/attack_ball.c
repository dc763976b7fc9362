// One sample's part of an attack in an L2 or L1 ball: the step, the way back into the ball, the range, and distances.
// Sums are taken in double in an order that the length alone decides, and by the same code wherever the same sum is
// meant: a step and its parts one by one give the same bits.
#ifndef CK_LANES
#include "CKernels.h"
#define CK_FILE "attack_ball.c"
#include "versions.h"

double ck_distance(int norm, const float *a, const float *b, size_t n) { return CK_CALL(distance, norm, a, b, n); }
void ck_steepest(int norm, const float *g, float *y, size_t n) { CK_CALL(steepest, norm, g, y, n); }
void ck_ball_step(
    const ck_ball_step_settings *s, float *p, const float *g, const float *x, float *candidate, size_t n) {
  CK_CALL(ball_step, s, p, g, x, candidate, n);
}
#else
#include "vectors.h"
#include "vector_math.h"
#include "bounds.h"

typedef int64_t CK(vl) __attribute__((ext_vector_type(CK_LANES)));

// The next n floats, at most a vector; missing lanes are 0.
static inline CK(vf) CK(take)(const float *p, size_t n) {
  return n >= CK_LANES ? CK(load)(p) : CK(load_part)(p, n, 0);
}
static inline void CK(put)(float *p, CK(vf) v, size_t n) {
  if (n >= CK_LANES)
    CK(store)(p, v);
  else
    CK(store_part)(p, v, n);
}
static inline CK(vf) CK(narrowed)(CK(vd) v) { return __builtin_convertvector(v, CK(vf)); }
static inline CK(vd) CK(gap)(CK(vf) a, CK(vf) b) { return CK(widen)(a) - CK(widen)(b); }
static inline CK(vf) CK(magnitudes)(CK(vf) v) { return CK(from_bits)(CK(bits)(v) & 0x7fffffff); }
static inline CK(vf) CK(within)(float low, float high, CK(vf) v) {
  return CK(smaller)(CK(larger)(v, CK(splat)(low)), CK(splat)(high));
}

// What an element adds to the L2 or L1 norm, and the norm of the sum of them.
static inline CK(vd) CK(term)(int norm, CK(vd) v) { return norm == ck_norm_l2 ? v * v : __builtin_elementwise_abs(v); }
static inline double CK(norm_of)(int norm, CK(vd) terms) {
  double sum = CK(sum_lanes_double)(terms);
  return norm == ck_norm_l2 ? __builtin_sqrt(sum) : sum;
}

// The largest |a - b|, exact in double; NaN if one is NaN.
static double CK(largest_gap)(const float *a, const float *b, size_t n) {
  CK(vd) best = 0;
  CK(vl) lost = 0;
  for (size_t i = 0; i < n; i += CK_LANES) {
    CK(vd) v = __builtin_elementwise_abs(CK(gap)(CK(take)(a + i, n - i), CK(take)(b + i, n - i)));
    lost |= v != v;
    best = __builtin_elementwise_max(best, v);
  }
  double result = 0;
  for (int k = 0; k < CK_LANES; k++) {
    if (lost[k]) return __builtin_nan("");
    if (best[k] > result) result = best[k];
  }
  return result;
}

static double CK(distance)(int norm, const float *a, const float *b, size_t n) {
  if (norm == ck_norm_linf) return CK(largest_gap)(a, b, n);
  CK(vd) total = 0;
  for (size_t i = 0; i < n; i += CK_LANES)
    total += CK(term)(norm, CK(gap)(CK(take)(a + i, n - i), CK(take)(b + i, n - i)));
  return CK(norm_of)(norm, total);
}

// 1 / the Euclidean length; 0 for length 0 and NaN.
static double CK(inverse_length)(const float *g, size_t n) {
  CK(vd) total = 0;
  for (size_t i = 0; i < n; i += CK_LANES) total += CK(term)(ck_norm_l2, CK(widen)(CK(take)(g + i, n - i)));
  double length = CK(norm_of)(ck_norm_l2, total);
  return length > 0 ? 1 / length : 0;
}

// g with 0 where p stands at the end of the range that g points to: no step goes there. p may be NULL.
static inline CK(vf) CK(movable)(const float *g, const float *p, float low, float high, size_t i, size_t n) {
  CK(vf) v = CK(take)(g + i, n - i);
  if (p == NULL) return v;
  CK(vf) place = CK(take)(p + i, n - i);
  CK(vi) stuck = ((place == CK(splat)(low)) & (v < CK(splat)(0))) | ((place == CK(splat)(high)) & (v > CK(splat)(0)));
  return CK(choose)(stuck, CK(splat)(0), v);
}

// Where the largest |g| is, the first of equals, and its sign: 0 where all are 0. NaN is the largest.
static size_t CK(steepest_place)(const float *g, const float *p, float low, float high, size_t n, float *sign) {
  CK(vf) best = CK(splat)(0);
  for (size_t i = 0; i < n; i += CK_LANES)
    best = CK(larger)(CK(magnitudes)(CK(movable)(g, p, low, high, i, n)), best);
  float largest = 0;
  for (int k = 0; k < CK_LANES; k++) largest = best[k] > largest || best[k] != best[k] ? best[k] : largest;
  *sign = 0;
  if (largest == 0) return 0;
  for (size_t i = 0; i < n; i += CK_LANES) {
    CK(vf) v = CK(movable)(g, p, low, high, i, n);
    for (size_t k = 0; k < CK_LANES && i + k < n; k++) {
      float u = v[k];
      if (u == largest || u == -largest || u != u) {
        *sign = u > 0 ? 1 : u < 0 ? -1 : u;
        return i + k;
      }
    }
  }
  return 0;
}

static void CK(steepest)(int norm, const float *g, float *y, size_t n) {
  if (norm == ck_norm_l2) {
    double factor = CK(inverse_length)(g, n);
    for (size_t i = 0; i < n; i += CK_LANES)
      CK(put)(y + i, CK(narrowed)(CK(widen)(CK(take)(g + i, n - i)) * factor), n - i);
  } else {
    float sign;
    size_t place = CK(steepest_place)(g, NULL, 0, 0, n, &sign);
    memset(y, 0, n * sizeof(float));
    if (n > 0) y[place] = sign;
  }
}

// Every |v| lowered by the same amount, at most to 0. The amount is given by the largest |v| before and after it: far
// outside the ball it is almost that magnitude, and a difference of the two would keep no digits.
typedef struct {
  double largest, rest;
} CK(cut);
static inline CK(vd) CK(lowered)(CK(vd) v, CK(cut) cut) {
  CK(vd) none = 0, largest = cut.largest;
  CK(vd) left = cut.rest - (largest - __builtin_elementwise_abs(v));
  return __builtin_elementwise_copysign(__builtin_elementwise_max(left, none), v);
}

// The cut after which the sum of all |c - x| is `limit` (Duchi et al., 2008). The sum is convex, rises with the largest
// one's rest and is piecewise linear: Newton's steps come down from a rest that is too much, drop elements, never take
// one back, and have arrived when none is dropped.
static CK(cut) CK(common_cut)(const float *candidate, const float *x, size_t n, double limit) {
  double largest = CK(largest_gap)(candidate, x, n);
  CK(cut) cut = {largest, CK_MINIMUM(largest, limit)};
  for (int64_t before = INT64_MAX;;) {
    CK(vd) sums = 0;
    CK(vl) counts = 0;
    for (size_t i = 0; i < n; i += CK_LANES) {
      CK(vd) left = CK(lowered)(CK(gap)(CK(take)(candidate + i, n - i), CK(take)(x + i, n - i)), cut);
      sums += CK(term)(ck_norm_l1, left);
      counts -= left != 0;
    }
    double excess = CK(sum_lanes_double)(sums) - limit;
    int64_t kept = 0;
    for (int k = 0; k < CK_LANES; k++) kept += counts[k];
    if (!(excess > 0) || kept >= before) return cut;
    cut.rest -= excess / (double)kept;
    before = kept;
  }
}

// p = x + share * lowered(candidate - x, cut), rounded once, in the range; the distance from x to it.
static double CK(pulled)(
    const ck_ball_step_settings *s, int norm, float *p, const float *x, const float *candidate, size_t n, CK(cut) cut,
    double share) {
  CK(vd) total = 0;
  for (size_t i = 0; i < n; i += CK_LANES) {
    CK(vf) center = CK(take)(x + i, n - i);
    CK(vd) offset = CK(gap)(CK(take)(candidate + i, n - i), center);
    if (norm == ck_norm_l1) offset = CK(lowered)(offset, cut);
    CK(vd) shorter = offset * share;
    CK(put)(p + i, CK(within)(s->low, s->high, CK(narrowed)(CK(widen)(center) + shorter)), n - i);
    total += CK(term)(norm, CK(gap)(CK(take)(p + i, n - i), center));
  }
  return CK(norm_of)(norm, total);
}

static inline void CK(ball_step_in)(
    const ck_ball_step_settings *s, int norm, float *p, const float *g, const float *x, float *candidate, size_t n) {
  double limit = s->radius, factor = 0;
  if (g != NULL && norm == ck_norm_l2) factor = CK(inverse_length)(g, n);
  if (g != NULL && norm == ck_norm_l1 && n > 0) {
    float sign;
    size_t place = CK(steepest_place)(g, p, s->low, s->high, n, &sign);
    float step = s->size * sign;
    p[place] = p[place] + step;
  }
  CK(vd) total = 0;
  for (size_t i = 0; i < n; i += CK_LANES) {
    CK(vf) moved = CK(take)(p + i, n - i);
    if (g != NULL && norm == ck_norm_l2) {
      // a statement for each operation: a multiply-add would round once where the parts one by one round twice
      CK(vf) step = CK(narrowed)(CK(widen)(CK(take)(g + i, n - i)) * factor) * CK(splat)(s->size);
      moved = moved + step;
    }
    moved = CK(within)(-__FLT_MAX__, __FLT_MAX__, moved);  // so that no distance is infinite
    CK(put)(candidate + i, moved, n - i);
    CK(put)(p + i, CK(within)(s->low, s->high, moved), n - i);
    total += CK(term)(norm, CK(gap)(moved, CK(take)(x + i, n - i)));
  }
  // the range lies around x: it can only bring p closer
  double distance = CK(norm_of)(norm, total);
  if (!(distance > limit)) return;
  double share = limit / distance;
  CK(cut) cut = {0, 0};
  if (norm == ck_norm_l1) {
    cut = CK(common_cut)(candidate, x, n, limit);
    share = 1;
  }
  // Rounding may leave the sample a hair outside. What is shrunk is the offset as it was first: a smaller one may round
  // to the same pixels again. Where not even the smallest step of the pixels fits, x itself is left.
  for (double shrink = 0x1p-20; shrink <= 2; shrink *= 2) {
    if (!(CK(pulled)(s, norm, p, x, candidate, n, cut, share) > limit)) return;
    share *= shrink < 1 ? 1 - shrink : 0;
  }
}

static void CK(ball_step)(
    const ck_ball_step_settings *s, float *p, const float *g, const float *x, float *candidate, size_t n) {
  if (s->norm == ck_norm_l2)
    CK(ball_step_in)(s, ck_norm_l2, p, g, x, candidate, n);
  else
    CK(ball_step_in)(s, ck_norm_l1, p, g, x, candidate, n);
}
#endif
