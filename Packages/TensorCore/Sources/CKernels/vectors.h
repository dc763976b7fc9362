// Vector types and helpers of one instruction set. Include inside the versioned part of a kernel file; no
// include guard, because each version needs its own.
#include <stdint.h>
#include <string.h>

#ifndef CK_VECTOR_COMMON
#define CK_VECTOR_COMMON
#define CK_MINIMUM(a, b) ((a) < (b) ? (a) : (b))
#endif

typedef float CK(vf) __attribute__((ext_vector_type(CK_LANES)));
typedef int32_t CK(vi) __attribute__((ext_vector_type(CK_LANES)));
typedef uint32_t CK(vu) __attribute__((ext_vector_type(CK_LANES)));
typedef double CK(vd) __attribute__((ext_vector_type(CK_LANES)));

static inline CK(vf) CK(load)(const float *p) {
  CK(vf) v;
  memcpy(&v, p, sizeof v);
  return v;
}
static inline void CK(store)(float *p, CK(vf) v) { memcpy(p, &v, sizeof v); }

// The first n < CK_LANES floats; the other lanes are `fill`.
static inline CK(vf) CK(load_part)(const float *p, size_t n, float fill) {
  float lanes[CK_LANES];
  for (size_t i = 0; i < CK_LANES; i++) lanes[i] = i < n ? p[i] : fill;
  return CK(load)(lanes);
}
static inline void CK(store_part)(float *p, CK(vf) v, size_t n) {
  float lanes[CK_LANES];
  CK(store)(lanes, v);
  for (size_t i = 0; i < n; i++) p[i] = lanes[i];
}

// every second lane of two vectors, from lane 0 or 1 on
static inline CK(vf) CK(even)(CK(vf) a, CK(vf) b) {
#if CK_LANES == 16
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
#elif CK_LANES == 8
  return __builtin_shufflevector(a, b, 0, 2, 4, 6, 8, 10, 12, 14);
#else
  return __builtin_shufflevector(a, b, 0, 2, 4, 6);
#endif
}
static inline CK(vf) CK(odd)(CK(vf) a, CK(vf) b) {
#if CK_LANES == 16
  return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
#elif CK_LANES == 8
  return __builtin_shufflevector(a, b, 1, 3, 5, 7, 9, 11, 13, 15);
#else
  return __builtin_shufflevector(a, b, 1, 3, 5, 7);
#endif
}
// every second float from p on
static inline CK(vf) CK(load_even)(const float *p) { return CK(even)(CK(load)(p), CK(load)(p + CK_LANES)); }

static inline CK(vf) CK(splat)(float x) { return (CK(vf))x; }

// a * b + c, rounded once where the instruction set has a fused multiply-add, else twice.
static inline CK(vf) CK(fma)(CK(vf) a, CK(vf) b, CK(vf) c) {
#if CK_FMA
  return __builtin_elementwise_fma(a, b, c);
#else
  return a * b + c;
#endif
}

// mask lanes are all ones (true) or zero
static inline CK(vf) CK(choose)(CK(vi) mask, CK(vf) yes, CK(vf) no) {
  CK(vi) a, b;
  memcpy(&a, &yes, sizeof a);
  memcpy(&b, &no, sizeof b);
  CK(vi) r = (a & mask) | (b & ~mask);
  CK(vf) v;
  memcpy(&v, &r, sizeof v);
  return v;
}

static inline double CK(sum_lanes_double)(CK(vd) v) {
  double lanes[CK_LANES];
  memcpy(lanes, &v, sizeof v);
  for (int half = CK_LANES / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
  return lanes[0];
}
static inline CK(vd) CK(widen)(CK(vf) v) { return __builtin_convertvector(v, CK(vd)); }
