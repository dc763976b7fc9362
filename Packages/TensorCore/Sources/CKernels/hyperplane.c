// The shortest change of a sample, in L-infinity or L2, that brings it onto a hyperplane without leaving a range.
//
// Its elements are d_i = min(λ u_i, reach_i) towards the plane, u_i = 1 or |w_i|, reach_i being the way to the end of the
// range. What they gain, Σ |w_i| d_i, is concave in λ, rises and is piecewise linear: Newton's steps from 0 never pass the
// root, only ever bring more elements to the end of the range, and have arrived when one brings none.
#ifndef CK_LANES
#include "CKernels.h"
#define CK_FILE "hyperplane.c"
#include "versions.h"

void ck_plane_change(
    const ck_plane_settings *s, const float *t, const float *p, const float *w, double value, float *d, size_t n) {
  CK_CALL(plane_change, s, t, p, w, value, d, n);
}
#else
#include "vectors.h"

typedef int64_t CK(vl) __attribute__((ext_vector_type(CK_LANES)));

// The next n floats, at most a vector; missing lanes are 0.
static inline CK(vd) CK(next)(const float *p, size_t n) {
  return CK(widen)(n >= CK_LANES ? CK(load)(p) : CK(load_part)(p, n, 0));
}
static inline CK(vd) CK(pick)(CK(vl) mask, CK(vd) yes, CK(vd) no) {
  CK(vl) a, b;
  memcpy(&a, &yes, sizeof a);
  memcpy(&b, &no, sizeof b);
  CK(vl) r = (a & mask) | (b & ~mask);
  CK(vd) v;
  memcpy(&v, &r, sizeof v);
  return v;
}

// Up to n elements: how steep they are, how fast they move, and how far they can.
typedef struct {
  CK(vd) steepness, speed, reach;
} CK(way);
static inline CK(way) CK(way_of)(const ck_plane_settings *s, const float *t, const float *w, double side, size_t n) {
  CK(vd) slope = CK(next)(w, n) * side, place = CK(next)(t, n), low = s->low, high = s->high, one = 1;
  CK(way) way;
  way.steepness = __builtin_elementwise_abs(slope);
  way.speed = s->norm == ck_norm_l2 ? way.steepness : one;
  way.reach = CK(pick)(slope > 0, high - place, place - low);
  return way;
}

static void CK(plane_change)(
    const ck_plane_settings *s, const float *t, const float *p, const float *w, double value, float *d, size_t n) {
  CK(vd) ahead = 0;
  for (size_t i = 0; i < n; i += CK_LANES)
    ahead += CK(next)(w + i, n - i) * (CK(next)(t + i, n - i) - CK(next)(p + i, n - i));
  double gap = -value - CK(sum_lanes_double)(ahead), side = gap < 0 ? -1 : 1, length = 0;
  gap *= side;
  for (int64_t before = INT64_MAX;;) {
    CK(vd) gains = 0, slopes = 0;
    CK(vl) counts = 0;
    for (size_t i = 0; i < n; i += CK_LANES) {
      CK(way) way = CK(way_of)(s, t + i, w + i, side, n - i);
      CK(vd) step = way.speed * length, none = 0;
      CK(vl) moves = (step < way.reach) & (way.steepness > none);
      gains += way.steepness * __builtin_elementwise_min(step, way.reach);
      slopes += CK(pick)(moves, way.steepness * way.speed, none);
      counts -= moves;
    }
    double missing = gap - CK(sum_lanes_double)(gains);
    int64_t moving = 0;
    for (int k = 0; k < CK_LANES; k++) moving += counts[k];
    if (moving == 0 || moving >= before || !(missing > 0)) break;
    length += missing / CK(sum_lanes_double)(slopes);
    before = moving;
  }
  for (size_t i = 0; i < n; i += CK_LANES) {
    CK(way) way = CK(way_of)(s, t + i, w + i, side, n - i);
    CK(vd) slope = CK(next)(w + i, n - i) * side, none = 0;
    CK(vd) step = __builtin_elementwise_min(way.speed * length, way.reach);
    CK(vd) change = CK(pick)(slope > none, step, CK(pick)(slope < none, -step, none));
    CK(vf) rounded = __builtin_convertvector(change, CK(vf));
    if (n - i >= CK_LANES)
      CK(store)(d + i, rounded);
    else
      CK(store_part)(d + i, rounded, n - i);
  }
}
#endif
