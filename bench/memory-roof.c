// Reads the same bytes again and again for a while and prints the bytes a second:
// what no step that reads so many weights can beat on this core.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef uint64_t vector __attribute__((vector_size(64)));

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec * 1e-9;
}

int main(int count, char **values) {
  if (count < 3) return 2;
  size_t bytes = strtoull(values[1], 0, 10) & ~(size_t)511;
  double seconds = atof(values[2]);
  char *memory = aligned_alloc(4096, (bytes + 4095) & ~(size_t)4095);
  if (!memory || !bytes) return 1;
  for (size_t i = 0; i < bytes; i++) memory[i] = (char)i;
  size_t passes = 0;
  vector a = {0}, b = {0}, c = {0}, d = {0};
  double start = now(), elapsed;
  do {
    for (const char *at = memory; at < memory + bytes; at += 512) {
      const vector *v = (const vector *)at;
      a |= v[0]; b |= v[1]; c |= v[2]; d |= v[3];
      a |= v[4]; b |= v[5]; c |= v[6]; d |= v[7];
      __asm__ volatile("" : "+x"(a), "+x"(b), "+x"(c), "+x"(d));
    }
    passes++;
    elapsed = now() - start;
  } while (elapsed < seconds);
  vector all = a | b | c | d;
  fprintf(stderr, "%llu", (unsigned long long)all[0]);
  printf("%.0f\n", bytes * passes / elapsed);
  return 0;
}
