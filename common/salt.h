// A hash of a few words under a secret salt: nobody can aim at one bucket from outside. Its bits
// are good from end to end. [any]
#ifndef VIGIL_COMMON_SALT_H
#define VIGIL_COMMON_SALT_H

#include <stdint.h>

#include "secret.h"

#define SALT_WORDS 5u

struct salt {
	uint64_t words[SALT_WORDS];
};

static inline void salt_init(struct salt *s)
{
	secret_random(s, sizeof(*s));
	s->words[4] |= 1;
}

// Not a CRC: that one is linear, so that two keys which collide do so under every salt.
static inline uint64_t salt_mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

// `n` is 2 or 5 and known when compiling.
static inline __attribute__((always_inline)) uint64_t salt_hash(const struct salt *s,
                                                                const uint64_t *key, unsigned n)
{
	uint64_t h = salt_mix(key[0] ^ s->words[0], key[1] ^ s->words[1]);

	if (n == 5) {
		h ^= salt_mix(key[2] ^ s->words[2], key[3] ^ s->words[3]);
		h = salt_mix(h ^ key[4], s->words[4]);
	}
	return h;
}

#endif
