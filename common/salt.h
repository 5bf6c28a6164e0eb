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

// What one product leaves of keys in a row can lie in a row as well: under one salt in hundreds
// that makes lists of dozens. A second one, by a number that is known to be good, ends that.
static inline uint64_t salt_finish(uint64_t h)
{
	return salt_mix(h, 0x9e3779b97f4a7c15);
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
	return salt_finish(h);
}

// A hash with one word more.
static inline uint64_t salt_hash_more(const struct salt *s, uint64_t hash, uint64_t word)
{
	return salt_finish(salt_mix(hash ^ word, s->words[4]));
}

#endif
