// Elementwise kernels. The result may be the same buffer as an operand: each vector is read before it is
// written. A step of 0 repeats one value, a step of 1 walks along.
#ifndef CK_LANES
#include "CKernels.h"
#define CK_FILE "elementwise.c"
#include "versions.h"

void ck_binary(ck_binary_op op, const float *a, int a_step, const float *b, int b_step, float *y, size_t n) {
  CK_CALL(binary, op, a, a_step, b, b_step, y, n);
}
void ck_unary(ck_unary_op op, const float *x, float *y, size_t n) { CK_CALL(unary, op, x, y, n); }
void ck_select(const float *mask, const float *yes, const float *no, float *y, size_t n) {
  CK_CALL(select, mask, yes, no, y, n);
}
void ck_axpy(float a, const float *x, float *y, size_t n) { CK_CALL(axpy, a, x, y, n); }
#else
#include "vectors.h"
#include "vector_math.h"
#include "bounds.h"

static inline CK(vf) CK(truth)(CK(vi) mask) { return CK(choose)(mask, CK(splat)(1), CK(splat)(0)); }

#define CK_BINARY_LOOP(expression)                                                     \
  for (size_t i = 0; i < n; i += CK_LANES) {                                           \
    size_t count = n - i;                                                              \
    if (count >= CK_LANES) {                                                           \
      CK(vf) u = a_step ? CK(load)(a + i) : CK(splat)(*a);                             \
      CK(vf) v = b_step ? CK(load)(b + i) : CK(splat)(*b);                             \
      CK(store)(y + i, expression);                                                    \
    } else {                                                                           \
      CK(vf) u = a_step ? CK(load_part)(a + i, count, 1) : CK(splat)(*a);              \
      CK(vf) v = b_step ? CK(load_part)(b + i, count, 1) : CK(splat)(*b);              \
      CK(store_part)(y + i, expression, count);                                        \
    }                                                                                  \
  }                                                                                    \
  break

static void CK(binary)(ck_binary_op op, const float *a, int a_step, const float *b, int b_step, float *y, size_t n) {
  switch (op) {
  case ck_add: CK_BINARY_LOOP(u + v);
  case ck_subtract: CK_BINARY_LOOP(u - v);
  case ck_multiply: CK_BINARY_LOOP(u * v);
  case ck_divide: CK_BINARY_LOOP(u / v);
  case ck_add_then_relu: CK_BINARY_LOOP(CK(choose)(u + v < CK(splat)(0), CK(splat)(0), u + v));
  case ck_maximum: CK_BINARY_LOOP(CK(larger)(u, v));
  case ck_minimum: CK_BINARY_LOOP(CK(smaller)(u, v));
  case ck_less: CK_BINARY_LOOP(CK(truth)(u < v));
  case ck_less_or_equal: CK_BINARY_LOOP(CK(truth)(u <= v));
  case ck_equal: CK_BINARY_LOOP(CK(truth)(u == v));
  case ck_not_equal: CK_BINARY_LOOP(CK(truth)(u != v));
  case ck_add_rounding_up: CK_BINARY_LOOP(CK(add_up)(u, v));
  case ck_add_rounding_down: CK_BINARY_LOOP(-CK(add_up)(-u, -v));
  case ck_where_positive: CK_BINARY_LOOP(CK(choose)(v > CK(splat)(0), u, CK(splat)(0)));
  }
}

#define CK_UNARY_LOOP(expression)                             \
  for (size_t i = 0; i < n; i += CK_LANES) {                  \
    size_t count = n - i;                                     \
    if (count >= CK_LANES) {                                  \
      CK(vf) v = CK(load)(x + i);                             \
      CK(store)(y + i, expression);                           \
    } else {                                                  \
      CK(vf) v = CK(load_part)(x + i, count, 1);              \
      CK(store_part)(y + i, expression, count);               \
    }                                                         \
  }                                                           \
  break

static void CK(unary)(ck_unary_op op, const float *x, float *y, size_t n) {
  switch (op) {
  case ck_negate: CK_UNARY_LOOP(-v);
  case ck_absolute: CK_UNARY_LOOP(CK(from_bits)(CK(bits)(v) & 0x7fffffff));
  case ck_sign: CK_UNARY_LOOP(CK(sign)(v));
  case ck_square: CK_UNARY_LOOP(v * v);
  case ck_square_root: CK_UNARY_LOOP(__builtin_elementwise_sqrt(v));
  case ck_exponential: CK_UNARY_LOOP(CK(exp_vector)(v));
  case ck_logarithm: CK_UNARY_LOOP(CK(log_vector)(v));
  case ck_tanh: CK_UNARY_LOOP(CK(tanh_vector)(v));
  case ck_sigmoid: CK_UNARY_LOOP(CK(sigmoid_vector)(v));
  case ck_relu: CK_UNARY_LOOP(CK(larger)(v, CK(splat)(0)));
  }
}

static void CK(select)(const float *mask, const float *yes, const float *no, float *y, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] = mask[i] != 0 ? yes[i] : no[i];
}

static void CK(axpy)(float a, const float *x, float *y, size_t n) {
  size_t i = 0;
  for (; i + CK_LANES <= n; i += CK_LANES)
    CK(store)(y + i, CK(fma)(CK(splat)(a), CK(load)(x + i), CK(load)(y + i)));
  if (i < n) {
    CK(vf) v = CK(fma)(CK(splat)(a), CK(load_part)(x + i, n - i, 0), CK(load_part)(y + i, n - i, 0));
    CK(store_part)(y + i, v, n - i);
  }
}
#endif
