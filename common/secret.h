// Key material: wiping that the compiler may not remove, comparison in constant time, randomness.
#ifndef VIGIL_COMMON_SECRET_H
#define VIGIL_COMMON_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

void secret_wipe(void *p, size_t n);
// Takes the same time wherever the first difference is.
bool secret_equal(const void *a, const void *b, size_t n);
// The same for 16 bytes, on the packet path.
static inline bool secret_equal16(const void *a, const void *b)
{
	uint64_t x[2], y[2];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}
// ... and for 12.
static inline bool secret_equal12(const void *a, const void *b)
{
	uint64_t x, y;
	uint32_t u, v;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	memcpy(&u, (const char *)a + sizeof(x), sizeof(u));
	memcpy(&v, (const char *)b + sizeof(y), sizeof(v));
	return ((x ^ y) | (u ^ v)) == 0;
}
// Bytes from the kernel's generator (getrandom). Aborts the process if there are none: nothing
// that follows would be safe.
void secret_random(void *out, size_t n);

#endif
