// Cryptography that protects nothing, behind the interfaces of ike_crypto.h, dh.h and dh_pool.h:
// the control plane in virtual time does with it what it does otherwise, messages, keys, checks of
// hashes and all, some hundred times faster. Hashes are a mix of 64-bit products, ciphers copy,
// Diffie-Hellman is an exclusive or. The pool computes at once. One thread.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dh.h"
#include "dh_pool.h"
#include "ike_crypto.h"
#include "secret.h"

#define GROUP      19
#define PUBLIC_LEN 64u
#define SECRET_LEN 32u
#define JOBS       4096u

struct ike_crypto {
	int unused;
};

struct dh_pool {
	struct dh_result results[JOBS];
	unsigned first, n;
};

// ---- hashes and ciphers -------------------------------------------------------------------------

struct ike_crypto *ike_crypto_create(void)
{
	return calloc(1, sizeof(struct ike_crypto));
}

void ike_crypto_destroy(struct ike_crypto *c)
{
	free(c);
}

bool ike_crypto_has_cipher(const struct ike_crypto *c, enum ike_cipher cipher)
{
	(void)c;
	(void)cipher;
	return true;
}

static uint64_t mix(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *at = data;
	uint64_t word;

	for (; len >= 8; at += 8, len -= 8) {
		memcpy(&word, at, 8);
		sum = (sum ^ word) * 0x9e3779b97f4a7c15;
		sum ^= sum >> 29;
	}
	while (len--)
		sum = (sum ^ *at++) * 0x100000001b3;
	return sum ^ sum >> 32;
}

static void spread(uint64_t sum, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (i % 8 == 0)
			sum = mix(sum, &i, sizeof(i));
		out[i] = (uint8_t)(sum >> i % 8 * 8);
	}
}

int ike_crypto_prf(struct ike_crypto *c, enum ike_hash hash, const void *key, size_t key_len,
                   const struct ike_chunk *parts, unsigned n, uint8_t *out)
{
	uint64_t sum = mix(key_len + 1, key, key_len);

	(void)c;
	for (unsigned i = 0; i < n; i++)
		sum = mix(sum, parts[i].data, parts[i].len);
	spread(sum, out, suite_hash_len(hash));
	return 0;
}

int ike_crypto_hash(struct ike_crypto *c, enum ike_hash hash, const struct ike_chunk *parts,
                    unsigned n, uint8_t *out)
{
	return ike_crypto_prf(c, hash, NULL, 0, parts, n, out);
}

// The ciphertext is the text; the next IV is its last block, as with CBC.
static int copy(uint8_t *iv, const uint8_t *in, uint8_t *out, size_t len)
{
	if (len == 0 || len % 16)
		return -EINVAL;
	memmove(out, in, len);
	memcpy(iv, out + len - 16, 16);
	return 0;
}

int ike_crypto_encrypt(struct ike_crypto *c, const struct ike_suite *s, const uint8_t *key,
                       uint8_t *iv, const uint8_t *in, uint8_t *out, size_t len)
{
	(void)c;
	(void)s;
	(void)key;
	return copy(iv, in, out, len);
}

int ike_crypto_decrypt(struct ike_crypto *c, const struct ike_suite *s, const uint8_t *key,
                       uint8_t *iv, const uint8_t *in, uint8_t *out, size_t len)
{
	(void)c;
	(void)s;
	(void)key;
	return copy(iv, in, out, len);
}

// ---- Diffie-Hellman -----------------------------------------------------------------------------

bool dh_supported(uint16_t group)
{
	return group == GROUP;
}

size_t dh_public_len(uint16_t group)
{
	return group == GROUP ? PUBLIC_LEN : 0;
}

size_t dh_secret_len(uint16_t group)
{
	return group == GROUP ? SECRET_LEN : 0;
}

bool dh_public_plausible(uint16_t group, const uint8_t *peer, size_t len)
{
	(void)peer;
	return group == GROUP && len == PUBLIC_LEN;
}

int dh_generate(uint16_t group, struct dh_key *key)
{
	*key = (struct dh_key){.group = group, .public_len = PUBLIC_LEN};
	secret_random(key->public_value, PUBLIC_LEN);
	return 0;
}

int dh_shared(const struct dh_key *key, const uint8_t *peer, size_t len,
              uint8_t secret[DH_SECRET_MAX], size_t *secret_len)
{
	if (len != PUBLIC_LEN)
		return -EINVAL;
	for (unsigned i = 0; i < SECRET_LEN; i++)
		secret[i] = key->public_value[i] ^ peer[i];
	*secret_len = SECRET_LEN;
	return 0;
}

struct dh_pool *dh_pool_create(unsigned threads, unsigned depth)
{
	(void)threads;
	(void)depth;
	return calloc(1, sizeof(struct dh_pool));
}

void dh_pool_destroy(struct dh_pool *pool)
{
	free(pool);
}

int dh_pool_submit(struct dh_pool *pool, const struct dh_job *job)
{
	struct dh_result *r = &pool->results[(pool->first + pool->n) % JOBS];
	size_t len = 0;

	if (pool->n == JOBS)
		return -EAGAIN;
	*r = (struct dh_result){.kind = job->kind, .owner = job->owner, .cookie = job->cookie};
	if (job->kind == DH_SHARED)
		r->key = job->key;
	else
		dh_generate(job->key.group, &r->key);
	if (job->kind != DH_GENERATE)
		r->error = dh_shared(&r->key, job->peer, job->peer_len, r->secret, &len);
	r->secret_len = (uint16_t)len;
	pool->n++;
	return 0;
}

unsigned dh_pool_poll(struct dh_pool *pool, struct dh_result *results, unsigned max)
{
	unsigned n = 0;

	for (; n < max && pool->n; n++, pool->n--) {
		results[n] = pool->results[pool->first];
		pool->first = (pool->first + 1) % JOBS;
	}
	return n;
}

unsigned dh_pool_pending(const struct dh_pool *pool)
{
	return pool->n;
}

int dh_pool_fd(const struct dh_pool *pool)
{
	(void)pool;
	return -1;
}
