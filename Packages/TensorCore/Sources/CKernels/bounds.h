// Signs, extremes and sums rounded towards infinity for one instruction set: what keeps a value within bounds. Include
// after vector_math.h, inside the versioned part.

// -1 or 1; NaN and both zeros give themselves back.
static inline CK(vf) CK(sign)(CK(vf) v) {
  return CK(choose)(v > CK(splat)(0), CK(splat)(1), CK(choose)(v < CK(splat)(0), CK(splat)(-1), v));
}

// NaN wins, as in PyTorch.
static inline CK(vf) CK(larger)(CK(vf) a, CK(vf) b) { return CK(choose)((a > b) | (a != a), a, b); }
static inline CK(vf) CK(smaller)(CK(vf) a, CK(vf) b) { return CK(choose)((a < b) | (a != a), a, b); }

// The sum of a and b rounded towards plus infinity, `sum` being the nearest one and finite where a and b are. Knuth's
// two-sum gives its exact error, which is never above 0 where the sum is 0: with subnormal numbers only equal ones
// cancel.
static inline CK(vf) CK(rounded_up)(CK(vf) sum, CK(vf) a, CK(vf) b) {
  CK(vf) part = sum - a;
  CK(vf) error = (a - (sum - part)) + (b - part);
  CK(vi) positive = sum > CK(splat)(0);  // -1 or 0
  CK(vi) next = CK(bits)(sum) - 2 * positive - 1;
  return CK(choose)(error > CK(splat)(0), CK(from_bits)(next), sum);
}
static inline CK(vf) CK(add_up)(CK(vf) a, CK(vf) b) {
  CK(vf) sum = a + b;
  // below the range: the largest negative number is the nearest one above
  CK(vi) below = (sum == CK(splat)(-__builtin_inff())) & (a > sum) & (b > sum);
  return CK(rounded_up)(CK(choose)(below, CK(splat)(-__FLT_MAX__), sum), a, b);
}
