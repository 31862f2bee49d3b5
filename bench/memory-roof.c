// Reads the same bytes again and again for a while and prints the bytes a second: what no step that reads so many
// weights can beat on so many threads. Each thread reads a part of its own, in four streams.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef uint64_t vector __attribute__((vector_size(64)));

enum { STREAMS = 4, TURN = 256, MOST = 64 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

static size_t part; // bytes of a thread
static double seconds;
static pthread_barrier_t ready;

struct reader {
  double rate;
  vector all;
};

static void *read_part(void *given) {
  struct reader *reader = given;
  size_t stream = part / STREAMS & ~(size_t)(TURN - 1);
  char *memory = aligned_alloc(4096, (STREAMS * stream + 4095) & ~(size_t)4095);
  if (!memory || !stream) exit(1);
  for (size_t i = 0; i < STREAMS * stream; i++) memory[i] = (char)i;
  size_t passes = 0;
  vector a = {0}, b = {0}, c = {0}, d = {0};
  pthread_barrier_wait(&ready);
  double start = now(), elapsed;
  do {
    for (size_t at = 0; at < stream; at += TURN) {
      for (int s = 0; s < STREAMS; s++) {
        const vector *v = (const vector *)(memory + s * stream + at);
        a |= v[0]; b |= v[1]; c |= v[2]; d |= v[3];
      }
      __asm__ volatile("" : "+x"(a), "+x"(b), "+x"(c), "+x"(d));
    }
    passes++;
    elapsed = now() - start;
  } while (elapsed < seconds);
  reader->all = a | b | c | d;
  reader->rate = STREAMS * stream * passes / elapsed;
  return 0;
}

int main(int count, char **values) {
  if (count < 4) return 2;
  int threads = atoi(values[3]);
  if (threads < 1 || threads > MOST) return 2;
  part = strtoull(values[1], 0, 10) / threads;
  seconds = atof(values[2]);
  pthread_barrier_init(&ready, 0, threads);
  static struct reader readers[MOST];
  pthread_t others[MOST];
  for (int i = 1; i < threads; i++) {
    if (pthread_create(&others[i], 0, read_part, &readers[i])) return 1;
  }
  read_part(&readers[0]);
  double sum = readers[0].rate;
  vector all = readers[0].all;
  for (int i = 1; i < threads; i++) {
    pthread_join(others[i], 0);
    sum += readers[i].rate;
    all |= readers[i].all;
  }
  fprintf(stderr, "%llu", (unsigned long long)all[0]);
  printf("%.0f\n", sum);
  return 0;
}
