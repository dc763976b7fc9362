// exp, log, tanh and sin/cos of a turn for one instruction set. Include after vectors.h, inside the versioned
// part. Only +, *, /, fused multiply-adds and integer shifts: the same bits on every path that has FMA.
//
// The polynomials are those of the Cephes library (S. Moshier), single precision.

static inline CK(vi) CK(bits)(CK(vf) v) {
  CK(vi) r;
  memcpy(&r, &v, sizeof r);
  return r;
}
static inline CK(vf) CK(from_bits)(CK(vi) v) {
  CK(vf) r;
  memcpy(&r, &v, sizeof r);
  return r;
}

// Nearest integer, ties to even, for |v| < 2^22: the sum keeps no fraction bits.
static inline CK(vf) CK(nearest)(CK(vf) v) {
  CK(vf) shifted = v + 0x1.8p23f;
  return shifted - 0x1.8p23f;
}

static inline CK(vf) CK(power_of_two)(CK(vi) n) { return CK(from_bits)((n + 127) << 23); }

// e^x; 0 below -104, infinity above 88.8, NaN for NaN.
static inline CK(vf) CK(exp_vector)(CK(vf) x) {
  CK(vf) bounded = CK(choose)(x < CK(splat)(-104.0f), CK(splat)(-104.0f), x);
  bounded = CK(choose)(bounded > CK(splat)(89.0f), CK(splat)(89.0f), bounded);
  bounded = CK(choose)(x != x, CK(splat)(0), bounded);
  CK(vf) n = CK(nearest)(bounded * CK(splat)(1.44269504088896341f));
  CK(vf) r = CK(fma)(n, CK(splat)(-0.693359375f), bounded);
  r = CK(fma)(n, CK(splat)(2.12194440e-4f), r);
  CK(vf) p = CK(splat)(1.9875691500e-4f);
  p = CK(fma)(p, r, CK(splat)(1.3981999507e-3f));
  p = CK(fma)(p, r, CK(splat)(8.3334519073e-3f));
  p = CK(fma)(p, r, CK(splat)(4.1665795894e-2f));
  p = CK(fma)(p, r, CK(splat)(1.6666665459e-1f));
  p = CK(fma)(p, r, CK(splat)(5.0000001201e-1f));
  CK(vf) y = CK(fma)(p, r * r, r) + CK(splat)(1);
  // Two factors, so that results below the smallest normal number and above the largest come out right.
  CK(vi) whole = __builtin_convertvector(n, CK(vi));
  CK(vi) half = whole >> 1;
  y = y * CK(power_of_two)(half) * CK(power_of_two)(whole - half);
  return CK(choose)(x != x, x, y);
}

// Natural logarithm of m * 2^(exponent - 127), where the bits of a normal, positive number give m's and the exponent's.
static inline CK(vf) CK(log_of_parts)(CK(vi) bits, CK(vi) exponent) {
  CK(vf) m = CK(from_bits)((bits & 0x007fffff) | 0x3f000000);  // [0.5, 1)
  CK(vi) low = m < CK(splat)(0.707106781186547524f);
  exponent += low - 126;  // a true mask is -1
  m = CK(choose)(low, m + m, m) - CK(splat)(1);
  CK(vf) e = __builtin_convertvector(exponent, CK(vf));
  CK(vf) z = m * m;
  CK(vf) p = CK(splat)(7.0376836292e-2f);
  p = CK(fma)(p, m, CK(splat)(-1.1514610310e-1f));
  p = CK(fma)(p, m, CK(splat)(1.1676998740e-1f));
  p = CK(fma)(p, m, CK(splat)(-1.2420140846e-1f));
  p = CK(fma)(p, m, CK(splat)(1.4249322787e-1f));
  p = CK(fma)(p, m, CK(splat)(-1.6668057665e-1f));
  p = CK(fma)(p, m, CK(splat)(2.0000714765e-1f));
  p = CK(fma)(p, m, CK(splat)(-2.4999993993e-1f));
  p = CK(fma)(p, m, CK(splat)(3.3333331174e-1f));
  CK(vf) y = p * m * z;
  y = CK(fma)(e, CK(splat)(-2.12194440e-4f), y);
  y = CK(fma)(z, CK(splat)(-0.5f), y);
  return CK(fma)(e, CK(splat)(0.693359375f), m + y);
}

// Natural logarithm of normal, finite numbers above 0, the same bits as log_vector's.
static inline CK(vf) CK(log_positive)(CK(vf) x) {
  CK(vi) b = CK(bits)(x);
  return CK(log_of_parts)(b, b >> 23);
}

// Natural logarithm; -infinity at 0, NaN below.
static inline CK(vf) CK(log_vector)(CK(vf) x) {
  CK(vi) tiny = x < CK(splat)(0x1p-126f);
  CK(vi) b = CK(bits)(CK(choose)(tiny, x * CK(splat)(0x1p23f), x));
  CK(vf) y = CK(log_of_parts)(b, ((b >> 23) & 255) - (tiny & 23));
  y = CK(choose)(x == CK(splat)(__builtin_inff()), x, y);
  y = CK(choose)(x == CK(splat)(0), CK(splat)(-__builtin_inff()), y);
  y = CK(choose)(x < CK(splat)(0), CK(splat)(__builtin_nanf("")), y);
  return CK(choose)(x != x, x, y);
}

static inline CK(vf) CK(tanh_vector)(CK(vf) x) {
  CK(vf) magnitude = CK(from_bits)(CK(bits)(x) & 0x7fffffff);
  CK(vf) z = x * x;
  CK(vf) p = CK(splat)(-5.70498872745e-3f);
  p = CK(fma)(p, z, CK(splat)(2.06390887954e-2f));
  p = CK(fma)(p, z, CK(splat)(-5.37397155531e-2f));
  p = CK(fma)(p, z, CK(splat)(1.33314422036e-1f));
  p = CK(fma)(p, z, CK(splat)(-3.33332819422e-1f));
  CK(vf) small = CK(fma)(p * z, x, x);
  CK(vf) large = CK(splat)(1) - CK(splat)(2) / (CK(exp_vector)(magnitude + magnitude) + CK(splat)(1));
  CK(vf) y = CK(choose)(magnitude < CK(splat)(0.625f), small, large);
  y = CK(from_bits)(CK(bits)(y) | (CK(bits)(x) & (int32_t)0x80000000));  // -0 stays -0
  return CK(choose)(x != x, x, y);
}

static inline CK(vf) CK(sigmoid_vector)(CK(vf) x) {
  return CK(splat)(1) / (CK(splat)(1) + CK(exp_vector)(-x));
}

// Sine and cosine of 2 pi u for u in [0, 1): the turn is reduced exactly to an eighth on either side of a
// quarter, before pi comes in.
static inline void CK(turn)(CK(vf) u, CK(vf) *sine, CK(vf) *cosine) {
  CK(vf) quarter = CK(nearest)(u * CK(splat)(4));
  CK(vf) t = (u - quarter * CK(splat)(0.25f)) * CK(splat)(6.28318530717958648f);
  CK(vf) z = t * t;
  CK(vf) s = CK(splat)(-1.9515295891e-4f);
  s = CK(fma)(s, z, CK(splat)(8.3321608736e-3f));
  s = CK(fma)(s, z, CK(splat)(-1.6666654611e-1f));
  s = CK(fma)(s * z, t, t);
  CK(vf) c = CK(splat)(2.443315711809948e-5f);
  c = CK(fma)(c, z, CK(splat)(-1.388731625493765e-3f));
  c = CK(fma)(c, z, CK(splat)(4.166664568298827e-2f));
  c = CK(fma)(c * z, z, CK(fma)(z, CK(splat)(-0.5f), CK(splat)(1)));
  CK(vi) q = __builtin_convertvector(quarter, CK(vi));
  CK(vi) swap = (q & 1) != 0;
  CK(vf) a = CK(choose)(swap, c, s), b = CK(choose)(swap, s, c);
  *sine = CK(choose)((q & 2) != 0, -a, a);
  *cosine = CK(choose)(((q + 1) & 2) != 0, -b, b);
}
