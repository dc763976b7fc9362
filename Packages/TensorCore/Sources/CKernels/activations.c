// Smooth activations and their gradients, one pass each.
#ifndef CK_LANES
#include "CKernels.h"
#define CK_FILE "activations.c"
#include "versions.h"

void ck_activation(ck_activation_kind kind, const float *x, float *y, size_t n) { CK_CALL(activation, kind, x, y, n); }
void ck_activation_gradient(ck_activation_kind kind, const float *x, const float *dy, float *dx, size_t n) {
  CK_CALL(activation_gradient, kind, x, dy, dx, n);
}
#else
#include "vectors.h"
#include "vector_math.h"

// The normal distribution function, and its density in *density.
//
// With z = |x| / sqrt(2) and t = 1 / (1 + 0.4 z), erfc(z) = e^(-z^2) t p(t): p was fitted to erfc(z) e^(z^2) / t on
// 0 <= z <= 10 with a relative error below 8e-9. The form keeps the digits of small tails.
static inline CK(vf) CK(normal)(CK(vf) x, CK(vf) *density) {
  CK(vf) e = CK(exp_vector)(x * x * -0.5f);
  CK(vf) z = CK(from_bits)(CK(bits)(x) & 0x7fffffff) * 0.707106781186547524f;
  CK(vf) t = 1 / CK(fma)(z, CK(splat)(0.4f), CK(splat)(1));
  CK(vf) p = CK(splat)(-0.029593984f);
  p = CK(fma)(p, t, CK(splat)(0.19801138f));
  p = CK(fma)(p, t, CK(splat)(-0.4988074f));
  p = CK(fma)(p, t, CK(splat)(0.5474303f));
  p = CK(fma)(p, t, CK(splat)(-0.28436267f));
  p = CK(fma)(p, t, CK(splat)(0.2720642f));
  p = CK(fma)(p, t, CK(splat)(0.12968025f));
  p = CK(fma)(p, t, CK(splat)(0.21491897f));
  p = CK(fma)(p, t, CK(splat)(0.22495204f));
  p = CK(fma)(p, t, CK(splat)(0.2257069f));
  CK(vf) tail = 0.5f * (e * (t * p));
  *density = e * 0.398942280401432678f;
  return CK(choose)(x > 0, 1 - tail, tail);
}

// s = 1 / (1 + e^-x), and 1 - s in *rest with all its digits.
static inline CK(vf) CK(logistic)(CK(vf) x, CK(vf) *rest) {
  CK(vf) e = CK(exp_vector)(CK(from_bits)(CK(bits)(x) | (int32_t)0x80000000));
  CK(vf) more = 1 / (1 + e), less = e * more;
  CK(vi) positive = x > 0;
  *rest = CK(choose)(positive, less, more);
  return CK(choose)(positive, more, less);
}

// GELU's tanh form is x s(u), because (1 + tanh(u / 2)) / 2 = s(u): u = 2 sqrt(2 / pi) (x + 0.044715 x^3), and du/dx in
// *slope.
static inline CK(vf) CK(gate)(CK(vf) x, CK(vf) *slope) {
  CK(vf) square = x * x;
  *slope = 1.59576912160573071f * CK(fma)(CK(splat)(0.134145f), square, CK(splat)(1));
  return 1.59576912160573071f * CK(fma)(0.044715f * square, x, x);
}

static inline CK(vf) CK(active)(ck_activation_kind kind, CK(vf) x) {
  CK(vf) unused;
  switch (kind) {
  case ck_gelu: return x * CK(normal)(x, &unused);
  case ck_gelu_tanh: return x * CK(logistic)(CK(gate)(x, &unused), &unused);
  case ck_silu: return x * CK(logistic)(x, &unused);
  }
}
static inline CK(vf) CK(active_slope)(ck_activation_kind kind, CK(vf) x) {
  CK(vf) value, slope, rest;
  switch (kind) {
  case ck_gelu:
    value = CK(normal)(x, &slope);
    return CK(fma)(x, slope, value);
  case ck_gelu_tanh:
    value = CK(logistic)(CK(gate)(x, &slope), &rest);
    return CK(fma)(x * slope, value * rest, value);
  case ck_silu:
    value = CK(logistic)(x, &rest);
    return CK(fma)(x, value * rest, value);
  }
}

static void CK(activation)(ck_activation_kind kind, const float *x, float *y, size_t n) {
  size_t i = 0;
  for (; i + CK_LANES <= n; i += CK_LANES) CK(store)(y + i, CK(active)(kind, CK(load)(x + i)));
  if (i < n) CK(store_part)(y + i, CK(active)(kind, CK(load_part)(x + i, n - i, 0)), n - i);
}

static void CK(activation_gradient)(ck_activation_kind kind, const float *x, const float *dy, float *dx, size_t n) {
  size_t i = 0;
  for (; i + CK_LANES <= n; i += CK_LANES)
    CK(store)(dx + i, CK(load)(dy + i) * CK(active_slope)(kind, CK(load)(x + i)));
  if (i < n) {
    CK(vf) slope = CK(active_slope)(kind, CK(load_part)(x + i, n - i, 0));
    CK(store_part)(dx + i, CK(load_part)(dy + i, n - i, 0) * slope, n - i);
  }
}
#endif
