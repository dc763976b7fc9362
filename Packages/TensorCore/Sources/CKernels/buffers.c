// Float buffers, aligned to a cache line and recycled: a training loop asks the system for memory only in its
// first steps. Freed buffers wait in lists by size class, four classes per power of two.
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "CKernels.h"

enum { alignment = 64, huge_page = 1 << 21, classes = 256 };
static const size_t most_kept = (size_t)1 << 30;  // bytes that may wait in the lists

typedef struct waiting {
  struct waiting *next;
} waiting;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static waiting *lists[classes];
static size_t kept;
static uint64_t fresh;

// The class of a size and the bytes every buffer of the class has.
static int size_class(size_t bytes, size_t *rounded) {
  if (bytes <= 256) {
    *rounded = 256;
    return 0;
  }
  int power = 63 - __builtin_clzll(bytes - 1);         // 2^power < bytes <= 2^(power + 1)
  size_t quarter = (size_t)1 << (power - 2);
  size_t steps = (bytes - 1 - ((size_t)1 << power)) / quarter + 1;  // 1 to 4
  *rounded = ((size_t)1 << power) + steps * quarter;
  return (power - 8) * 4 + (int)steps;
}

float *ck_buffer_take(size_t floats) {
  size_t bytes;
  int class = size_class(floats * sizeof(float), &bytes);
  pthread_mutex_lock(&mutex);
  waiting *found = lists[class];
  if (found != NULL) {
    lists[class] = found->next;
    kept -= bytes;
  } else {
    fresh++;
  }
  pthread_mutex_unlock(&mutex);
  if (found != NULL) return (float *)found;
  void *memory = NULL;
  // Random access to a large tensor misses the address cache on every row unless its pages are large.
  int is_large = bytes >= 2 * huge_page;
  if (posix_memalign(&memory, is_large ? huge_page : alignment, bytes) != 0) abort();
#if defined(__linux__)
  if (is_large) madvise(memory, bytes, MADV_HUGEPAGE);
#endif
  return memory;
}

void ck_buffer_return(float *buffer, size_t floats) {
  size_t bytes;
  int class = size_class(floats * sizeof(float), &bytes);
  pthread_mutex_lock(&mutex);
  int keep = kept + bytes <= most_kept;
  if (keep) {
    waiting *entry = (waiting *)buffer;
    entry->next = lists[class];
    lists[class] = entry;
    kept += bytes;
  }
  pthread_mutex_unlock(&mutex);
  if (!keep) free(buffer);
}

uint64_t ck_buffer_fresh(void) {
  pthread_mutex_lock(&mutex);
  uint64_t count = fresh;
  pthread_mutex_unlock(&mutex);
  return count;
}
