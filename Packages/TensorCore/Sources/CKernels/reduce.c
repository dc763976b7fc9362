// Sums in double, extremes, and rows of softmax. Sums keep a fixed order of additions for a given length.
#ifndef CK_LANES
#include "CKernels.h"
#define CK_FILE "reduce.c"
#include "versions.h"

double ck_sum(const float *x, size_t n) { return CK_CALL(sum, x, n); }
double ck_sum_of_squares(const float *x, size_t n) { return CK_CALL(sum_of_squares, x, n); }
float ck_max(const float *x, size_t n) { return CK_CALL(max, x, n); }
void ck_sum_columns(const float *x, size_t rows, size_t columns, size_t stride, float *y) {
  CK_CALL(sum_columns, x, rows, columns, stride, y);
}
void ck_max_columns(const float *x, size_t rows, size_t columns, float *y) {
  CK_CALL(max_columns, x, rows, columns, y);
}
void ck_softmax_rows(const float *x, float *y, size_t rows, size_t columns) {
  CK_CALL(softmax_rows, x, y, rows, columns);
}
void ck_log_softmax_rows(const float *x, float *y, size_t rows, size_t columns) {
  CK_CALL(log_softmax_rows, x, y, rows, columns);
}
void ck_log_sum_exp_rows(const float *x, float *y, size_t rows, size_t columns) {
  CK_CALL(log_sum_exp_rows, x, y, rows, columns);
}
void ck_cross_entropy_rows(
    const float *x, const int32_t *labels, float *losses, float *probabilities, size_t rows, size_t columns) {
  CK_CALL(cross_entropy_rows, x, labels, losses, probabilities, rows, columns);
}
void ck_cross_entropy_gradient_rows(
    const float *probabilities, const int32_t *labels, const float *dy, float *dx, size_t rows, size_t columns) {
  CK_CALL(cross_entropy_gradient_rows, probabilities, labels, dy, dx, rows, columns);
}
#else
#include "vectors.h"
#include "vector_math.h"

#define CK_SUM_LOOP(term, term_part)                                                    \
  CK(vd) s0 = 0, s1 = 0;                                                                \
  size_t i = 0;                                                                         \
  for (; i + 2 * CK_LANES <= n; i += 2 * CK_LANES) {                                    \
    s0 += term(i);                                                                      \
    s1 += term(i + CK_LANES);                                                           \
  }                                                                                     \
  for (; i < n; i += CK_LANES) s0 += n - i >= CK_LANES ? term(i) : term_part(i, n - i); \
  return CK(sum_lanes_double)(s0 + s1)

static double CK(sum)(const float *x, size_t n) {
#define TERM(i) CK(widen)(CK(load)(x + (i)))
#define PART(i, count) CK(widen)(CK(load_part)(x + (i), count, 0))
  CK_SUM_LOOP(TERM, PART);
#undef TERM
#undef PART
}
static inline CK(vd) CK(squared)(CK(vd) v) { return v * v; }
static double CK(sum_of_squares)(const float *x, size_t n) {
#define TERM(i) CK(squared)(CK(widen)(CK(load)(x + (i))))
#define PART(i, count) CK(squared)(CK(widen)(CK(load_part)(x + (i), count, 0)))
  CK_SUM_LOOP(TERM, PART);
#undef TERM
#undef PART
}
static inline CK(vf) CK(larger_of)(CK(vf) a, CK(vf) b) { return CK(choose)((a > b) | (a != a), a, b); }

// The largest of n > 0 values; NaN if one is NaN.
static float CK(max)(const float *x, size_t n) {
  CK(vf) best = CK(splat)(x[0]);
  size_t i = 0;
  for (; i + CK_LANES <= n; i += CK_LANES) best = CK(larger_of)(CK(load)(x + i), best);
  if (i < n) best = CK(larger_of)(CK(load_part)(x + i, n - i, x[i]), best);
  float lanes[CK_LANES], result;
  CK(store)(lanes, best);
  result = lanes[0];
  for (int k = 1; k < CK_LANES; k++) result = (lanes[k] > result || lanes[k] != lanes[k]) ? lanes[k] : result;
  return result;
}

// y[c] = sum over the rows, row r starting at x + r * stride
static void CK(sum_columns)(const float *x, size_t rows, size_t columns, size_t stride, float *y) {
  for (size_t c = 0; c < columns; c += CK_LANES) {
    size_t count = CK_MINIMUM(columns - c, (size_t)CK_LANES);
    CK(vd) total = 0;
    if (count == CK_LANES) {
      for (size_t r = 0; r < rows; r++) total += CK(widen)(CK(load)(x + r * stride + c));
      CK(store)(y + c, __builtin_convertvector(total, CK(vf)));
    } else {
      for (size_t r = 0; r < rows; r++) total += CK(widen)(CK(load_part)(x + r * stride + c, count, 0));
      CK(store_part)(y + c, __builtin_convertvector(total, CK(vf)), count);
    }
  }
}

static void CK(max_columns)(const float *x, size_t rows, size_t columns, float *y) {
  memcpy(y, x, columns * sizeof(float));
  for (size_t r = 1; r < rows; r++)
    for (size_t c = 0; c < columns; c++) {
      float v = x[r * columns + c];
      y[c] = (v > y[c] || v != v) ? v : y[c];
    }
}

// Writes exp(x - max) to y and returns the sum of it in double; *largest is the maximum. y may be NULL.
static inline double CK(exp_row)(const float *x, float *y, size_t columns, float *largest) {
  float m = CK(max)(x, columns);
  *largest = m;
  // an all -infinity row would give NaN by infinity - infinity; shifted by 0 it gives the limit
  float shift = m == -__builtin_inff() ? 0 : m;
  CK(vd) total = 0;
  size_t i = 0;
  for (; i + CK_LANES <= columns; i += CK_LANES) {
    CK(vf) e = CK(exp_vector)(CK(load)(x + i) - CK(splat)(shift));
    if (y != NULL) CK(store)(y + i, e);
    total += CK(widen)(e);
  }
  if (i < columns) {
    CK(vf) e = CK(exp_vector)(CK(load_part)(x + i, columns - i, -__builtin_inff()) - CK(splat)(shift));
    if (y != NULL) CK(store_part)(y + i, e, columns - i);
    total += CK(widen)(e);
  }
  return CK(sum_lanes_double)(total);
}
static inline float CK(log_of)(float x) {
  CK(vf) v = CK(log_vector)(CK(splat)(x));
  return v[0];
}

static void CK(softmax_rows)(const float *x, float *y, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++) {
    float largest;
    float *row = y + r * columns;
    float scale = (float)(1 / CK(exp_row)(x + r * columns, row, columns, &largest));
    for (size_t c = 0; c < columns; c++) row[c] *= scale;
  }
}

static inline float CK(log_sum_exp)(const float *row, float *exponentials, size_t columns, double *total) {
  float largest;
  *total = CK(exp_row)(row, exponentials, columns, &largest);
  float logarithm = CK(log_of)((float)*total);
  if (largest == __builtin_inff()) return largest;  // infinity - infinity has made the total NaN
  return largest == -__builtin_inff() ? logarithm : largest + logarithm;
}

static void CK(log_sum_exp_rows)(const float *x, float *y, size_t rows, size_t columns) {
  double total;
  for (size_t r = 0; r < rows; r++) y[r] = CK(log_sum_exp)(x + r * columns, NULL, columns, &total);
}

static void CK(log_softmax_rows)(const float *x, float *y, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++) {
    double total;
    float largest;
    const float *row = x + r * columns;
    total = CK(exp_row)(row, NULL, columns, &largest);
    float logarithm = CK(log_of)((float)total);
    for (size_t c = 0; c < columns; c++) y[r * columns + c] = (row[c] - largest) - logarithm;
  }
}

// losses[r] = log sum exp(row r) - row r at its label; probabilities gets the softmax
static void CK(cross_entropy_rows)(
    const float *x, const int32_t *labels, float *losses, float *probabilities, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++) {
    const float *row = x + r * columns;
    float *p = probabilities + r * columns, largest;
    double total = CK(exp_row)(row, p, columns, &largest);
    size_t label = (size_t)labels[r];
    float logarithm = CK(log_of)((float)total);
    if (total < 1.001 && row[label] == largest) {
      // Next to 1 the total has lost the others' digits: the series of log(1 + others) takes the logarithm's place.
      double others = 0;
      for (size_t c = 0; c < columns; c++)
        if (c != label) others += p[c];
      logarithm = (float)(others * (1 - others * (1.0 / 2 - others * (1.0 / 3))));
    }
    float scale = (float)(1 / total);
    for (size_t c = 0; c < columns; c++) p[c] *= scale;
    losses[r] = logarithm - (row[label] - largest);
  }
}

// The label's p - 1 is minus the sum of the other probabilities, which keeps its digits when p comes near 1.
static void CK(cross_entropy_gradient_rows)(
    const float *probabilities, const int32_t *labels, const float *dy, float *dx, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++) {
    const float *p = probabilities + r * columns;
    float *row = dx + r * columns;
    size_t label = (size_t)labels[r];
    float others = 0;
    for (size_t c = 0; c < columns; c++) {
      if (c != label) others += p[c];
      row[c] = dy[r] * p[c];
    }
    row[label] = -dy[r] * others;
  }
}
#endif
