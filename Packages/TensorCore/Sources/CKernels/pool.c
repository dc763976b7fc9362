// The one thread pool. Workers spin briefly for the next job, then sleep; a caller that finds the pool busy
// (a nested call, or another thread's job) runs its tasks itself, in order.
//
// Every thread begins with its own share of the tasks, the same in each job of as many tasks, and helps the others when
// it is done: what one job left in a core's cache is mostly there for the next.
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <unistd.h>

#include "CKernels.h"

enum { most_threads = 255, spins_before_sleep = 20000 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static bool busy;                 // a job is in the pool; atomic
static int started;               // worker threads that exist
static int wanted = 0;            // threads that share a job, the caller among them; 0 until first asked
static int cores = 1;             // atomic
static uint64_t announced;        // job number * 256 + helpers it may use; atomic, sleepers wait for a change
static int sleepers;              // guarded by the mutex

// Who is inside the job: its number, whether it still admits helpers, and how many came in. A helper that
// wakes late finds the gate closed, so the caller never waits for a thread that has not started.
static uint64_t gate;  // job number * 65536 + closed * 256 + entered; atomic
static const uint64_t closed = 256;

static void (*job_body)(void *, size_t);
static void *job_context;
typedef struct {
  size_t next;                    // atomic
  size_t end;
} __attribute__((aligned(64))) share;  // a cache line each
static share shares[most_threads + 1];
static size_t share_count;
static uint64_t left;             // helpers that came in and are done; atomic

static void work(size_t own) {
  for (size_t i = 0; i < share_count; i++) {
    share *part = &shares[(own + i) % share_count];
    for (;;) {
      size_t task = __atomic_fetch_add(&part->next, 1, __ATOMIC_RELAXED);
      if (task >= part->end) break;
      job_body(job_context, task);
    }
  }
}

static void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static bool enter(uint64_t job) {
  uint64_t state = __atomic_load_n(&gate, __ATOMIC_ACQUIRE);
  do {
    if (state >> 16 != job || (state & closed) != 0) return false;
  } while (!__atomic_compare_exchange_n(&gate, &state, state + 1, true, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
  return true;
}

static void *worker(void *argument) {
  uint64_t index = (uint64_t)(intptr_t)argument;
  uint64_t seen = 0;
  for (;;) {
    // More threads than cores: spinning would take the core from a thread that has work.
    int spins = (int)index + 1 < __atomic_load_n(&cores, __ATOMIC_RELAXED) ? spins_before_sleep : 0;
    uint64_t now = __atomic_load_n(&announced, __ATOMIC_ACQUIRE);
    while (now == seen && spins-- > 0) {
      pause_briefly();
      now = __atomic_load_n(&announced, __ATOMIC_ACQUIRE);
    }
    if (now == seen) {
      pthread_mutex_lock(&mutex);
      sleepers++;
      while ((now = __atomic_load_n(&announced, __ATOMIC_ACQUIRE)) == seen) pthread_cond_wait(&wake, &mutex);
      sleepers--;
      pthread_mutex_unlock(&mutex);
    }
    seen = now;
    if (index < (now & 255) && enter(now >> 8)) {
      work((size_t)index + 1);
      __atomic_fetch_add(&left, 1, __ATOMIC_RELEASE);
    }
  }
  return NULL;
}

static void resize(int count, bool only_if_unset) {
  // Waits for a running job, so that its helpers are not recounted under it.
  while (__atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE)) pause_briefly();
  if (only_if_unset && wanted > 0) {
    __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
    return;
  }
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  __atomic_store_n(&cores, online < 1 ? 1 : (int)online, __ATOMIC_RELAXED);
  if (count < 1) count = 1;
  if (count > most_threads) count = most_threads;
  while (started < count - 1) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, worker, (void *)(intptr_t)started) != 0) break;
    pthread_detach(thread);
    started++;
  }
  __atomic_store_n(&wanted, count < started + 1 ? count : started + 1, __ATOMIC_RELAXED);
  __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
}

int ck_pool_threads(void) {
  int count = __atomic_load_n(&wanted, __ATOMIC_RELAXED);
  if (count > 0) return count;
  long online = sysconf(_SC_NPROCESSORS_ONLN);
  resize(online < 1 ? 1 : (int)online, true);
  return __atomic_load_n(&wanted, __ATOMIC_RELAXED);
}

void ck_pool_set_threads(int count) { resize(count, false); }

int ck_pool_idle_threads(void) { return __atomic_load_n(&busy, __ATOMIC_RELAXED) ? 1 : ck_pool_threads(); }

void ck_pool_run(size_t tasks, void (*body)(void *, size_t), void *context) {
  int threads = ck_pool_threads();
  if (tasks < 2 || threads < 2 || __atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE)) {
    for (size_t task = 0; task < tasks; task++) body(context, task);
    return;
  }
  size_t helpers = (size_t)threads - 1;
  if (helpers > tasks - 1) helpers = tasks - 1;
  job_body = body;
  job_context = context;
  share_count = helpers + 1;
  for (size_t i = 0; i < share_count; i++) {
    __atomic_store_n(&shares[i].next, tasks * i / share_count, __ATOMIC_RELAXED);
    shares[i].end = tasks * (i + 1) / share_count;
  }
  uint64_t job = (__atomic_load_n(&gate, __ATOMIC_RELAXED) >> 16) + 1;
  __atomic_store_n(&left, 0, __ATOMIC_RELAXED);
  __atomic_store_n(&gate, job << 16, __ATOMIC_RELEASE);
  pthread_mutex_lock(&mutex);
  __atomic_store_n(&announced, job << 8 | helpers, __ATOMIC_RELEASE);
  if (sleepers > 0) pthread_cond_broadcast(&wake);
  pthread_mutex_unlock(&mutex);
  work(0);
  uint64_t entered = __atomic_fetch_or(&gate, closed, __ATOMIC_ACQ_REL) & 255;
  while (__atomic_load_n(&left, __ATOMIC_ACQUIRE) < entered) pause_briefly();
  __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
}
