// Compiles the including file once per instruction set and defines CK_CALL, which picks the version at run
// time. The including file looks like this:
//
//     #ifndef CK_LANES
//     #include "CKernels.h"
//     #define CK_FILE "name.c"
//     #include "versions.h"
//     void ck_name(...) { CK_CALL(name, ...); }
//     #else
//     static void CK(name)(...) { ... }
//     #endif
//
// Inside the #else part CK_LANES is the number of floats in a vector and CK(name) the versioned name.
#include "level.h"

#if defined(__clang__)
#pragma clang diagnostic ignored "-Wpsabi"  // vectors stay within one version
#pragma clang diagnostic ignored "-Wunused-function"
#endif

#define CK_PASTE_(a, b) a##_##b
#define CK_PASTE(a, b) CK_PASTE_(a, b)
#define CK(name) CK_PASTE(name, CK_VERSION)

#define CK_VERSION base
#define CK_LANES 4
#if defined(__ARM_FEATURE_FMA) || defined(__aarch64__)
#define CK_FMA 1
#else
#define CK_FMA 0
#endif
#include CK_FILE
#undef CK_VERSION
#undef CK_LANES
#undef CK_FMA

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi2,f16c"))), apply_to = function)
#define CK_VERSION avx2
#define CK_LANES 8
#define CK_FMA 1
#include CK_FILE
#undef CK_VERSION
#undef CK_LANES
#undef CK_FMA
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,bmi2,f16c"))), apply_to = function)
#define CK_VERSION avx512
#define CK_LANES 16
#define CK_FMA 1
#include CK_FILE
#undef CK_VERSION
#undef CK_LANES
#undef CK_FMA
#pragma clang attribute pop
#define CK_CALL(f, ...)                                   \
  (ck_level() == 2   ? f##_avx512(__VA_ARGS__)            \
   : ck_level() == 1 ? f##_avx2(__VA_ARGS__)              \
                     : f##_base(__VA_ARGS__))
#else
#define CK_CALL(f, ...) f##_base(__VA_ARGS__)
#endif
