// Philox blocks side by side, for one instruction set. Include after vectors.h, inside the versioned part.

typedef uint64_t CK(vw) __attribute__((ext_vector_type(CK_LANES / 2)));

// The halves of the 64-bit products a * b. For the upper ones lanes of b are multiplied in two turns, the even ones and
// the odd ones, each in the lower half of a 64-bit lane, so that nothing has to cross a lane.
static inline void CK(multiply)(uint32_t a, CK(vu) b, CK(vu) *high, CK(vu) *low) {
  const uint64_t lower = 0xFFFFFFFFu;
  CK(vw) pairs, product;
  memcpy(&pairs, &b, sizeof pairs);
  product = (((pairs & lower) * (uint64_t)a) >> 32) | (((pairs >> 32) * (uint64_t)a) & ~lower);
  memcpy(high, &product, sizeof product);
  *low = b * a;
}

// CK_LANES blocks from number `block` on: word[w][lane] is word w of block + lane.
static inline void CK(philox)(uint64_t key, uint64_t block, CK(vu) word[4]) {
  CK(vu) lane;
  for (uint32_t i = 0; i < CK_LANES; i++) lane[i] = i;
  CK(vu) c0 = (uint32_t)block + lane;
  CK(vi) carry = c0 < (uint32_t)block;  // -1 where the sum went round
  CK(vu) c1 = (uint32_t)(block >> 32) - __builtin_convertvector(carry, CK(vu));
  CK(vu) c2 = 0, c3 = 0;
  uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
  for (int round = 0; round < 10; round++) {
    CK(vu) h0, l0, h1, l1;
    CK(multiply)(0xD2511F53u, c0, &h0, &l0);
    CK(multiply)(0xCD9E8D57u, c2, &h1, &l1);
    c0 = h1 ^ c1 ^ k0;
    c2 = h0 ^ c3 ^ k1;
    c1 = l1;
    c3 = l0;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  word[0] = c0;
  word[1] = c1;
  word[2] = c2;
  word[3] = c3;
}

// Draw i of a stream is word i % 4 of block i / 4, but lanes are blocks: the first n <= 4 * CK_LANES of such values in
// the order of the draws.
typedef float CK(vf2) __attribute__((ext_vector_type(2 * CK_LANES)));
static inline void CK(put)(const CK(vf) value[4], float *y, size_t n) {
  CK(vf2) first, second, turned[2];
  first.even = value[0];
  first.odd = value[2];
  second.even = value[1];
  second.odd = value[3];
  turned[0].even = first.lo;
  turned[0].odd = second.lo;
  turned[1].even = first.hi;
  turned[1].odd = second.hi;
  if (n >= 4 * CK_LANES) {
    memcpy(y, &turned[0], sizeof turned[0]);
    memcpy(y + 2 * CK_LANES, &turned[1], sizeof turned[1]);
  } else {
    float values[4 * CK_LANES];
    memcpy(values, turned, sizeof turned);
    for (size_t i = 0; i < n; i++) y[i] = values[i];
  }
}
